// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"

	"github.com/govrrp/vrrpd/cloud"
)

// instance is what the metadata service says about this machine.
type instance struct {
	ID            string // resource id of the virtual machine
	Name          string
	Location      string
	Environment   string
	Subscription  string
	ResourceGroup string
	links         []metadataNIC

	firstNIC string // known after discovery
}

type metadataNIC struct {
	mac      string
	addrs    []netip.Addr
	prefixes []netip.Prefix
}

type metadataBody struct {
	Compute struct {
		ResourceID    string `json:"resourceId"`
		Name          string `json:"name"`
		Location      string `json:"location"`
		Environment   string `json:"azEnvironment"`
		Subscription  string `json:"subscriptionId"`
		ResourceGroup string `json:"resourceGroupName"`
	} `json:"compute"`
	Network struct {
		Interface []struct {
			MAC  string         `json:"macAddress"`
			IPv4 metadataFamily `json:"ipv4"`
			IPv6 metadataFamily `json:"ipv6"`
		} `json:"interface"`
	} `json:"network"`
}

type metadataFamily struct {
	Addresses []struct {
		Private string `json:"privateIpAddress"`
	} `json:"ipAddress"`
	Subnets []struct {
		Address string `json:"address"`
		Prefix  string `json:"prefix"`
	} `json:"subnet"`
}

// instance returns what the metadata service says; it is read once.
func (p *Provider) instance(ctx context.Context) (instance, error) {
	p.mu.Lock()
	in := p.self
	p.mu.Unlock()
	if in.ID != "" {
		return in, nil
	}
	in, err := p.readMetadata(ctx)
	if err != nil {
		var known *cloud.Error
		if !errors.As(err, &known) {
			err = &cloud.Error{Op: "metadata", Err: err}
		}
		return in, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.self = in
	return in, nil
}

func (p *Provider) readMetadata(ctx context.Context) (instance, error) {
	ctx, cancel, err := p.reading(cloud.WithLimiter(ctx, nil))
	if err != nil {
		return instance{}, err
	}
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.opts.MetadataEndpoint+"/metadata/instance?api-version=2021-02-01", nil)
	if err != nil {
		return instance{}, err
	}
	r.Header.Set("Metadata", "true")
	resp, err := p.http.Do(r)
	if err != nil {
		return instance{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return instance{}, &cloud.Error{Op: "metadata", Status: resp.StatusCode, Hint: retryAfter(resp.Header), Err: errors.New("no instance document")}
	}
	var b metadataBody
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&b); err != nil {
		return instance{}, err
	}
	c := b.Compute
	in := instance{
		ID: c.ResourceID, Name: c.Name, Location: c.Location, Environment: c.Environment,
		Subscription: c.Subscription, ResourceGroup: c.ResourceGroup,
	}
	if in.ID == "" || in.Subscription == "" || in.ResourceGroup == "" || len(b.Network.Interface) == 0 {
		return instance{}, incomplete("metadata", "resourceId, subscriptionId, resourceGroupName and interface")
	}
	for _, i := range b.Network.Interface {
		in.links = append(in.links, i.IPv4.join(i.IPv6, plainMAC(i.MAC)))
	}
	return in, nil
}

// join makes one interface of its two families. The service tells no IPv6
// ranges; in Azure they are all /64.
func (v4 metadataFamily) join(v6 metadataFamily, mac string) metadataNIC {
	n := metadataNIC{mac: mac}
	for _, s := range v4.Subnets {
		a, err := netip.ParseAddr(s.Address)
		bits, berr := strconv.Atoi(s.Prefix)
		if err == nil && berr == nil {
			n.addPrefix(netip.PrefixFrom(a, bits))
		}
	}
	for _, a := range append(slices.Clone(v4.Addresses), v6.Addresses...) {
		addr, err := netip.ParseAddr(a.Private)
		if err != nil {
			continue
		}
		n.addrs = append(n.addrs, addr)
		if addr.Is6() {
			n.addPrefix(netip.PrefixFrom(addr, 64))
		}
	}
	return n
}

func (n *metadataNIC) addPrefix(p netip.Prefix) {
	if p = p.Masked(); p.IsValid() && !slices.Contains(n.prefixes, p) {
		n.prefixes = append(n.prefixes, p)
	}
}

// plainMAC turns 000D3A112233 and 00-0D-3A-11-22-33 into 00:0d:3a:11:22:33.
func plainMAC(s string) string {
	hex := strings.ToLower(strings.NewReplacer("-", "", ":", "").Replace(s))
	if len(hex) != 12 {
		return hex
	}
	parts := make([]string, 6)
	for i := range parts {
		parts[i] = hex[2*i : 2*i+2]
	}
	return strings.Join(parts, ":")
}

