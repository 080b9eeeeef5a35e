// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/govrrp/vrrpd/cloud"
)

// Observe implements [cloud.Provider]: at most one request per kind of item,
// two for routes, and one to the metadata service for each interface that has
// addresses; all kinds at once.
func (p *Provider) Observe(ctx context.Context, node cloud.Node, items []cloud.Item) []cloud.Observed {
	out := make([]cloud.Observed, len(items))
	byKind := map[cloud.Kind][]int{}
	for i, it := range items {
		out[i].Item = it
		byKind[it.Kind] = append(byKind[it.Kind], i)
	}
	api, self, err := p.client("observe")
	if err != nil {
		for i := range out {
			out[i].Err = err
		}
		return out
	}
	o := observer{p: p, api: api, self: self, node: node, out: out}
	reads := map[cloud.Kind]func(context.Context, []int){
		cloud.VIP4:     func(ctx context.Context, at []int) { o.addresses(ctx, cloud.VIP4, at) },
		cloud.VIP6:     func(ctx context.Context, at []int) { o.addresses(ctx, cloud.VIP6, at) },
		cloud.PublicIP: o.publics,
		cloud.Route:    o.routes,
	}
	var wg sync.WaitGroup
	for kind, at := range byKind {
		wg.Go(func() {
			for chunk := range slices.Chunk(at, maxFilterValues) {
				reads[kind](ctx, chunk)
			}
		})
	}
	wg.Wait()
	return out
}

// observer fills in one reading. Its methods write to elements of their own.
type observer struct {
	p    *Provider
	api  *ec2.Client
	self identity
	node cloud.Node
	out  []cloud.Observed
}

func (o *observer) fail(at []int, err error) {
	for _, i := range at {
		o.out[i].Err = err
	}
}

// holder says who holds an item, for interfaces of this node and others.
func (o *observer) holder(i int, eni string) {
	o.out[i].Holder, o.out[i].Owner = eni, cloud.Other
	if o.node.Owns(eni) {
		o.out[i].Owner = cloud.Self
	}
}

// addresses reads which interface holds each address of one family.
func (o *observer) addresses(ctx context.Context, kind cloud.Kind, at []int) {
	name := "addresses.private-ip-address"
	if kind == cloud.VIP6 {
		name = "ipv6-addresses.ipv6-address"
	}
	var addrs, subnets []string
	nics := map[int]cloud.NIC{}
	for _, i := range at {
		nic, err := o.node.NICFor(o.out[i].Item)
		if err != nil {
			o.out[i].Err = &cloud.Error{Class: cloud.ClassInvalid, Op: "observe", Err: err}
			continue
		}
		nics[i] = nic
		addrs = append(addrs, o.out[i].Item.Addr.String())
		subnets = append(subnets, nic.Subnet)
	}
	if len(nics) == 0 {
		return
	}
	found, err := describeInterfaces(ctx, o.api, filter(name, addrs...), filter("subnet-id", subnets...))
	for _, i := range at {
		nic, ok := nics[i]
		switch {
		case !ok:
		case err != nil:
			o.out[i].Err = err
		default:
			o.address(i, nic, found)
		}
	}
	o.confirm(ctx, kind, at, nics)
}

// address looks one address up in what was found in its subnet.
func (o *observer) address(i int, nic cloud.NIC, found []types.NetworkInterface) {
	o.out[i].Owner = cloud.None
	for _, eni := range found {
		if awssdk.ToString(eni.SubnetId) != nic.Subnet {
			continue
		}
		has, primary := carries(eni, o.out[i].Item.Addr)
		if !has {
			continue
		}
		id := awssdk.ToString(eni.NetworkInterfaceId)
		if primary && o.out[i].Item.Kind == cloud.VIP4 {
			o.out[i].Owner = cloud.Unknown
			o.out[i].Err = invalid("observe", "%s is the primary address of %s and cannot be moved", o.out[i].Item.Addr, id)
			return
		}
		o.holder(i, id)
		// On another interface of this node it is not where it was wanted.
		if id != nic.ID {
			o.out[i].Owner = cloud.Other
		}
		return
	}
}

