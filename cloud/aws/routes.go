// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/govrrp/vrrpd/cloud"
)

// routeRaw is what Plan needs to move a route: the id behind the table's name.
type routeRaw struct{ table string }

func isTableID(s string) bool { return strings.HasPrefix(s, "rtb-") }

// tablesNamed finds tables by id, and by Name tag within the VPC.
func tablesNamed(ctx context.Context, api *ec2.Client, vpc string, refs []string, more ...types.Filter) ([]types.RouteTable, error) {
	var ids, names []string
	for _, r := range refs {
		if isTableID(r) {
			ids = append(ids, r)
		} else {
			names = append(names, r)
		}
	}
	var all []types.RouteTable
	if len(ids) > 0 {
		got, err := describeTables(ctx, api, append(slices.Clone(more), filter("route-table-id", ids...))...)
		if err != nil {
			return nil, err
		}
		all = got
	}
	if len(names) > 0 {
		got, err := describeTables(ctx, api, append(slices.Clone(more), filter("tag:Name", names...), filter("vpc-id", vpc))...)
		if err != nil {
			return nil, err
		}
		all = append(all, got...)
	}
	return all, nil
}

// tableFor picks the one table that an item means.
func tableFor(tables []types.RouteTable, ref string) (types.RouteTable, error) {
	var match []types.RouteTable
	for _, t := range tables {
		if awssdk.ToString(t.RouteTableId) == ref || !isTableID(ref) && nameTag(t.Tags) == ref {
			match = append(match, t)
		}
	}
	switch len(match) {
	case 1:
		return match[0], nil
	case 0:
		return types.RouteTable{}, absent("DescribeRouteTables", "no route table %q in this VPC and region", ref)
	default:
		return types.RouteTable{}, invalid("DescribeRouteTables", "%d route tables are named %q, use the id", len(match), ref)
	}
}

func nameTag(tags []types.Tag) string {
	for _, t := range tags {
		if awssdk.ToString(t.Key) == "Name" {
			return awssdk.ToString(t.Value)
		}
	}
	return ""
}

func (o *observer) routes(ctx context.Context, at []int) {
	var refs []string
	for _, i := range at {
		refs = append(refs, o.out[i].Item.Table)
	}
	tables, err := tablesNamed(ctx, o.api, o.self.vpc(), refs)
	if err != nil {
		o.fail(at, err)
		return
	}
	for _, i := range at {
		it := o.out[i].Item
		nic, err := o.node.NICFor(it)
		if err != nil {
			o.out[i].Err = &cloud.Error{Class: cloud.ClassInvalid, Op: "observe", Err: err}
			continue
		}
		table, err := tableFor(tables, it.Table)
		if err != nil {
			o.out[i].Err = err
			continue
		}
		o.out[i].Raw = routeRaw{awssdk.ToString(table.RouteTableId)}
		o.out[i].Owner = cloud.None
		for _, r := range table.Routes {
			if destination(r) == it.Destination() {
				o.route(i, nic, r)
			}
		}
	}
}

// route says whose a route is. A blackhole is never ours: its next hop is gone
// or down, whatever it is.
func (o *observer) route(i int, nic cloud.NIC, r types.Route) {
	hop := nextHop(r)
	if hop == "" {
		o.out[i].Owner = cloud.Unknown
		o.out[i].Err = &cloud.Error{Op: "DescribeRouteTables", Status: 200, Err: errIncomplete}
		return
	}
	o.out[i].Holder, o.out[i].Owner = hop, cloud.Other
	if hop == nic.ID && r.State != types.RouteStateBlackhole {
		o.out[i].Owner = cloud.Self
	}
}

// destination spells a route's destination as [cloud.Item.Destination] does.
func destination(r types.Route) string {
	if id := awssdk.ToString(r.DestinationPrefixListId); id != "" {
		return id
	}
	p, err := netip.ParsePrefix(awssdk.ToString(cmp.Or(r.DestinationCidrBlock, r.DestinationIpv6CidrBlock)))
	if err != nil {
		return ""
	}
	return p.Masked().String()
}