// Discover implements [cloud.Provider].
func (p *Provider) Discover(ctx context.Context) (cloud.Node, error) {
	if len(p.opts.NICs) > 0 {
		return p.discoverNamed(ctx)
	}
	p.mu.Lock()
	p.self.ID = "" // interfaces may have come or gone
	p.mu.Unlock()
	in, err := p.instance(ctx)
	if err != nil {
		return cloud.Node{}, err
	}
	raw, _, err := p.get(ctx, "virtualMachines/read", in.ID, computeVersion)
	if err != nil {
		return cloud.Node{}, err
	}
	var vm struct {
		Properties struct {
			NetworkProfile struct {
				NICs []struct {
					ID         string `json:"id"`
					Properties struct {
						Primary bool `json:"primary"`
					} `json:"properties"`
				} `json:"networkInterfaces"`
			} `json:"networkProfile"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(raw, &vm); err != nil {
		return cloud.Node{}, toError("virtualMachines/read", err)
	}
	node := cloud.Node{Provider: "azure", ID: in.ID, Name: in.Name, Region: in.Location}
	listed := vm.Properties.NetworkProfile.NICs
	for _, ref := range listed {
		v, err := p.readNIC(ctx, ref.ID)
		if err != nil {
			return cloud.Node{}, err
		}
		nic := v.describe(ref.Properties.Primary || len(listed) == 1)
		for _, l := range in.links {
			if l.mac == nic.MAC {
				nic.Prefixes = l.prefixes
			}
		}
		if len(nic.Prefixes) == 0 {
			return cloud.Node{}, &cloud.Error{Class: cloud.ClassAbsent, Op: "metadata", Err: fmt.Errorf("no interface with the MAC %s of %s", nic.MAC, ref.ID)}
		}
		node.NICs = append(node.NICs, nic)
	}
	return p.finish(node)
}

// discoverNamed finds the subnets of interfaces that were named by id.
func (p *Provider) discoverNamed(ctx context.Context) (cloud.Node, error) {
	c, err := p.client(ctx)
	if err != nil {
		return cloud.Node{}, err
	}
	node := cloud.Node{Provider: "azure", ID: canonical(p.opts.NICs[0])}
	for i, id := range p.opts.NICs {
		v, err := p.readNIC(ctx, id)
		if err != nil {
			return cloud.Node{}, err
		}
		nic := v.describe(i == 0)
		sub, err := arm.ParseResourceID(nic.Subnet)
		if err != nil || sub.Parent == nil {
			return cloud.Node{}, incomplete("networkInterfaces/read", "subnet")
		}
		node.Region = cmp.Or(node.Region, v.location)
		rctx, cancel, err := p.reading(ctx)
		if err != nil {
			return cloud.Node{}, toError("virtualNetworks/subnets/read", err)
		}
		r, err := c.subnets.Get(rctx, sub.ResourceGroupName, sub.Parent.Name, sub.Name, nil)
		cancel()
		if err != nil {
			return cloud.Node{}, toError("virtualNetworks/subnets/read", err)
		}
		if r.Properties == nil {
			return cloud.Node{}, incomplete("virtualNetworks/subnets/read", "properties")
		}
		for _, text := range append([]*string{r.Properties.AddressPrefix}, r.Properties.AddressPrefixes...) {
			if prefix, err := netip.ParsePrefix(deref(text)); err == nil && !slices.Contains(nic.Prefixes, prefix.Masked()) {
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
		return node, &cloud.Error{Class: cloud.ClassAbsent, Op: "virtualMachines/read", Err: errors.New("the machine has no network interface")}
	}
	links, err := p.opts.Links()
	for i := range node.NICs {
		for _, l := range links {
			// The virtual function of accelerated networking has the same MAC
			// and is no interface to configure; its name is the longer one.
			name := node.NICs[i].Name
			if err == nil && l.HardwareAddr.String() == node.NICs[i].MAC && (name == "" || len(l.Name) < len(name)) {
				node.NICs[i].Name = l.Name
			}
		}
	}
	slices.SortFunc(node.NICs, func(a, b cloud.NIC) int { return cmp.Compare(a.ID, b.ID) })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.self.firstNIC = node.NICs[0].ID
	return node, nil
}

// canonical returns the one way a resource id is written here: case does not
// matter to the vendor, whose own services do not agree on it.
func canonical(id string) string { return strings.ToLower(strings.TrimRight(id, "/")) }
