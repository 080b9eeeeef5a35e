// SPDX-License-Identifier: Apache-2.0

//go:build !nooci

package oci

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/core"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/transport"
)

// Provider implements [cloud.Provider], [cloud.Refresher], [cloud.Warmer],
// [cloud.Checker] and [cloud.RouteLister].
type Provider struct {
	opts     Options
	http     *http.Client
	metadata *metadataClient
	creds    *credentials
	file     common.ConfigurationProvider // nil: instance principal

	mu     sync.Mutex
	client *core.VirtualNetworkClient // nil until the endpoint is known
	self   instance
	ids    map[string]string // item or address in a subnet → OCID
	vnics  map[string]core.Vnic
	skew   time.Duration // the vendor's clock minus ours, from the last reply
	dated  bool
}

var (
	_ cloud.Provider    = (*Provider)(nil)
	_ cloud.Refresher   = (*Provider)(nil)
	_ cloud.Warmer      = (*Provider)(nil)
	_ cloud.Checker     = (*Provider)(nil)
	_ cloud.RouteLister = (*Provider)(nil)
)

const (
	defaultMetadata = "http://169.254.169.254/opc/v2"
	apiVersion      = "20160918"
)

// New checks the options and returns a provider. It does no I/O but reading a
// configuration file; whether the cloud can be reached shows in Discover.
func New(o Options) (cloud.Provider, error) {
	o.MetadataEndpoint = cmp.Or(o.MetadataEndpoint, os.Getenv("OCI_METADATA_BASE_URL"), defaultMetadata)
	o.AuthEndpoint = cmp.Or(o.AuthEndpoint, os.Getenv("OCI_SDK_AUTH_CLIENT_REGION_URL"))
	if o.Timeout == 0 {
		o.Timeout = 3 * time.Second
	}
	if o.Links == nil {
		o.Links = net.Interfaces
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	for _, e := range []*string{&o.Endpoint, &o.AuthEndpoint, &o.MetadataEndpoint} {
		*e = strings.TrimRight(*e, "/")
		if *e == "" {
			continue
		}
		if _, err := transport.CheckEndpoint(*e); err != nil {
			return nil, fmt.Errorf("oci: %w", err)
		}
	}
	p := &Provider{
		opts: o, ids: map[string]string{}, vnics: map[string]core.Vnic{},
		http: transport.New(transport.Options{Source: o.Source, Timeout: o.Timeout, Base: o.Base}),
	}
	p.metadata = &metadataClient{base: o.MetadataEndpoint, http: p.http}
	if err := p.chooseAuth(); err != nil {
		return nil, fmt.Errorf("oci: %w", err)
	}
	return p, nil
}

func (p *Provider) chooseAuth() error {
	o := &p.opts
	path := cmp.Or(o.ConfigFile, os.Getenv("OCI_CONFIG_FILE"))
	if path == "" {
		if home, err := os.UserHomeDir(); err == nil {
			path = filepath.Join(home, ".oci", "config")
		}
	}
	auth := o.Auth
	if auth == AuthAuto {
		auth = AuthInstancePrincipal
		if _, err := os.Stat(path); err == nil || o.ConfigFile != "" || o.Profile != "" {
			auth = AuthConfigFile
		}
	}
	p.creds = &credentials{now: o.Now}
	if auth == AuthInstancePrincipal {
		f := &federation{metadata: p.metadata, http: dated{p}, now: o.Now, endpoint: p.authEndpoint}
		p.creds.fetch = f.fetch
		return nil
	}
	profile := cmp.Or(o.Profile, os.Getenv("OCI_CLI_PROFILE"), "DEFAULT")
	file, err := common.ConfigurationProviderFromFileWithProfile(path, profile, "")
	if err != nil {
		return err
	}
	if _, err := file.Region(); err != nil && o.Region == "" && o.Endpoint == "" {
		return fmt.Errorf("%s, profile %s: %w", path, profile, err)
	}
	p.file, p.creds.fetch = file, fromFile(file)
	return nil
}

func (p *Provider) authEndpoint(ctx context.Context) (string, error) {
	if p.opts.AuthEndpoint != "" {
		return p.opts.AuthEndpoint, nil
	}
	in, err := p.instance(ctx)
	if err != nil {
		return "", err
	}
	return in.host("auth"), nil
}

// instance returns what the metadata service says about this machine; it is
// read once.
func (p *Provider) instance(ctx context.Context) (instance, error) {
	p.mu.Lock()
	in := p.self
	p.mu.Unlock()
	if in.ID != "" {
		return in, nil
	}
	in, err := p.metadata.instance(ctx)
	if err != nil {
		return in, err
	}
	if p.opts.Region != "" {
		in.Region = p.opts.Region
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.self = in
	return in, nil
}

// api returns the SDK's client, with valid credentials behind it.
func (p *Provider) api(ctx context.Context) (core.VirtualNetworkClient, error) {
	if err := p.creds.ensure(ctx, whenExpired); err != nil {
		return core.VirtualNetworkClient{}, err
	}
	p.mu.Lock()
	c := p.client
	p.mu.Unlock()
	if c != nil {
		return *c, nil
	}
	host, err := p.apiHost(ctx)
	if err != nil {
		return core.VirtualNetworkClient{}, err
	}
	base := common.DefaultBaseClientWithSigner(p.creds)
	once := common.NoRetryPolicy()
	base.Configuration.RetryPolicy = &once
	base.Configuration.CircuitBreaker = nil
	base.Host, base.BasePath, base.HTTPClient = host, apiVersion, dated{p}
	c = &core.VirtualNetworkClient{BaseClient: base}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.client = c
	return *c, nil
}

func (p *Provider) apiHost(ctx context.Context) (string, error) {
	if p.opts.Endpoint != "" {
		return p.opts.Endpoint, nil
	}
	if p.file != nil {
		region := p.opts.Region
		if region == "" {
			var err error
			if region, err = p.file.Region(); err != nil {
				return "", &cloud.Error{Class: cloud.ClassInvalid, Op: "configuration file", Err: err}
			}
		}
		return "https://" + common.StringToRegion(region).Endpoint("iaas"), nil
	}
	in, err := p.instance(ctx)
	if err != nil {
		return "", err
	}
	return in.host("iaas"), nil
}

type contextKey struct{}

// detached hides the end of a context from the SDK and keeps it for the HTTP
// client below, which ends the request. The SDK's own answer to a context that
// ends is to return while its goroutine still writes the result: a data race.
func detached(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), contextKey{}, ctx)
}

