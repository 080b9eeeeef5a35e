// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v9"

	"github.com/govrrp/vrrpd/cloud"
)

// routeRaw is what Plan needs to know of a route.
type routeRaw struct {
	table  *table
	index  int // -1: not in the table
	target netip.Addr
}

// addressRaw is what Plan needs to know of a private address.
type addressRaw struct {
	own    *nic
	holder *nic            // nil: nobody, or ourselves
	config json.RawMessage // as the holder has it, or had it when last seen
	subnet string
}

// publicRaw is what Plan needs to know of a public address.
type publicRaw struct {
	id     string
	target netip.Addr // private, where it is to be
	own    *nic
	holder *nic // nil: nobody
	on     netip.Addr
}

// survey is one call of Observe: what it has read, it reads once.
type survey struct {
	p    *Provider
	ctx  context.Context
	node cloud.Node

	mu      sync.Mutex
	nics    map[string]*reading[*nic]
	tables  map[string]*reading[*table]
	moves   *reading[struct{}]
	list    *reading[[]*nic]
	publics *reading[[]*armnetwork.PublicIPAddress]
}

// reading is something that the first who wants it reads for all.
type reading[T any] struct {
	begun atomic.Bool
	done  chan struct{}
	value T
	err   error
}

func newReading[T any]() *reading[T] { return &reading[T]{done: make(chan struct{})} }

func (r *reading[T]) get(f func() (T, error)) (T, error) {
	if r.begun.CompareAndSwap(false, true) {
		r.value, r.err = f()
		close(r.done)
	}
	<-r.done
	return r.value, r.err
}

// Observe implements [cloud.Provider].
func (p *Provider) Observe(ctx context.Context, node cloud.Node, items []cloud.Item) []cloud.Observed {
	s := &survey{p: p, ctx: ctx, node: node, nics: map[string]*reading[*nic]{}, tables: map[string]*reading[*table]{}}
	s.moves = newReading[struct{}]()
	s.list, s.publics = newReading[[]*nic](), newReading[[]*armnetwork.PublicIPAddress]()
	out := make([]cloud.Observed, len(items))
	if _, err := p.client(ctx); err != nil {
		for i, it := range items {
			out[i] = cloud.Observed{Item: it, Err: toError("token", err)}
		}
		return out
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i, it := range items {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			var err error
			switch it.Kind {
			case cloud.Route:
				out[i], err = s.route(it)
			case cloud.VIP4, cloud.VIP6:
				out[i], err = s.address(it)
			case cloud.PublicIP:
				out[i], err = s.public(it)
			default:
				err = invalid("observe", "no such thing here: %s", it.Kind)
			}
			out[i].Item = it
			if err != nil {
				out[i] = cloud.Observed{Item: it, Err: err}
			}
		})
	}
	wg.Wait()
	return out
}

// still returns an error while a write of this provider to any interface is
// being carried out. What one takes away another is to get, so that nothing is
// worth reading before; and what moved together goes on together.
func (s *survey) still() error {
	_, err := s.moves.get(func() (struct{}, error) {
		var first error
		for _, id := range s.p.written("/networkinterfaces/") {
			if err := s.p.settled(s.ctx, id); first == nil {
				first = err
			}
		}
		return struct{}{}, first
	})
	return err
}

// nic reads an interface.
func (s *survey) nic(id string) (*nic, error) {
	s.mu.Lock()
	r := s.nics[id]
	if r == nil {
		r = newReading[*nic]()
		s.nics[id] = r
	}
	s.mu.Unlock()
	return r.get(func() (*nic, error) {
		n, err := s.p.readNIC(s.ctx, id)
		if err == nil && unsettled(n.state) {
			return nil, changing("networkInterfaces/read", id)
		}
		return n, err
	})
}

