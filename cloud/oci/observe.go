// SPDX-License-Identifier: Apache-2.0

//go:build !nooci

package oci

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/oracle/oci-go-sdk/v65/core"

	"github.com/govrrp/vrrpd/cloud"
)

// maxPages bounds a listing: a subnet has few addresses that match a filter.
const maxPages = 100

// parallel bounds the reads of one Observe under way at once.
const parallel = 8

// Observe implements [cloud.Provider].
func (p *Provider) Observe(ctx context.Context, node cloud.Node, items []cloud.Item) []cloud.Observed {
	out := make([]cloud.Observed, len(items))
	tables := &tableReads{p: p, reads: map[string]*tableRead{}}
	slots := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	for i, it := range items {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			out[i] = p.observe(ctx, node, it, tables)
			out[i].Item = it
		})
	}
	wg.Wait()
	return out
}

func (p *Provider) observe(ctx context.Context, node cloud.Node, it cloud.Item, tables *tableReads) cloud.Observed {
	nic, err := node.NICFor(it)
	if err != nil {
		return cloud.Observed{Err: &cloud.Error{Class: cloud.ClassInvalid, Op: "observe", Err: err}}
	}
	switch it.Kind {
	case cloud.VIP4:
		return p.observe4(ctx, node, nic, it.Addr)
	case cloud.VIP6:
		return p.observe6(ctx, node, nic, it.Addr)
	case cloud.PublicIP:
		return p.observePublic(ctx, node, nic, it)
	case cloud.Route:
		return p.observeRoute(ctx, nic, it, tables)
	default:
		return cloud.Observed{Err: &cloud.Error{Class: cloud.ClassInvalid, Op: "observe", Err: errors.New("kind not supported by oci")}}
	}
}

// object is what Plan needs to know of an observed object.
type object struct {
	id      string
	target  string // public IP: the private IP it should be on
	follows bool   // public IP: is on its target already, which is elsewhere
	table   *tableRead
	entity  string // route: the private IP it should point at
}

func (p *Provider) observe4(ctx context.Context, node cloud.Node, nic cloud.NIC, addr netip.Addr) cloud.Observed {
	id, err := p.privateIP(ctx, nic.Subnet, addr)
	if err != nil {
		return cloud.Observed{Err: err}
	}
	r, err := p.getPrivateIP(ctx, id)
	if err != nil {
		p.forget(nic.Subnet, addr)
		return cloud.Observed{Err: err}
	}
	o := held(node, str(r.VnicId), str(r.Etag), r.IpState == core.PrivateIpIpStateAvailable)
	if r.IsPrimary != nil && *r.IsPrimary && o.Owner == cloud.Other {
		return cloud.Observed{Err: &cloud.Error{
			Class: cloud.ClassInvalid, Op: "GetPrivateIp",
			Err: fmt.Errorf("%s is the primary address of %s and cannot be moved", addr, o.Holder),
		}}
	}
	o.Raw = object{id: id}
	return o
}

func (p *Provider) observe6(ctx context.Context, node cloud.Node, nic cloud.NIC, addr netip.Addr) cloud.Observed {
	id, err := p.ipv6(ctx, nic.Subnet, addr)
	if err != nil {
		return cloud.Observed{Err: err}
	}
	c, err := p.api(ctx)
	if err != nil {
		return cloud.Observed{Err: err}
	}
	r, err := c.GetIpv6(detached(ctx), core.GetIpv6Request{Ipv6Id: &id})
	if err != nil {
		p.forget(nic.Subnet, addr)
		return cloud.Observed{Err: withHint(toError("GetIpv6", err), r.RawResponse)}
	}
	o := held(node, str(r.VnicId), str(r.Etag), r.IpState == core.Ipv6IpStateAvailable)
	o.Raw = object{id: id}
	return o
}

