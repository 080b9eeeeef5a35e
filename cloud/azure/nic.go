// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v9"

	"github.com/govrrp/vrrpd/cloud"
)

// nic is one network interface as it was read.
type nic struct {
	id, etag, location, state string
	mac                       string
	forwards                  bool
	primary                   bool // of its machine
	configs                   []config
	raw                       json.RawMessage
}

// config is one of its addresses.
type config struct {
	name    string
	addr    netip.Addr
	primary bool
	subnet  string // resource ids, canonical
	public  string
	raw     json.RawMessage
}

func (n *nic) has(addr netip.Addr) *config {
	for i := range n.configs {
		if n.configs[i].addr == addr {
			return &n.configs[i]
		}
	}
	return nil
}

func (n *nic) first() *config {
	for i := range n.configs {
		if n.configs[i].primary || len(n.configs) == 1 {
			return &n.configs[i]
		}
	}
	return nil
}

// parseNIC reads an interface. What is needed and missing is an error.
func parseNIC(raw json.RawMessage) (*nic, error) {
	const op = "networkInterfaces/read"
	var v armnetwork.Interface
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, &cloud.Error{Op: op, Err: err}
	}
	if v.Properties == nil || deref(v.ID) == "" || deref(v.Etag) == "" || len(v.Properties.IPConfigurations) == 0 {
		return nil, incomplete(op, "id, etag and ipConfigurations")
	}
	n := &nic{
		id: canonical(*v.ID), etag: *v.Etag, location: deref(v.Location), mac: plainMAC(deref(v.Properties.MacAddress)),
		forwards: deref(v.Properties.EnableIPForwarding), primary: deref(v.Properties.Primary),
		state: string(deref(v.Properties.ProvisioningState)), raw: raw,
	}
	rawConfigs, err := rawList(raw, "properties", "ipConfigurations")
	if err != nil || len(rawConfigs) != len(v.Properties.IPConfigurations) {
		return nil, incomplete(op, "ipConfigurations")
	}
	for i, c := range v.Properties.IPConfigurations {
		if c == nil || c.Properties == nil || deref(c.Name) == "" {
			return nil, incomplete(op, "ipConfigurations.properties")
		}
		cfg := config{name: *c.Name, primary: deref(c.Properties.Primary), raw: rawConfigs[i]}
		if s := c.Properties.Subnet; s != nil {
			cfg.subnet = canonical(deref(s.ID))
		}
		if s := c.Properties.PublicIPAddress; s != nil {
			cfg.public = canonical(deref(s.ID))
		}
		if text := deref(c.Properties.PrivateIPAddress); text != "" {
			if cfg.addr, err = netip.ParseAddr(text); err != nil {
				return nil, &cloud.Error{Op: op, Err: err}
			}
		}
		n.configs = append(n.configs, cfg)
	}
	return n, nil
}

// rawList returns the elements of an array below raw.
func rawList(raw json.RawMessage, path ...string) ([]json.RawMessage, error) {
	for _, key := range path {
		o, err := parseObject(raw)
		if err != nil {
			return nil, err
		}
		raw = o.get(key)
	}
	var list []json.RawMessage
	if len(raw) == 0 {
		return nil, nil
	}
	return list, json.Unmarshal(raw, &list)
}

// describe is the interface for [cloud.Node].
func (n *nic) describe(primary bool) cloud.NIC {
	out := cloud.NIC{ID: n.id, MAC: n.mac, Primary: primary}
	if c := n.first(); c != nil {
		out.Addr, out.Subnet = c.addr, c.subnet
	}
	return out
}

// nicFor picks the interface of an item. It knows them by resource id, however
// written, and by resource name too.
func nicFor(node cloud.Node, it cloud.Item) (cloud.NIC, error) {
	found, err := node.NICFor(it)
	if err == nil || it.NIC == "" {
		return found, err
	}
	for _, n := range node.NICs {
		if n.ID == canonical(it.NIC) || strings.HasSuffix(n.ID, "/networkinterfaces/"+canonical(it.NIC)) {
			return n, nil
		}
	}
	return found, err
}

// readNIC reads one interface and remembers its addresses.
func (p *Provider) readNIC(ctx context.Context, id string) (*nic, error) {
	raw, _, err := p.get(ctx, "networkInterfaces/read", id, networkVersion)
	if err != nil {
		return nil, err
	}
	n, err := parseNIC(raw)
	if err == nil {
		p.remember(n)
	}
	return n, err
}

// remember keeps the configuration of each address for the day it is found
// detached: whoever took it away may have died before he put it back.
func (p *Provider) remember(n *nic) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range n.configs {
		if c.addr.IsValid() && !c.primary {
			p.configs[c.subnet+" "+c.addr.String()] = c.raw
			p.holders[c.subnet+" "+c.addr.String()] = n.id
		}
	}
}

// groups are the resource groups in which to look for interfaces.
func (p *Provider) groups(node cloud.Node) []string {
	seen := map[string]bool{}
	var out []string
	add := func(g string) {
		if g = strings.ToLower(g); g != "" && !seen[g] {
			seen[g] = true
			out = append(out, g)
		}
	}
	for _, n := range node.NICs {
		if id, err := arm.ParseResourceID(n.ID); err == nil {
			add(id.ResourceGroupName)
		}
	}
	add(p.opts.ResourceGroup)
	return out
}

// listNICs reads every interface of the resource groups in question, and the
// peers' by name.
func (p *Provider) listNICs(ctx context.Context, node cloud.Node) ([]*nic, error) {
	c, err := p.client(ctx)
	if err != nil {
		return nil, err
	}
	var out []*nic
	for _, group := range p.groups(node) {
		pager := c.nics.NewListPager(group, nil)
		for pager.More() {
			raws, err := page(ctx, p, "networkInterfaces/read", func(ctx context.Context) error {
				_, err := pager.NextPage(ctx)
				return err
			})
			if err != nil {
				return nil, err
			}
			for _, raw := range raws {
				n, err := parseNIC(raw)
				if errors.Is(err, errIncomplete) {
					continue // somebody else's, being made or not of our kind
				}
				if err != nil {
					return nil, err
				}
				p.remember(n)
				out = append(out, n)
			}
		}
	}
	for _, id := range p.opts.PeerNICs {
		n, err := p.readNIC(ctx, id)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}