func (s *survey) table(name string) (*table, error) {
	id, err := s.p.tableID(s.ctx, name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	r := s.tables[id]
	if r == nil {
		r = newReading[*table]()
		s.tables[id] = r
	}
	s.mu.Unlock()
	return r.get(func() (*table, error) {
		if err := s.p.settled(s.ctx, id); err != nil {
			return nil, err
		}
		t, err := s.p.readTable(s.ctx, id)
		if err == nil && unsettled(t.state) {
			return nil, changing("routeTables/read", id)
		}
		return t, err
	})
}

func (s *survey) route(it cloud.Item) (cloud.Observed, error) {
	target := it.Target
	if !target.IsValid() {
		nic, err := nicFor(s.node, it)
		if err != nil {
			return cloud.Observed{}, &cloud.Error{Class: cloud.ClassInvalid, Op: "routeTables/read", Err: err}
		}
		target = nic.Addr
	}
	if !target.IsValid() {
		return cloud.Observed{}, invalid("routeTables/read", "%s: no address to point at", it.Key())
	}
	t, err := s.table(it.Table)
	if err != nil {
		return cloud.Observed{}, err
	}
	raw := routeRaw{table: t, index: t.find(destination(it.Destination())), target: target.Unmap()}
	o := cloud.Observed{Owner: cloud.None, Version: t.etag, Raw: raw}
	if raw.index < 0 {
		return o, nil
	}
	r := t.routes[raw.index]
	o.Version, o.Holder, o.Owner = r.etag, r.holder, cloud.Other
	switch {
	case unsettled(r.state):
		return o, changing("routeTables/read", t.id)
	case r.holder != raw.target.String():
	case broken(r.state) || broken(t.state):
		o.Owner = cloud.None // wanted, and not carried out: to be written again
	default:
		o.Owner = cloud.Self
	}
	return o, nil
}

func (s *survey) address(it cloud.Item) (cloud.Observed, error) {
	const op = "networkInterfaces/read"
	mine, err := nicFor(s.node, it)
	if err != nil {
		return cloud.Observed{}, &cloud.Error{Class: cloud.ClassInvalid, Op: op, Err: err}
	}
	if err := s.still(); err != nil {
		return cloud.Observed{}, err
	}
	own, err := s.nic(mine.ID)
	if err != nil {
		return cloud.Observed{}, err
	}
	raw := addressRaw{own: own, subnet: mine.Subnet}
	if c := own.has(it.Addr); c != nil {
		raw.config = c.raw
		o := cloud.Observed{Owner: cloud.Self, Holder: own.id, Version: own.etag, Raw: raw}
		if broken(own.state) {
			o.Owner = cloud.None
		}
		return o, nil
	}
	holder, err := s.search(mine.Subnet, it.Addr)
	if err != nil {
		return cloud.Observed{}, err
	}
	key := mine.Subnet + " " + it.Addr.String()
	if holder == nil {
		s.p.mu.Lock()
		raw.config = s.p.configs[key]
		s.p.mu.Unlock()
		return cloud.Observed{Owner: cloud.None, Version: own.etag, Raw: raw}, nil
	}
	c := holder.has(it.Addr)
	if c.primary {
		return cloud.Observed{}, invalid(op, "%s is the primary address of %s and cannot be moved", it.Addr, holder.id)
	}
	raw.holder, raw.config = holder, c.raw
	return cloud.Observed{Owner: cloud.Other, Holder: holder.id, Version: own.etag + " " + holder.etag, Raw: raw}, nil
}

// search finds who holds an address of a subnet: where it was last, else by
// reading all interfaces there are.
func (s *survey) search(subnet string, addr netip.Addr) (*nic, error) {
	holds := func(n *nic) bool {
		c := n.has(addr)
		return c != nil && c.subnet == subnet
	}
	s.p.mu.Lock()
	last := s.p.holders[subnet+" "+addr.String()]
	s.p.mu.Unlock()
	if last != "" {
		n, err := s.nic(last)
		if err == nil && holds(n) {
			return n, nil
		}
		if err != nil && cloud.ClassOf(err) != cloud.ClassAbsent {
			return nil, err
		}
	}
	all, err := s.list.get(func() ([]*nic, error) { return s.p.listNICs(s.ctx, s.node) })
	if err != nil {
		return nil, err
	}
	for _, n := range all {
		if holds(n) {
			return s.nic(n.id)
		}
	}
	return nil, nil
}

func (s *survey) public(it cloud.Item) (cloud.Observed, error) {
	const op = "publicIPAddresses/read"
	mine, err := nicFor(s.node, it)
	if err != nil {
		return cloud.Observed{}, &cloud.Error{Class: cloud.ClassInvalid, Op: op, Err: err}
	}
	if err := s.still(); err != nil {
		return cloud.Observed{}, err
	}
	own, err := s.nic(mine.ID)
	if err != nil {
		return cloud.Observed{}, err
	}
	raw := publicRaw{own: own, target: it.Target}
	if !raw.target.IsValid() {
		raw.target = mine.Addr
	}
	all, err := s.publics.get(func() ([]*armnetwork.PublicIPAddress, error) { return s.p.listPublics(s.ctx, s.node) })
	if err != nil {
		return cloud.Observed{}, err
	}
	for _, a := range all {
		if addr, err := netip.ParseAddr(deref(a.Properties.IPAddress)); err != nil || addr != it.Addr {
			continue
		}
		raw.id = canonical(deref(a.ID))
		return s.publicHolder(a, raw)
	}
	return cloud.Observed{}, &cloud.Error{Class: cloud.ClassAbsent, Op: op, Err: errNoPublic}
}

func (s *survey) publicHolder(a *armnetwork.PublicIPAddress, raw publicRaw) (cloud.Observed, error) {
	o := cloud.Observed{Owner: cloud.None, Version: deref(a.Etag) + " " + raw.own.etag, Raw: raw}
	if unsettled(string(deref(a.Properties.ProvisioningState))) {
		return o, changing("publicIPAddresses/read", raw.id)
	}
	if a.Properties.IPConfiguration == nil {
		return o, nil
	}
	at := canonical(deref(a.Properties.IPConfiguration.ID))
	id, name, ok := strings.Cut(at, "/ipconfigurations/")
	if !ok || !strings.Contains(id, "/networkinterfaces/") {
		return o, invalid("publicIPAddresses/read", "%s is at %s, not at a network interface", raw.id, at)
	}
	holder, err := s.nic(id)
	if err != nil {
		return o, err
	}
	for _, c := range holder.configs {
		if strings.EqualFold(c.name, name) && c.public == raw.id {
			raw.on = c.addr
		}
	}
	if !raw.on.IsValid() {
		return o, changing("publicIPAddresses/read", raw.id) // one of the two readings is old
	}
	raw.holder, o.Raw, o.Holder, o.Owner = holder, raw, holder.id, cloud.Other
	o.Version += " " + holder.etag
	switch {
	case holder.id != raw.own.id || raw.on != raw.target:
	case broken(holder.state):
		o.Owner = cloud.None
	default:
		o.Owner = cloud.Self
	}
	return o, nil
}

func (p *Provider) listPublics(ctx context.Context, node cloud.Node) ([]*armnetwork.PublicIPAddress, error) {
	c, err := p.client(ctx)
	if err != nil {
		return nil, err
	}
	var out []*armnetwork.PublicIPAddress
	for _, group := range p.groups(node) {
		pager := c.publics.NewListPager(group, nil)
		for pager.More() {
			raws, err := page(ctx, p, "publicIPAddresses/read", func(ctx context.Context) error {
				_, err := pager.NextPage(ctx)
				return err
			})
			if err != nil {
				return nil, err
			}
			for _, raw := range raws {
				var a armnetwork.PublicIPAddress
				if err := json.Unmarshal(raw, &a); err != nil {
					return nil, toError("publicIPAddresses/read", err)
				}
				if a.Properties != nil {
					out = append(out, &a)
				}
			}
		}
	}
	return out, nil
}