// nextHop returns the id of what a route points at. A route through an
// instance names both the instance and its interface.
func nextHop(r types.Route) string {
	for _, id := range []*string{
		r.NetworkInterfaceId, r.GatewayId, r.NatGatewayId, r.TransitGatewayId, r.VpcPeeringConnectionId,
		r.LocalGatewayId, r.CarrierGatewayId, r.EgressOnlyInternetGatewayId, r.CoreNetworkArn, r.OdbNetworkArn,
		r.InstanceId, r.IpAddress,
	} {
		if s := awssdk.ToString(id); s != "" {
			return s
		}
	}
	return ""
}

// Routes implements [cloud.RouteLister]. A table that is named in the scope and
// not found is an error.
func (p *Provider) Routes(ctx context.Context, _ cloud.Node, scope cloud.RouteScope) ([]cloud.RouteEntry, error) {
	api, self, err := p.client("DescribeRouteTables")
	if err != nil {
		return nil, err
	}
	tables, err := tablesInScope(ctx, api, self, scope)
	if err != nil {
		return nil, err
	}
	var all []cloud.RouteEntry
	for _, t := range tables {
		for _, r := range t.Routes {
			e := cloud.RouteEntry{
				Table: awssdk.ToString(t.RouteTableId), PrefixList: awssdk.ToString(r.DestinationPrefixListId),
				Holder: nextHop(r), Local: nextHop(r) == "local",
				Blackhole: r.State == types.RouteStateBlackhole,
			}
			if d := destination(r); e.PrefixList == "" {
				if e.Dest, err = netip.ParsePrefix(d); err != nil {
					return nil, &cloud.Error{Op: "DescribeRouteTables", Status: 200, Err: errIncomplete}
				}
			}
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b cloud.RouteEntry) int {
		return cmp.Or(strings.Compare(a.Table, b.Table), strings.Compare(a.PrefixList, b.PrefixList),
			a.Dest.Addr().Compare(b.Dest.Addr()), cmp.Compare(a.Dest.Bits(), b.Dest.Bits()))
	})
	return all, nil
}

func tablesInScope(ctx context.Context, api *ec2.Client, self identity, scope cloud.RouteScope) ([]types.RouteTable, error) {
	var filters []types.Filter
	vpc := self.vpc()
	if scope.Network != "" {
		vpc = scope.Network
		filters = append(filters, filter("vpc-id", vpc))
	}
	if scope.Tag != "" {
		key, value, ok := strings.Cut(scope.Tag, "=")
		if !ok || key == "" {
			return nil, invalid("DescribeRouteTables", "tag %q is not of the form key=value", scope.Tag)
		}
		filters = append(filters, filter("tag:"+key, value))
	}
	switch {
	case len(scope.Tables) > 0:
		tables, err := tablesNamed(ctx, api, vpc, scope.Tables, filters...)
		if err != nil {
			return nil, err
		}
		for _, ref := range scope.Tables {
			if _, err := tableFor(tables, ref); err != nil {
				return nil, err
			}
		}
		return tables, nil
	case len(filters) > 0:
		return describeTables(ctx, api, filters...)
	default:
		return nil, nil
	}
}

// HolderOf implements [cloud.RouteLister]: the interface with that address in
// the VPC of the primary interface.
func (p *Provider) HolderOf(ctx context.Context, _ cloud.Node, addr netip.Addr) (string, error) {
	api, self, err := p.client("DescribeNetworkInterfaces")
	if err != nil {
		return "", err
	}
	eni, err := interfaceWith(ctx, api, self.vpc(), addr)
	return awssdk.ToString(eni.NetworkInterfaceId), err
}

func interfaceWith(ctx context.Context, api *ec2.Client, vpc string, addr netip.Addr) (types.NetworkInterface, error) {
	name := "addresses.private-ip-address"
	if addr.Is6() {
		name = "ipv6-addresses.ipv6-address"
	}
	found, err := describeInterfaces(ctx, api, filter(name, addr.String()), filter("vpc-id", vpc))
	if err != nil {
		return types.NetworkInterface{}, err
	}
	for _, eni := range found {
		if has, _ := carries(eni, addr); has {
			return eni, nil
		}
	}
	return types.NetworkInterface{}, absent("DescribeNetworkInterfaces", "no network interface has %s", addr)
}
