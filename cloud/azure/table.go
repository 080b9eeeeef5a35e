// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v9"

	"github.com/govrrp/vrrpd/cloud"
)

// table is one route table as it was read.
type table struct {
	id, name, etag, state string
	tags                  map[string]*string
	networks              []string // ids of the virtual networks of its subnets
	routes                []route
	raw                   json.RawMessage
}

type route struct {
	name, etag, state string
	dest              string // the prefix, masked, or a service tag
	holder            string
	raw               json.RawMessage
}

func parseTable(raw json.RawMessage) (*table, error) {
	const op = "routeTables/read"
	var v armnetwork.RouteTable
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, &cloud.Error{Op: op, Err: err}
	}
	if v.Properties == nil || deref(v.ID) == "" || deref(v.Etag) == "" {
		return nil, incomplete(op, "id, etag and properties")
	}
	t := &table{
		id: canonical(*v.ID), name: deref(v.Name), etag: *v.Etag, tags: v.Tags, raw: raw,
		state: string(deref(v.Properties.ProvisioningState)),
	}
	for _, s := range v.Properties.Subnets {
		if s != nil {
			network, _, _ := strings.Cut(canonical(deref(s.ID)), "/subnets/")
			t.networks = append(t.networks, network)
		}
	}
	raws, err := rawList(raw, "properties", "routes")
	if err != nil || len(raws) != len(v.Properties.Routes) {
		return nil, incomplete(op, "routes")
	}
	for i, r := range v.Properties.Routes {
		if r == nil || r.Properties == nil || deref(r.Properties.AddressPrefix) == "" || r.Properties.NextHopType == nil {
			return nil, incomplete(op, "routes.properties")
		}
		t.routes = append(t.routes, route{
			name: deref(r.Name), etag: cmp.Or(deref(r.Etag), t.etag), raw: raws[i], dest: destination(*r.Properties.AddressPrefix),
			state: string(deref(r.Properties.ProvisioningState)), holder: nextHop(r.Properties),
		})
	}
	return t, nil
}

// destination writes a prefix the one way: masked. What is no prefix is a
// service tag.
func destination(s string) string {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked().String()
	}
	return strings.ToLower(s)
}

// nextHop is the holder of a route: an address, or the vendor's word.
func nextHop(r *armnetwork.RoutePropertiesFormat) string {
	if *r.NextHopType != armnetwork.RouteNextHopTypeVirtualAppliance {
		return string(*r.NextHopType)
	}
	if a, err := netip.ParseAddr(deref(r.NextHopIPAddress)); err == nil {
		return a.Unmap().String()
	}
	return string(*r.NextHopType)
}

func (t *table) find(dest string) int {
	return slices.IndexFunc(t.routes, func(r route) bool { return r.dest == dest })
}

