// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/cloud"
)

// Provider is one node's view of a [World]. It implements [cloud.Provider],
// [cloud.Refresher] and [cloud.RouteLister].
type Provider struct {
	world *World
	name  string
	nics  []cloud.NIC
}

var (
	_ cloud.Provider    = (*Provider)(nil)
	_ cloud.Refresher   = (*Provider)(nil)
	_ cloud.RouteLister = (*Provider)(nil)
)

// Node adds a node with one network interface per address, each in a subnet of
// /24 or /64. The holder of the first is name+"/0", of the second name+"/1".
func (w *World) Node(name string, addrs ...netip.Addr) *Provider {
	p := &Provider{world: w, name: name}
	for i, a := range addrs {
		bits := 24
		if a.Is6() {
			bits = 64
		}
		subnet := netip.PrefixFrom(a, bits).Masked()
		p.nics = append(p.nics, cloud.NIC{
			ID: name + "/" + string(rune('0'+i)), Subnet: subnet.String(),
			Prefixes: []netip.Prefix{subnet}, Addr: a, Primary: i == 0,
		})
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nodes = append(w.nodes, p)
	return p
}

// Discover implements [cloud.Provider].
func (p *Provider) Discover(ctx context.Context) (cloud.Node, error) {
	if _, err := p.world.pass(ctx, Request{Node: p.name, Op: "discover"}); err != nil {
		return cloud.Node{}, err
	}
	return cloud.Node{Provider: "memory", ID: p.name, Name: p.name, NICs: slices.Clone(p.nics)}, nil
}

// Refresh implements [cloud.Refresher].
func (p *Provider) Refresh(ctx context.Context) error {
	_, err := p.world.pass(ctx, Request{Node: p.name, Op: "refresh"})
	return err
}

// Observe implements [cloud.Provider].
func (p *Provider) Observe(ctx context.Context, node cloud.Node, items []cloud.Item) []cloud.Observed {
	out := make([]cloud.Observed, len(items))
	for i, it := range items {
		out[i] = p.observe(ctx, node, it)
	}
	return out
}

func (p *Provider) observe(ctx context.Context, node cloud.Node, it cloud.Item) cloud.Observed {
	f, err := p.world.pass(ctx, Request{Node: p.name, Op: "observe", Item: it.Key()})
	if err != nil {
		return cloud.Observed{Item: it, Err: err}
	}
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	p.world.reads++
	o := p.world.objects[it.Key()]
	if o == nil {
		if it.Kind == cloud.Route {
			return cloud.Observed{Item: it, Owner: cloud.None}
		}
		return cloud.Observed{Item: it, Err: &cloud.Error{Class: cloud.ClassAbsent, Op: "observe", Err: errors.New("no such object")}}
	}
	holder, version := o.at(f.Stale)
	obs := cloud.Observed{Item: it, Holder: holder}
	if p.world.dialect&CompareAndSwap != 0 {
		obs.Version = etag(version)
	}
	switch {
	case holder == "":
		obs.Owner = cloud.None
	case node.Owns(holder):
		obs.Owner = cloud.Self
	default:
		obs.Owner = cloud.Other
	}
	return obs
}

// Plan implements [cloud.Provider].
func (p *Provider) Plan(node cloud.Node, observed []cloud.Observed) []cloud.Step {
	sorted := slices.Clone(observed)
	slices.SortFunc(sorted, func(a, b cloud.Observed) int {
		return cmp.Or(cmp.Compare(a.Item.Kind, b.Item.Kind), strings.Compare(a.Item.Key(), b.Item.Key()))
	})
	var steps []cloud.Step
	for _, o := range sorted {
		if o.Owner == cloud.Self || o.Owner == cloud.Unknown {
			continue
		}
		nic, err := node.NICFor(o.Item)
		if err != nil {
			continue
		}
		step := cloud.Step{
			Op: "assign", Resource: o.Item.Key(), Items: []cloud.Item{o.Item},
			Serial: o.Item.Table, Before: o, Data: nic.ID,
		}
		if p.world.dialect&TwoStep != 0 && o.Item.Kind != cloud.Route {
			step.Op = "attach"
			if o.Owner == cloud.Other {
				detach := step
				detach.Op, detach.Data = "detach", ""
				steps = append(steps, detach)
				step.After = []int{len(steps) - 1}
			}
		}
		steps = append(steps, step)
	}
	return steps
}

// Apply implements [cloud.Provider].
func (p *Provider) Apply(ctx context.Context, fence cloud.Fence, step cloud.Step) cloud.Outcome {
	if l := cloud.LimiterFrom(ctx); l != nil {
		if err := l.Write(ctx); err != nil {
			return cloud.Failed(err)
		}
	}
	if err := fence.Allowed(); err != nil {
		return cloud.Failed(err)
	}
	f, err := p.world.pass(ctx, Request{Node: p.name, Op: step.Op, Item: step.Items[0].Key()})
	if err != nil {
		return cloud.Failed(err)
	}
	if f.Late > 0 {
		time.AfterFunc(f.Late, func() { _ = p.world.write(p.name, step) })
		return cloud.Failed(&cloud.Error{Class: cloud.ClassUnknown, Op: step.Op, Err: errTimeout})
	}
	if err := p.world.write(p.name, step); err != nil {
		return cloud.Failed(err)
	}
	if f.ReplyLost {
		return cloud.Failed(&cloud.Error{Class: cloud.ClassUnknown, Op: step.Op, Err: errTimeout})
	}
	return cloud.Outcome{Class: cloud.ClassDone, Status: 200}
}

// write carries a step out, if its version is still the current one.
func (w *World) write(node string, step cloud.Step) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	it := step.Items[0]
	to, ok := step.Data.(string)
	if !ok {
		return &cloud.Error{Class: cloud.ClassInvalid, Op: step.Op, Err: errors.New("step of another provider")}
	}
	o := w.objects[it.Key()]
	if o == nil && it.Create {
		o = &object{item: it}
		w.objects[it.Key()] = o
	}
	if o == nil {
		return &cloud.Error{Class: cloud.ClassAbsent, Op: step.Op, Err: errors.New("no such object")}
	}
	// The attach of a detach-attach pair follows a version that the plan
	// cannot know; that nobody holds the object is its condition.
	if w.dialect&CompareAndSwap != 0 && len(step.After) == 0 && step.Before.Version != "" && step.Before.Version != etag(o.version) {
		return &cloud.Error{Class: cloud.ClassConflict, Op: step.Op, Status: 412, Err: errors.New("version is not current")}
	}
	if step.Op == "attach" && o.holder != "" {
		return &cloud.Error{Class: cloud.ClassOccupied, Op: step.Op, Status: 409, Err: errors.New("held by " + o.holder)}
	}
	w.move(o, node, step.Op, to)
	return nil
}

// Routes implements [cloud.RouteLister]. The world knows no tags or networks:
// only the tables of the scope count.
func (p *Provider) Routes(ctx context.Context, _ cloud.Node, scope cloud.RouteScope) ([]cloud.RouteEntry, error) {
	if _, err := p.world.pass(ctx, Request{Node: p.name, Op: "routes"}); err != nil {
		return nil, err
	}
	var out []cloud.RouteEntry
	for _, it := range p.world.Items() {
		if it.Kind != cloud.Route || !slices.Contains(scope.Tables, it.Table) {
			continue
		}
		out = append(out, cloud.RouteEntry{
			Table: it.Table, Dest: it.Dest, PrefixList: it.PrefixList, Holder: p.world.Holder(it),
		})
	}
	return out, nil
}

// HolderOf implements [cloud.RouteLister].
func (p *Provider) HolderOf(_ context.Context, _ cloud.Node, addr netip.Addr) (string, error) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	for _, n := range p.world.nodes {
		for _, nic := range n.nics {
			if nic.Addr == addr {
				return nic.ID, nil
			}
		}
	}
	return "", &cloud.Error{Class: cloud.ClassAbsent, Op: "holder of " + addr.String(), Err: errors.New("no such interface")}
}
