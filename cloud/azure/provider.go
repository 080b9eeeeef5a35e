// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	azcloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v9"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/transport"
)

const (
	defaultMetadata = "http://169.254.169.254"
	networkVersion  = "2025-05-01" // of armnetwork's clients too
	computeVersion  = "2024-07-01"
	readTimeout     = 3 * time.Second
)

// Provider implements [cloud.Provider], [cloud.Checker], [cloud.Refresher],
// [cloud.RouteLister] and [cloud.Warmer], and is safe for concurrent use.
type Provider struct {
	opts Options
	http *http.Client

	mu      sync.Mutex
	self    instance
	api     *clients                   // nil until the cloud is known
	ops     map[string]*operation      // writes under way, by resource id
	holders map[string]string          // address in a subnet → interface that held it last
	configs map[string]json.RawMessage // address in a subnet → its configuration when last seen
	skew    time.Duration              // the vendor's clock minus ours, from the last reply
	dated   bool
}

var (
	_ cloud.Provider    = (*Provider)(nil)
	_ cloud.Checker     = (*Provider)(nil)
	_ cloud.Refresher   = (*Provider)(nil)
	_ cloud.RouteLister = (*Provider)(nil)
	_ cloud.Warmer      = (*Provider)(nil)
)

// clients are the SDK's clients, and the pipeline below them.
type clients struct {
	arm     *arm.Client
	creds   *credentials
	nics    *armnetwork.InterfacesClient
	tables  *armnetwork.RouteTablesClient
	publics *armnetwork.PublicIPAddressesClient
	subnets *armnetwork.SubnetsClient
}

