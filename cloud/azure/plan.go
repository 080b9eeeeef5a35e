// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/govrrp/vrrpd/cloud"
)

var errNoPublic = errors.New("no such public address in the resource group")

// Names of the operations, as status and audit log show them.
const (
	opRoute  = "routes/write"
	opTable  = "routeTables/write"
	opDetach = "networkInterfaces/write (detach)"
	opAttach = "networkInterfaces/write"
)

// nicEdit is the data of a step that writes a network interface.
type nicEdit struct {
	nic    *nic
	drop   []netip.Addr
	add    []addition
	public []publicChange
	after  []string // interfaces that must have been written completely before
}

type addition struct {
	addr   netip.Addr
	config json.RawMessage // nil: to be made
	subnet string
}

// publicChange puts a public address on a private one; id "" takes it away.
type publicChange struct {
	on netip.Addr
	id string
}

// tableEdit is the data of a step that writes routes of one table.
type tableEdit struct {
	table  *table
	routes []routeRaw
	dests  []string
}

// Plan implements [cloud.Provider].
func (p *Provider) Plan(_ cloud.Node, observed []cloud.Observed) []cloud.Step {
	sorted := slices.DeleteFunc(slices.Clone(observed), func(o cloud.Observed) bool {
		return o.Owner != cloud.Other && o.Owner != cloud.None
	})
	slices.SortFunc(sorted, func(a, b cloud.Observed) int {
		return cmp.Or(cmp.Compare(a.Item.Kind, b.Item.Kind), cmp.Compare(a.Item.Key(), b.Item.Key()))
	})
	var pl plan
	for _, o := range sorted {
		switch raw := o.Raw.(type) {
		case addressRaw:
			pl.address(o, raw)
		case publicRaw:
			pl.public(o, raw)
		}
	}
	pl.tables(sorted, p.opts.TableAbove)
	return pl.steps
}

// plan is a plan being made.
type plan struct{ steps []cloud.Step }

// edit returns the index of the step that writes an interface as part of the
// same move, making it if there is none.
func (pl *plan) edit(op string, n *nic, after []string, o cloud.Observed) int {
	for i, s := range pl.steps {
		e, ok := s.Data.(nicEdit)
		if ok && s.Op == op && e.nic.id == n.id && slices.Equal(e.after, after) && private(s.Before.Item) == private(o.Item) {
			return i
		}
	}
	pl.steps = append(pl.steps, cloud.Step{Op: op, Resource: n.id, Serial: n.id, Before: o, Data: nicEdit{nic: n, after: after}})
	return len(pl.steps) - 1
}

// private says whether an item is a private address: those move before the
// public ones.
func private(it cloud.Item) bool { return it.Kind == cloud.VIP4 || it.Kind == cloud.VIP6 }

func (pl *plan) change(i int, it cloud.Item, f func(*nicEdit)) {
	e := pl.steps[i].Data.(nicEdit)
	f(&e)
	pl.steps[i].Data = e
	pl.steps[i].Items = append(pl.steps[i].Items, it)
}

func (pl *plan) address(o cloud.Observed, raw addressRaw) {
	var after []string
	detach := -1
	if raw.holder != nil {
		after = []string{raw.holder.id}
		detach = pl.edit(opDetach, raw.holder, nil, o)
		pl.change(detach, o.Item, func(e *nicEdit) { e.drop = append(e.drop, o.Item.Addr) })
	}
	attach := pl.edit(opAttach, raw.own, after, o)
	if detach >= 0 {
		pl.steps[attach].After = []int{detach}
	}
	pl.change(attach, o.Item, func(e *nicEdit) {
		if raw.own.has(o.Item.Addr) == nil {
			e.add = append(e.add, addition{o.Item.Addr, raw.config, raw.subnet})
		}
	})
}