// held turns a reply into an observation. A reply without what is needed is
// unknown: neither a move without an etag nor a guess at the holder is safe.
func held(node cloud.Node, vnic, etag string, unassigned bool) cloud.Observed {
	switch {
	case etag == "":
		return cloud.Observed{Err: &cloud.Error{Class: cloud.ClassUnknown, Op: "read", Err: errors.New("no etag in the reply")}}
	case vnic == "" && unassigned:
		return cloud.Observed{Owner: cloud.None, Version: etag}
	case vnic == "":
		return cloud.Observed{Err: &cloud.Error{Class: cloud.ClassUnknown, Op: "read", Err: errors.New("no holder in the reply")}}
	case node.Owns(vnic):
		return cloud.Observed{Owner: cloud.Self, Holder: vnic, Version: etag}
	default:
		return cloud.Observed{Owner: cloud.Other, Holder: vnic, Version: etag}
	}
}

func (p *Provider) getPrivateIP(ctx context.Context, id string) (core.GetPrivateIpResponse, error) {
	c, err := p.api(ctx)
	if err != nil {
		return core.GetPrivateIpResponse{}, err
	}
	r, err := c.GetPrivateIp(detached(ctx), core.GetPrivateIpRequest{PrivateIpId: &id})
	return r, withHint(toError("GetPrivateIp", err), r.RawResponse)
}

// The vendor's names of addresses are looked up once; [Provider.forget] drops
// one that led nowhere.

func idKey(subnet string, addr netip.Addr) string { return subnet + " " + addr.String() }

func (p *Provider) known(key string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ids[key]
}

func (p *Provider) learn(key, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids[key] = id
}

func (p *Provider) forget(subnet string, addr netip.Addr) { p.learn(idKey(subnet, addr), "") }

// privateIP finds the OCID of an address in a subnet. The vendor's filter is
// not trusted to be exact, and the match may be on any page.
func (p *Provider) privateIP(ctx context.Context, subnet string, addr netip.Addr) (string, error) {
	key := idKey(subnet, addr)
	if id := p.known(key); id != "" {
		return id, nil
	}
	text := addr.String()
	rq := core.ListPrivateIpsRequest{SubnetId: &subnet, IpAddress: &text}
	id, err := p.searchPrivateIPs(ctx, rq, func(ip core.PrivateIp) bool {
		a, err := netip.ParseAddr(str(ip.IpAddress))
		return err == nil && a == addr
	})
	if err == nil && id == "" {
		err = missing(addr, subnet)
	}
	if err == nil {
		p.learn(key, id)
	}
	return id, err
}

// primaryIP finds the OCID of an interface's primary address.
func (p *Provider) primaryIP(ctx context.Context, vnic string) (string, error) {
	if id := p.known(vnic); id != "" {
		return id, nil
	}
	rq := core.ListPrivateIpsRequest{VnicId: &vnic}
	id, err := p.searchPrivateIPs(ctx, rq, func(ip core.PrivateIp) bool {
		return ip.IsPrimary != nil && *ip.IsPrimary
	})
	if err == nil && id == "" {
		err = &cloud.Error{Class: cloud.ClassAbsent, Op: "ListPrivateIps", Err: fmt.Errorf("%s has no primary address", vnic)}
	}
	if err == nil {
		p.learn(vnic, id)
	}
	return id, err
}

func (p *Provider) searchPrivateIPs(ctx context.Context, rq core.ListPrivateIpsRequest, match func(core.PrivateIp) bool) (string, error) {
	c, err := p.api(ctx)
	if err != nil {
		return "", err
	}
	for range maxPages {
		r, err := c.ListPrivateIps(detached(ctx), rq)
		if err != nil {
			return "", withHint(toError("ListPrivateIps", err), r.RawResponse)
		}
		for _, ip := range r.Items {
			if match(ip) && str(ip.Id) != "" {
				return *ip.Id, nil
			}
		}
		if str(r.OpcNextPage) == "" {
			return "", nil
		}
		rq.Page = r.OpcNextPage
	}
	return "", &cloud.Error{Class: cloud.ClassUnknown, Op: "ListPrivateIps", Err: errors.New("the listing does not end")}
}

