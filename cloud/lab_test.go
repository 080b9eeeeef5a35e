// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/internal/cloudtest"
	"github.com/govrrp/vrrpd/cloud/memory"
)

var (
	addrA      = netip.MustParseAddr("10.0.0.2")
	addrB      = netip.MustParseAddr("10.0.0.3")
	vip1       = cloud.VIP(netip.MustParseAddr("10.0.0.4"))
	vip2       = cloud.VIP(netip.MustParseAddr("10.0.0.5"))
	pub1       = cloud.Item{Kind: cloud.PublicIP, Addr: netip.MustParseAddr("203.0.113.9"), Target: vip1.Addr}
	rt1        = cloud.Item{Kind: cloud.Route, Table: "rt-1", Dest: netip.MustParsePrefix("10.50.0.0/16")}
	rt2        = cloud.Item{Kind: cloud.Route, Table: "rt-2", Dest: netip.MustParsePrefix("10.50.0.0/16")}
	vip1Prefix = netip.MustParsePrefix("10.0.0.0/24")
	all5       = []cloud.Item{vip1, vip2, pub1, rt1, rt2}

	dialects = map[string]memory.Dialect{
		"cas": memory.CompareAndSwap, "nocas": 0,
		"cas-twostep": memory.CompareAndSwap | memory.TwoStep, "nocas-twostep": memory.TwoStep,
	}
)

const advert = cloudtest.Advert

// lab is a world with two nodes, A of the higher rank, inside a bubble.
type lab struct {
	t    *testing.T
	w    *memory.World
	a, b *node
}

// node is one machine in the world.
type node struct {
	*cloudtest.Machine
	name string
	p    *memory.Provider
}

// each runs a scenario in virtual time, once per dialect.
func each(t *testing.T, items []cloud.Item, f func(*lab)) {
	t.Helper()
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) { inLab(t, d, items, nil, f) })
	}
}

func inLab(t *testing.T, d memory.Dialect, items []cloud.Item, opts func(*cloud.Config), f func(*lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{t: t, w: memory.New(d)}
		a, b := cloudtest.Pair(items, addrA, addrB)
		a.Options, b.Options = opts, opts
		l.a = &node{Machine: a, name: "a", p: l.w.Node("a", addrA)}
		l.b = &node{Machine: b, name: "b", p: l.w.Node("b", addrB)}
		for _, it := range items {
			l.w.Add(it, "a/0")
		}
		for i, n := range []*node{l.a, l.b} {
			l.start(n, uint64(i+1))
		}
		f(l)
		l.stop(l.a)
		l.stop(l.b)
	})
}

// start boots a node: a BACKUP with nothing claimed.
func (l *lab) start(n *node, seed uint64) {
	l.t.Helper()
	n.Start(l.t, n.p, seed)
}

// stop ends a node as kill -9 would: nothing is released.
func (l *lab) stop(n *node) { n.Stop() }

func (l *lab) wait(d time.Duration) { cloudtest.Wait(d) }

// fault installs a script. An empty node or op in a rule matches all.
func (l *lab) fault(f memory.FaultFunc) { l.w.SetFault(f) }

func isWrite(op string) bool { return op == "assign" || op == "detach" || op == "attach" }

// holds fails unless every item is held by the node.
func (l *lab) holds(n *node, items ...cloud.Item) {
	l.t.Helper()
	for _, it := range items {
		if got := l.w.Holder(it); got != n.name+"/0" {
			l.t.Errorf("%s is held by %q, want %s", it.Key(), got, n.name)
		}
	}
}

func (l *lab) state(n *node, want cloud.State) {
	l.t.Helper()
	if s := n.Status(); s.State != want {
		l.t.Errorf("%s is %s, want %s: %s", n.name, s.State, want, asJSON(s))
	}
}

func asJSON(v any) string { return cloudtest.JSON(v) }

// sent returns the audit lines of mutations that were sent to the vendor.
func (n *node) sent() []string {
	var out []string
	for line := range strings.Lines(n.Audit.String()) {
		for _, op := range []string{"assign", "attach", "detach"} {
			if strings.Contains(line, `"op":"`+op+`"`) && !strings.Contains(line, `"outcome":"fenced"`) {
				out = append(out, line)
			}
		}
	}
	return out
}

// writesBy counts the mutations of a node that took effect.
func (l *lab) writesBy(n *node) int {
	k := 0
	for _, w := range l.w.Writes() {
		if w.Node == n.name {
			k++
		}
	}
	return k
}