// dated is the HTTP client under the SDK. It notes how far apart the clocks
// are: requests are refused when they differ by more than five minutes.
type dated struct{ p *Provider }

// Do implements the SDK's HTTPRequestDispatcher.
func (d dated) Do(r *http.Request) (*http.Response, error) {
	if ctx, ok := r.Context().Value(contextKey{}).(context.Context); ok {
		r = r.WithContext(ctx)
	}
	resp, err := d.p.http.Do(r)
	if err != nil {
		return nil, err
	}
	if t, perr := http.ParseTime(resp.Header.Get("Date")); perr == nil {
		d.p.mu.Lock()
		d.p.skew, d.p.dated = t.Sub(d.p.opts.Now()), true
		d.p.mu.Unlock()
	}
	return resp, nil
}

// Refresh implements [cloud.Refresher].
func (p *Provider) Refresh(ctx context.Context) error { return p.creds.ensure(ctx, always) }

// Warm implements [cloud.Warmer]: it renews a token that is past half of its
// life, and reads one VNIC to keep the connection open.
func (p *Provider) Warm(ctx context.Context) error {
	if err := p.creds.ensure(ctx, whenHalf); err != nil {
		return err
	}
	p.mu.Lock()
	var id string
	for known := range p.vnics {
		if id == "" || known < id {
			id = known
		}
	}
	p.mu.Unlock()
	if id == "" {
		return nil
	}
	_, err := p.getVNIC(ctx, id)
	return err
}