// ipv6 finds the OCID of an IPv6 address in a subnet.
func (p *Provider) ipv6(ctx context.Context, subnet string, addr netip.Addr) (string, error) {
	key := idKey(subnet, addr)
	if id := p.known(key); id != "" {
		return id, nil
	}
	c, err := p.api(ctx)
	if err != nil {
		return "", err
	}
	text := addr.String()
	rq := core.ListIpv6sRequest{SubnetId: &subnet, IpAddress: &text}
	for range maxPages {
		r, err := c.ListIpv6s(detached(ctx), rq)
		if err != nil {
			return "", withHint(toError("ListIpv6s", err), r.RawResponse)
		}
		for _, ip := range r.Items {
			if a, err := netip.ParseAddr(str(ip.IpAddress)); err == nil && a == addr && str(ip.Id) != "" {
				p.learn(key, *ip.Id)
				return *ip.Id, nil
			}
		}
		if str(r.OpcNextPage) == "" {
			return "", missing(addr, subnet)
		}
		rq.Page = r.OpcNextPage
	}
	return "", &cloud.Error{Class: cloud.ClassUnknown, Op: "ListIpv6s", Err: errors.New("the listing does not end")}
}

func missing(addr netip.Addr, subnet string) error {
	return &cloud.Error{Class: cloud.ClassAbsent, Op: "find " + addr.String(), Err: fmt.Errorf(
		"no secondary address %s exists in %s; assign it once, to either node, in the console", addr, subnet)}
}

// observePublic reads a reserved public IP. It follows the private IP it is
// on, so it is ours when that is the wanted one, and that is here.
func (p *Provider) observePublic(ctx context.Context, node cloud.Node, nic cloud.NIC, it cloud.Item) cloud.Observed {
	target, err := p.targetOf(ctx, nic, it)
	if err != nil {
		return cloud.Observed{Err: err}
	}
	c, err := p.api(ctx)
	if err != nil {
		return cloud.Observed{Err: err}
	}
	text := it.Addr.String()
	r, err := c.GetPublicIpByIpAddress(detached(ctx), core.GetPublicIpByIpAddressRequest{
		GetPublicIpByIpAddressDetails: core.GetPublicIpByIpAddressDetails{IpAddress: &text},
	})
	if err != nil {
		return cloud.Observed{Err: withHint(toError("GetPublicIp", err), r.RawResponse)}
	}
	switch r.LifecycleState {
	case core.PublicIpLifecycleStateAssigning, core.PublicIpLifecycleStateUnassigning, core.PublicIpLifecycleStateProvisioning:
		return cloud.Observed{Err: &cloud.Error{Class: cloud.ClassBusy, Op: "GetPublicIp", Hint: time.Second, Err: errors.New(string(r.LifecycleState))}}
	}
	raw := object{id: str(r.Id), target: target}
	o := cloud.Observed{Owner: cloud.Other, Holder: str(r.AssignedEntityId), Version: str(r.Etag), Raw: raw}
	switch {
	case raw.id == "" || o.Version == "":
		return cloud.Observed{Err: &cloud.Error{Class: cloud.ClassUnknown, Op: "GetPublicIp", Err: errors.New("no id or etag in the reply")}}
	case o.Holder == "":
		o.Owner = cloud.None
	case o.Holder == target:
		ip, err := p.getPrivateIP(ctx, target)
		if err != nil {
			return cloud.Observed{Err: err}
		}
		o.Holder = str(ip.VnicId)
		raw.follows = !node.Owns(o.Holder)
		o.Raw = raw
		if !raw.follows {
			o.Owner = cloud.Self
		}
	}
	return o
}

// targetOf finds the private IP that a public IP or a route is to sit on.
func (p *Provider) targetOf(ctx context.Context, nic cloud.NIC, it cloud.Item) (string, error) {
	if it.Target.IsValid() {
		return p.privateIP(ctx, nic.Subnet, it.Target)
	}
	return p.primaryIP(ctx, nic.ID)
}