// tableID turns what a person typed into a resource id.
func (p *Provider) tableID(ctx context.Context, name string) (string, error) {
	if strings.HasPrefix(name, "/") {
		id, err := arm.ParseResourceID(name)
		if err != nil || !strings.EqualFold(id.ResourceType.String(), "Microsoft.Network/routeTables") {
			return "", invalid("routeTables/read", "%q is not the id of a route table", name)
		}
		return canonical(name), nil
	}
	subscription, group, err := p.scope(ctx)
	if err != nil {
		return "", err
	}
	if g, n, ok := strings.Cut(name, "/"); ok {
		group, name = g, n
	}
	if group == "" || name == "" || strings.ContainsAny(name+group, "/?#%\\") {
		return "", invalid("routeTables/read", "%q is not the name of a route table", name)
	}
	return canonical(fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Network/routeTables/%s", subscription, group, name)), nil
}

// scope is where names are looked up.
func (p *Provider) scope(ctx context.Context) (subscription, group string, err error) {
	subscription, group = p.opts.Subscription, p.opts.ResourceGroup
	if len(p.opts.NICs) > 0 {
		if id, err := arm.ParseResourceID(p.opts.NICs[0]); err == nil {
			return cmp.Or(subscription, id.SubscriptionID), cmp.Or(group, id.ResourceGroupName), nil
		}
	}
	in, err := p.instance(ctx)
	return cmp.Or(subscription, in.Subscription), cmp.Or(group, in.ResourceGroup), err
}

func (p *Provider) readTable(ctx context.Context, id string) (*table, error) {
	raw, _, err := p.get(ctx, "routeTables/read", id, networkVersion)
	if err != nil {
		return nil, err
	}
	return parseTable(raw)
}

// page runs one step of a pager and returns the elements as they came.
func page(ctx context.Context, p *Provider, op string, next func(context.Context) error) ([]json.RawMessage, error) {
	var resp *http.Response
	ctx, cancel, err := p.reading(policy.WithCaptureResponse(ctx, &resp))
	if err != nil {
		return nil, toError(op, err)
	}
	defer cancel()
	if err := next(ctx); err != nil {
		return nil, toError(op, err)
	}
	if resp == nil {
		return nil, incomplete(op, "value")
	}
	raw, err := runtime.Payload(resp)
	if err != nil {
		return nil, toError(op, err)
	}
	o, err := parseObject(raw)
	if err != nil || o.get("value") == nil {
		return nil, incomplete(op, "value")
	}
	return rawList(raw, "value")
}

// Routes implements [cloud.RouteLister].
func (p *Provider) Routes(ctx context.Context, _ cloud.Node, scope cloud.RouteScope) ([]cloud.RouteEntry, error) {
	tables, err := p.scoped(ctx, scope)
	if err != nil {
		return nil, err
	}
	var out []cloud.RouteEntry
	for _, t := range tables {
		for _, r := range t.routes {
			e := cloud.RouteEntry{Table: t.id, Holder: r.holder, Version: t.etag}
			if prefix, err := netip.ParsePrefix(r.dest); err == nil {
				e.Dest = prefix
			} else {
				e.PrefixList = r.dest
			}
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b cloud.RouteEntry) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Dest.String()+a.PrefixList, b.Dest.String()+b.PrefixList))
	})
	return out, nil
}

// scoped reads the tables in scope.
func (p *Provider) scoped(ctx context.Context, scope cloud.RouteScope) ([]*table, error) {
	var all []*table
	for _, name := range scope.Tables {
		id, err := p.tableID(ctx, name)
		if err != nil {
			return nil, err
		}
		t, err := p.readTable(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	if len(scope.Tables) == 0 && (scope.Network != "" || scope.Tag != "") {
		var err error
		if all, err = p.listTables(ctx); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(all, func(t *table) bool { return !t.matches(scope) }), nil
}

func (t *table) matches(scope cloud.RouteScope) bool {
	if key, value, _ := strings.Cut(scope.Tag, "="); scope.Tag != "" {
		if v, ok := t.tags[key]; !ok || deref(v) != value {
			return false
		}
	}
	network := canonical(scope.Network)
	return network == "" || slices.ContainsFunc(t.networks, func(n string) bool {
		return n == network || strings.HasSuffix(n, "/virtualnetworks/"+network)
	})
}

func (p *Provider) listTables(ctx context.Context) ([]*table, error) {
	_, group, err := p.scope(ctx)
	if err != nil {
		return nil, err
	}
	c, err := p.client(ctx)
	if err != nil {
		return nil, err
	}
	var out []*table
	pager := c.tables.NewListPager(group, nil)
	for pager.More() {
		raws, err := page(ctx, p, "routeTables/read", func(ctx context.Context) error {
			_, err := pager.NextPage(ctx)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, raw := range raws {
			t, err := parseTable(raw)
			if err != nil {
				return nil, err
			}
			out = append(out, t)
		}
	}
	return out, nil
}

// HolderOf implements [cloud.RouteLister]: routes name an address.
func (p *Provider) HolderOf(_ context.Context, _ cloud.Node, addr netip.Addr) (string, error) {
	if !addr.IsValid() {
		return "", invalid("routeTables/read", "no address")
	}
	return addr.Unmap().String(), nil
}

func invalid(op, format string, args ...any) error {
	return &cloud.Error{Class: cloud.ClassInvalid, Op: op, Err: fmt.Errorf(format, args...)}
}