// Discover implements [cloud.Provider].
func (p *Provider) Discover(ctx context.Context) (cloud.Node, error) {
	p.mu.Lock()
	p.ids = map[string]string{}
	p.mu.Unlock()
	if len(p.opts.VNICs) > 0 {
		return p.discoverNamed(ctx)
	}
	in, err := p.instance(ctx)
	if err != nil {
		return cloud.Node{}, err
	}
	var listed []metadataVNIC
	if err := p.metadata.decode(ctx, "/vnics/", &listed); err != nil {
		return cloud.Node{}, err
	}
	node := cloud.Node{Provider: "oci", ID: in.ID, Name: in.DisplayName, Region: in.Region}
	for i, mv := range listed {
		v, err := p.getVNIC(ctx, mv.ID)
		if err != nil {
			return cloud.Node{}, err
		}
		nic := cloud.NIC{ID: mv.ID, MAC: strings.ToLower(mv.MAC), Subnet: str(v.SubnetId), Primary: i == 0}
		nic.Addr, _ = netip.ParseAddr(mv.PrivateIP)
		for _, text := range append([]string{mv.CIDR, mv.CIDR6}, mv.CIDRs6...) {
			if prefix, err := netip.ParsePrefix(text); err == nil && !slices.Contains(nic.Prefixes, prefix.Masked()) {
				nic.Prefixes = append(nic.Prefixes, prefix.Masked())
			}
		}
		node.NICs = append(node.NICs, nic)
	}
	return p.finish(node)
}

// discoverNamed finds the subnets of interfaces that were named by OCID.
func (p *Provider) discoverNamed(ctx context.Context) (cloud.Node, error) {
	node := cloud.Node{Provider: "oci", ID: p.opts.VNICs[0], Region: p.opts.Region}
	for i, id := range p.opts.VNICs {
		v, err := p.getVNIC(ctx, id)
		if err != nil {
			return cloud.Node{}, err
		}
		c, err := p.api(ctx)
		if err != nil {
			return cloud.Node{}, err
		}
		sub, err := c.GetSubnet(detached(ctx), core.GetSubnetRequest{SubnetId: v.SubnetId})
		if err != nil {
			return cloud.Node{}, withHint(toError("GetSubnet", err), sub.RawResponse)
		}
		nic := cloud.NIC{ID: id, MAC: strings.ToLower(str(v.MacAddress)), Subnet: str(v.SubnetId), Primary: i == 0}
		nic.Addr, _ = netip.ParseAddr(str(v.PrivateIp))
		for _, text := range append(append([]string{str(sub.CidrBlock), str(sub.Ipv6CidrBlock)}, sub.Ipv4CidrBlocks...), sub.Ipv6CidrBlocks...) {
			if prefix, err := netip.ParsePrefix(text); err == nil && !slices.Contains(nic.Prefixes, prefix.Masked()) {
				nic.Prefixes = append(nic.Prefixes, prefix.Masked())
			}
		}
		node.NICs = append(node.NICs, nic)
	}
	return p.finish(node)
}

// finish matches interfaces with the kernel's by MAC and orders them.
func (p *Provider) finish(node cloud.Node) (cloud.Node, error) {
	if len(node.NICs) == 0 {
		return node, &cloud.Error{Class: cloud.ClassAbsent, Op: "metadata /vnics/", Err: fmt.Errorf("no VNICs")}
	}
	if links, err := p.opts.Links(); err == nil {
		for i := range node.NICs {
			for _, l := range links {
				if l.HardwareAddr.String() == node.NICs[i].MAC {
					node.NICs[i].Name = l.Name
					break
				}
			}
		}
	}
	slices.SortFunc(node.NICs, func(a, b cloud.NIC) int { return cmp.Compare(a.ID, b.ID) })
	return node, nil
}

func (p *Provider) getVNIC(ctx context.Context, id string) (core.Vnic, error) {
	c, err := p.api(ctx)
	if err != nil {
		return core.Vnic{}, err
	}
	r, err := c.GetVnic(detached(ctx), core.GetVnicRequest{VnicId: &id})
	if err != nil {
		return core.Vnic{}, withHint(toError("GetVnic", err), r.RawResponse)
	}
	if str(r.SubnetId) == "" {
		return core.Vnic{}, &cloud.Error{Class: cloud.ClassUnknown, Op: "GetVnic", Err: fmt.Errorf("%s: no subnet in the reply", id)}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.vnics[id] = r.Vnic
	return r.Vnic, nil
}

func str(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