func (pl *plan) public(o cloud.Observed, raw publicRaw) {
	moving := pl.moving(raw)
	switch {
	case raw.holder != nil && raw.on == raw.target && moving >= 0 && pl.drops(raw):
		// It is in the configuration that moves, and goes along.
		pl.follow(moving, o.Item)
	case raw.holder == nil && moving >= 0:
		pl.change(moving, o.Item, func(e *nicEdit) { e.public = append(e.public, publicChange{raw.target, raw.id}) })
	case raw.own.has(raw.target) == nil:
		// Its private address is not here yet, and not on its way: later.
	default:
		pl.associate(o, raw)
	}
}

func (pl *plan) associate(o cloud.Observed, raw publicRaw) {
	same := raw.holder != nil && raw.holder.id == raw.own.id
	var after []string
	detach := -1
	if raw.holder != nil && !(same && raw.on == raw.target) {
		if !same {
			after = []string{raw.holder.id}
			detach = pl.edit(opDetach, raw.holder, nil, o)
			pl.change(detach, o.Item, func(e *nicEdit) { e.public = append(e.public, publicChange{on: raw.on}) })
		}
	}
	attach := pl.edit(opAttach, raw.own, after, o)
	if detach >= 0 {
		pl.steps[attach].After = []int{detach}
	}
	pl.change(attach, o.Item, func(e *nicEdit) {
		if same && raw.on != raw.target {
			e.public = append(e.public, publicChange{on: raw.on})
		}
		e.public = append(e.public, publicChange{raw.target, raw.id})
	})
}

// moving returns the step that brings a public address's private one here.
func (pl *plan) moving(raw publicRaw) int {
	return slices.IndexFunc(pl.steps, func(s cloud.Step) bool {
		e, ok := s.Data.(nicEdit)
		return ok && e.nic.id == raw.own.id && slices.ContainsFunc(e.add, func(a addition) bool { return a.addr == raw.target })
	})
}

// drops says whether the holder of a public address gives the private one up.
func (pl *plan) drops(raw publicRaw) bool {
	return slices.ContainsFunc(pl.steps, func(s cloud.Step) bool {
		e, ok := s.Data.(nicEdit)
		return ok && e.nic.id == raw.holder.id && slices.Contains(e.drop, raw.target)
	})
}

// follow makes an item part of an attach step and of the detach before it.
func (pl *plan) follow(attach int, it cloud.Item) {
	for _, i := range append(slices.Clone(pl.steps[attach].After), attach) {
		pl.change(i, it, func(*nicEdit) {})
	}
}

// tables plans the routes, table by table.
func (pl *plan) tables(sorted []cloud.Observed, above int) {
	var order []*table
	byTable := map[*table][]cloud.Observed{}
	for _, o := range sorted {
		raw, ok := o.Raw.(routeRaw)
		if !ok || raw.index < 0 && !o.Item.Create {
			continue
		}
		if byTable[raw.table] == nil {
			order = append(order, raw.table)
		}
		byTable[raw.table] = append(byTable[raw.table], o)
	}
	slices.SortStableFunc(order, func(a, b *table) int { return strings.Compare(a.id, b.id) })
	for _, t := range order {
		group := byTable[t]
		if len(group) > above {
			pl.steps = append(pl.steps, routeStep(opTable, t.id, t, group))
			continue
		}
		for _, o := range group {
			raw := o.Raw.(routeRaw)
			pl.steps = append(pl.steps, routeStep(opRoute, t.id+"/routes/"+t.routeName(raw, o.Item), t, []cloud.Observed{o}))
		}
	}
}

func routeStep(op, resource string, t *table, group []cloud.Observed) cloud.Step {
	s := cloud.Step{Op: op, Resource: resource, Serial: t.id, Before: group[0]}
	e := tableEdit{table: t}
	for _, o := range group {
		s.Items = append(s.Items, o.Item)
		e.routes = append(e.routes, o.Raw.(routeRaw))
		e.dests = append(e.dests, o.Item.Destination())
	}
	s.Data = e
	return s
}

// routeName is the name of the route, or the one it would be made with.
func (t *table) routeName(raw routeRaw, it cloud.Item) string {
	if raw.index >= 0 {
		return t.routes[raw.index].name
	}
	return newName(it.Destination())
}

// newName makes a resource name of an address or destination.
func newName(s string) string {
	return "vrrpd-" + strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, s)
}