// New checks the options and returns a provider. It sends nothing.
func New(o Options) (cloud.Provider, error) {
	o.MetadataEndpoint = strings.TrimRight(cmp.Or(o.MetadataEndpoint, defaultMetadata), "/")
	o.Endpoint = strings.TrimRight(o.Endpoint, "/")
	for _, e := range []string{o.Endpoint, o.MetadataEndpoint} {
		if e == "" {
			continue
		}
		if _, err := transport.CheckEndpoint(e); err != nil {
			return nil, fmt.Errorf("azure: %w", err)
		}
	}
	for _, id := range append(append([]string{}, o.NICs...), o.PeerNICs...) {
		if _, err := arm.ParseResourceID(id); err != nil || !strings.Contains(strings.ToLower(id), "/networkinterfaces/") {
			return nil, fmt.Errorf("azure: %q is not the resource id of a network interface", id)
		}
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.TableAbove == 0 {
		o.TableAbove = 1
	}
	if o.Links == nil {
		o.Links = net.Interfaces
	}
	return &Provider{
		opts: o, http: transport.New(transport.Options{Source: o.Source, Timeout: o.Timeout, Base: o.Base}),
		ops: map[string]*operation{}, holders: map[string]string{}, configs: map[string]json.RawMessage{},
	}, nil
}

// clouds by the name that the metadata service gives them.
var clouds = map[string]azcloud.Configuration{
	"AZUREPUBLICCLOUD":       azcloud.AzurePublic,
	"AZUREUSGOVERNMENTCLOUD": azcloud.AzureGovernment,
	"AZURECHINACLOUD":        azcloud.AzureChina,
}

// client returns the SDK's clients, with a valid token behind them.
func (p *Provider) client(ctx context.Context) (*clients, error) {
	p.mu.Lock()
	c := p.api
	p.mu.Unlock()
	if c == nil {
		var err error
		if c, err = p.connect(ctx); err != nil {
			return nil, err
		}
	}
	return c, c.creds.ensure(ctx, whenExpired)
}

func (p *Provider) connect(ctx context.Context) (*clients, error) {
	env, subscription := "AZUREPUBLICCLOUD", p.opts.Subscription
	if len(p.opts.NICs) == 0 {
		in, err := p.instance(ctx)
		if err != nil {
			return nil, err
		}
		env, subscription = strings.ToUpper(in.Environment), cmp.Or(subscription, in.Subscription)
	} else if id, err := arm.ParseResourceID(p.opts.NICs[0]); err == nil {
		subscription = cmp.Or(subscription, id.SubscriptionID)
	}
	conf, ok := clouds[env]
	if !ok && p.opts.Endpoint == "" {
		return nil, &cloud.Error{Class: cloud.ClassInvalid, Op: "metadata", Err: fmt.Errorf("cloud %q is not known: an endpoint is needed", env)}
	}
	if !ok {
		conf = azcloud.AzurePublic
	}
	service := conf.Services[azcloud.ResourceManager]
	scope := service.Audience + "/.default"
	base := policy.ClientOptions{
		Cloud: conf, Retry: policy.RetryOptions{MaxRetries: -1}, Transport: redirect{p.opts.MetadataEndpoint, p.http},
		Telemetry: policy.TelemetryOptions{ApplicationID: "vrrpd"},
	}
	fetch, err := fetcher(p.opts, base, scope)
	if err != nil {
		return nil, &cloud.Error{Class: cloud.ClassInvalid, Op: "credentials", Err: err}
	}
	if p.opts.Endpoint != "" {
		service.Endpoint = p.opts.Endpoint
		conf.Services = map[azcloud.ServiceName]azcloud.ServiceConfiguration{azcloud.ResourceManager: service}
		base.Cloud = conf
	}
	base.Transport = dated{p}
	base.InsecureAllowCredentialWithHTTP = strings.HasPrefix(p.opts.Endpoint, "http://")
	c, err := newClients(subscription, &credentials{fetch: fetch, fetching: make(chan struct{}, 1)}, &arm.ClientOptions{ClientOptions: base, DisableRPRegistration: true})
	if err != nil {
		return nil, &cloud.Error{Class: cloud.ClassInvalid, Op: "client", Err: err}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.api == nil {
		p.api = c
	}
	return p.api, nil
}

func newClients(subscription string, creds *credentials, o *arm.ClientOptions) (*clients, error) {
	pipeline, err := arm.NewClient("vrrpd", "v1.0.0", creds, o)
	if err != nil {
		return nil, err
	}
	f, err := armnetwork.NewClientFactory(subscription, creds, o)
	if err != nil {
		return nil, err
	}
	return &clients{
		arm: pipeline, creds: creds, nics: f.NewInterfacesClient(), tables: f.NewRouteTablesClient(),
		publics: f.NewPublicIPAddressesClient(), subnets: f.NewSubnetsClient(),
	}, nil
}

// dated is the HTTP client under the SDK. It notes how far apart the clocks are.
type dated struct{ p *Provider }

// Do implements policy.Transporter.
func (d dated) Do(r *http.Request) (*http.Response, error) {
	resp, err := d.p.http.Do(r)
	if err != nil {
		return nil, err
	}
	if t, perr := http.ParseTime(resp.Header.Get("Date")); perr == nil {
		d.p.mu.Lock()
		d.p.skew, d.p.dated = time.Until(t), true
		d.p.mu.Unlock()
	}
	return resp, nil
}

// get reads a resource, or whatever is at the path, as raw JSON.
func (p *Provider) get(ctx context.Context, op, path, version string) ([]byte, http.Header, error) {
	c, err := p.client(ctx)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel, err := p.reading(ctx)
	if err != nil {
		return nil, nil, toError(op, err)
	}
	defer cancel()
	r, err := p.request(ctx, c, http.MethodGet, path, version)
	if err != nil {
		return nil, nil, toError(op, err)
	}
	resp, err := c.arm.Pipeline().Do(r)
	if err != nil {
		return nil, nil, toError(op, err)
	}
	if !runtime.HasStatusCode(resp, http.StatusOK, http.StatusAccepted) {
		return nil, resp.Header, replyError(op, resp)
	}
	raw, err := runtime.Payload(resp)
	return raw, resp.Header, toError(op, err)
}

// request makes a request for a path, or for a URL the vendor gave. The latter
// must be the vendor's own: a token goes there.
func (p *Provider) request(ctx context.Context, c *clients, method, path, version string) (*policy.Request, error) {
	url := path
	if strings.HasPrefix(path, "/") {
		url = strings.TrimRight(c.arm.Endpoint(), "/") + path
	}
	r, err := runtime.NewRequest(ctx, method, url)
	if err != nil {
		return nil, err
	}
	if version != "" {
		q := r.Raw().URL.Query()
		q.Set("api-version", version)
		r.Raw().URL.RawQuery = q.Encode()
	}
	r.Raw().Header.Set("Accept", "application/json")
	return r, nil
}

// put sends the one mutating request of a step, conditioned on the version.
func (p *Provider) put(ctx context.Context, op, path string, body json.RawMessage, condition http.Header) (*http.Response, error) {
	c, err := p.client(ctx)
	if err != nil {
		return nil, err
	}
	r, err := p.request(policy.WithHTTPHeader(ctx, condition), c, http.MethodPut, path, networkVersion)
	if err == nil {
		err = r.SetBody(streaming.NopCloser(bytes.NewReader(body)), "application/json")
	}
	if err != nil {
		return nil, toError(op, err)
	}
	resp, err := c.arm.Pipeline().Do(r)
	if err != nil {
		return nil, toError(op, err)
	}
	if !runtime.HasStatusCode(resp, http.StatusOK, http.StatusCreated, http.StatusAccepted) {
		return resp, replyError(op, resp)
	}
	return resp, nil
}

// reading is the context of one read: its deadline begins when the limiter has
// let it pass.
func (p *Provider) reading(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if l := cloud.LimiterFrom(ctx); l != nil {
		if err := l.Read(ctx); err != nil {
			return nil, nil, err
		}
		ctx = cloud.WithLimiter(ctx, nil)
	}
	ctx, cancel := context.WithTimeout(ctx, min(readTimeout, p.opts.Timeout))
	return ctx, cancel, nil
}

// Refresh implements [cloud.Refresher].
func (p *Provider) Refresh(ctx context.Context) error {
	p.mu.Lock()
	c := p.api
	p.mu.Unlock()
	if c == nil {
		_, err := p.client(ctx)
		return err
	}
	return c.creds.ensure(ctx, always)
}

// Warm implements [cloud.Warmer]: it renews a token that is past half of its
// life, and reads one of the node's interfaces to keep the connection open.
func (p *Provider) Warm(ctx context.Context) error {
	c, err := p.client(ctx)
	if err != nil {
		return err
	}
	renewal := c.creds.ensure(ctx, whenHalf)
	p.mu.Lock()
	id := p.self.firstNIC
	p.mu.Unlock()
	if id != "" {
		if _, _, err := p.get(ctx, "networkInterfaces/read", id, networkVersion); err != nil {
			return err
		}
	}
	return renewal
}

var _ azcore.TokenCredential = (*credentials)(nil)