// carries reports whether an interface has the address, compared as an
// address: 10.0.0.4 is not 10.0.0.40, and IPv6 has many spellings.
func carries(eni types.NetworkInterface, a netip.Addr) (has, primary bool) {
	for _, p := range eni.PrivateIpAddresses {
		if got, err := netip.ParseAddr(awssdk.ToString(p.PrivateIpAddress)); err == nil && got == a {
			return true, awssdk.ToBool(p.Primary)
		}
	}
	for _, p := range eni.Ipv6Addresses {
		if got, err := netip.ParseAddr(awssdk.ToString(p.Ipv6Address)); err == nil && got == a {
			return true, awssdk.ToBool(p.IsPrimaryIpv6)
		}
	}
	return false, false
}

var errNotEffective = errors.New("assigned here, but the node's own metadata does not show it yet")

// confirmHint is when to look at the metadata again.
const confirmHint = 500 * time.Millisecond

// confirm holds what the API calls ours against the node's own metadata:
// assigning takes effect later than it is acknowledged.
func (o *observer) confirm(ctx context.Context, kind cloud.Kind, at []int, nics map[int]cloud.NIC) {
	local := map[string]map[netip.Addr]bool{}
	for _, i := range at {
		ours := o.out[i].Owner == cloud.Self
		mac := nics[i].MAC
		if ours && local[mac] == nil {
			got, err := o.p.localAddrs(ctx, mac, kind)
			if err != nil {
				got = map[netip.Addr]bool{}
			}
			local[mac] = got
		}
		if o.p.contradicted(o.out[i].Item.Key(), ours && !local[mac][o.out[i].Item.Addr]) {
			o.out[i].Owner, o.out[i].Holder = cloud.Unknown, ""
			o.out[i].Err = &cloud.Error{Class: cloud.ClassBusy, Op: "observe", Hint: confirmHint, Err: errNotEffective}
		}
	}
}

// contradicted notes whether the metadata lacks an address that the API calls
// ours, and reports whether that still counts: after Options.Confirm the
// metadata service is taken to be dead or wrong.
func (p *Provider) contradicted(key string, lacks bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !lacks {
		delete(p.lags, key)
		return false
	}
	since, ok := p.lags[key]
	if !ok {
		since = time.Now()
		p.lags[key] = since
	}
	return time.Since(since) < p.opts.Confirm
}

// publicRaw is what Plan needs to move an elastic address.
type publicRaw struct {
	allocation string
	private    netip.Addr // where it is now
	target     netip.Addr // where it is wanted
	nic        string
}

// publics reads where each elastic address is associated.
func (o *observer) publics(ctx context.Context, at []int) {
	var addrs []string
	for _, i := range at {
		addrs = append(addrs, o.out[i].Item.Addr.String())
	}
	found, err := describeAddresses(ctx, o.api, addrs)
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
		o.out[i].Err = absent("DescribeAddresses", "%s is no elastic address of this account and region", it.Addr)
		for _, a := range found {
			if got, err := netip.ParseAddr(awssdk.ToString(a.PublicIp)); err == nil && got == it.Addr {
				o.public(i, nic, a)
			}
		}
	}
}

func (o *observer) public(i int, nic cloud.NIC, a types.Address) {
	raw := publicRaw{allocation: awssdk.ToString(a.AllocationId), nic: nic.ID, target: o.out[i].Item.Target}
	if !raw.target.IsValid() {
		raw.target = nic.Addr
	}
	raw.private, _ = netip.ParseAddr(awssdk.ToString(a.PrivateIpAddress))
	o.out[i].Raw, o.out[i].Err = raw, nil
	eni := awssdk.ToString(a.NetworkInterfaceId)
	switch {
	case raw.allocation == "":
		o.out[i].Err = invalid("DescribeAddresses", "%s has no allocation id", o.out[i].Item.Addr)
	case eni == "":
		o.out[i].Owner = cloud.None
	default:
		o.holder(i, eni)
		if o.out[i].Owner == cloud.Self && raw.private != raw.target {
			o.out[i].Owner, o.out[i].Holder = cloud.Other, eni+"/"+raw.private.String()
		}
	}
}
