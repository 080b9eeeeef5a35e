// SPDX-License-Identifier: Apache-2.0

package capture

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/cloud"
)

// Route names one route of the home node.
type Route struct {
	Table      string       `json:"table"`
	Dest       netip.Prefix `json:"dest,omitzero"`
	PrefixList string       `json:"prefix_list,omitempty"`
}

func (r Route) compare(o Route) int {
	return cmp.Or(cmp.Compare(r.Table, o.Table), cmp.Compare(r.PrefixList, o.PrefixList),
		r.Dest.Addr().Compare(o.Dest.Addr()), cmp.Compare(r.Dest.Bits(), o.Dest.Bits()))
}

// Stored is what is remembered of the home node's routes.
type Stored struct {
	// Home and Peer are the holders of the two nodes when it was learned.
	Home   string    `json:"home"`
	Away   string    `json:"away"`
	At     time.Time `json:"at"`
	Routes []Route   `json:"routes"` // sorted
}

// routesOf returns the sorted routes that point at a holder. The fabric's own
// routes belong to nobody.
func routesOf(entries []cloud.RouteEntry, holder string) []Route {
	var out []Route
	for _, e := range entries {
		if e.Holder == holder && holder != "" && !e.Local {
			out = append(out, Route{e.Table, e.Dest, e.PrefixList})
		}
	}
	slices.SortFunc(out, Route.compare)
	return slices.Compact(out)
}

// shrinkReadings is how many equal readings in a row a set that lost more than
// half of its routes takes to be believed: a listing that a missing permission
// filters comes back short, not as an error.
const shrinkReadings = 3

// learner decides which readings become the stored set. It is pure.
type learner struct {
	doubt []Route // a much smaller set, read before
	seen  int
}

// next takes one reading made while the home node was steadily MASTER, and
// returns whether it replaces the stored set.
func (l *learner) next(stored, read []Route) bool {
	if slices.Equal(stored, read) {
		l.doubt, l.seen = nil, 0
		return false
	}
	if 2*len(read) >= len(stored) && len(read) > 0 || len(stored) == 0 {
		l.doubt, l.seen = nil, 0
		return len(read) > 0
	}
	if l.seen == 0 || !slices.Equal(l.doubt, read) {
		l.doubt, l.seen = slices.Clone(read), 0
	}
	l.seen++
	if l.seen < shrinkReadings {
		return false
	}
	l.doubt, l.seen = nil, 0
	return true
}

// spread returns the destinations in each table that has them. The fabric's
// own routes are nobody's to change.
func spread(live []cloud.RouteEntry, dests []netip.Prefix) []cloud.Item {
	var items []cloud.Item
	for _, e := range live {
		if e.PrefixList == "" && !e.Local && slices.Contains(dests, e.Dest.Masked()) {
			items = append(items, cloud.Item{Kind: cloud.Route, Table: e.Table, Dest: e.Dest.Masked()})
		}
	}
	return slices.Compact(items)
}

// wanted says which routes a MASTER wants: the stored ones that point at
// either node, and, with adopt, those that point at the home node and are not
// stored yet. The rest is told: missing ones are not created, a third party's
// are left alone. It is pure; live is nil if no listing has been made yet, and
// the stored routes are then all wanted: the claim looks before it takes.
func wanted(stored Stored, live []cloud.RouteEntry, other string, adopt bool) (items []cloud.Item, told []cloud.Finding) {
	want := func(r Route) {
		items = append(items, cloud.Item{Kind: cloud.Route, Table: r.Table, Dest: r.Dest, PrefixList: r.PrefixList, From: other})
	}
	if live == nil {
		for _, r := range stored.Routes {
			want(r)
		}
		return items, nil
	}
	holders := map[Route]string{}
	for _, e := range live {
		holders[Route{e.Table, e.Dest, e.PrefixList}] = e.Holder
	}
	for _, r := range stored.Routes {
		key := cloud.Item{Kind: cloud.Route, Table: r.Table, Dest: r.Dest, PrefixList: r.PrefixList}.Key()
		holder, exists := holders[r]
		switch {
		case !exists:
			told = append(told, cloud.Finding{Severity: cloud.SeverityWarn, Check: "capture", Item: key, Text: "was deleted since it was learned; not created again"})
		case holder == stored.Home || holder == stored.Away:
			want(r)
		default:
			told = append(told, cloud.Finding{Severity: cloud.SeverityWarn, Check: "capture", Item: key, Text: "now points at " + holder + ", a third party; left alone"})
		}
	}
	if adopt {
		for _, r := range routesOf(live, stored.Home) {
			if !slices.Contains(stored.Routes, r) {
				want(r)
			}
		}
	}
	return items, told
}
