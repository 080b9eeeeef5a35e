// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure_test

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/azure"
	"github.com/govrrp/vrrpd/cloud/internal/cloudtest"
	"github.com/govrrp/vrrpd/internal/fakecloud"
	fake "github.com/govrrp/vrrpd/internal/fakecloud/azure"
)

const (
	addrA, addrB = "10.0.0.2", "10.0.0.3"
	dest, dest2  = "10.50.0.0/16", "10.51.0.0/16"
	public       = "203.0.113.9"
)

func vip(s string) cloud.Item { return cloud.VIP(netip.MustParseAddr(s)) }

func routeTo(table, dest string) cloud.Item {
	return cloud.Item{Kind: cloud.Route, Table: table, Dest: netip.MustParsePrefix(dest)}
}

var (
	vip1, vip2, vip3 = vip("10.0.0.4"), vip("10.0.0.5"), vip("10.0.0.6")
	vip6             = vip("2001:db8::4")
	pub1             = cloud.Item{Kind: cloud.PublicIP, Addr: netip.MustParseAddr(public), Target: vip1.Addr}
	rt1, rt1b        = routeTo("rt1", dest), routeTo("rt1", dest2)
	rt2              = routeTo(strings.ToLower(fake.Group)+"/RT2", dest)
	routes3          = []cloud.Item{rt1, rt1b, rt2}
	vips3            = []cloud.Item{vip1, vip2, vip3, pub1}

	declared = fake.Declared{
		Addresses: []string{"10.0.0.4", "10.0.0.5", "10.0.0.6", "2001:db8::4"}, Routes: []string{dest, dest2},
	}
)

// lab is a world with two nodes; everything that can be claimed is at a.
type lab struct {
	t    *testing.T
	w    *fake.Cloud
	a, b *node

	oneByOne bool // routes are not joined to writes of their table
}

type node struct {
	*fake.Node
	*cloudtest.Machine
	p    cloud.Provider
	addr string
}

// hermetic keeps the developer's own configuration out of a test.
func hermetic(t *testing.T) {
	t.Helper()
	for _, k := range []string{
		"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE",
		"AZURE_AUTHORITY_HOST", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET",
	} {
		t.Setenv(k, "")
	}
}

// newWorld is the layout of every scenario: two nodes in two subnets, and a
// number of things that nobody declared.
func newWorld() (w *fake.Cloud, a, b *fake.Node) {
	w = fake.New()
	w.Takes = 2 * time.Second
	a, b = w.AddNode("a", addrA, "10.0.1.2"), w.AddNode("b", addrB, "10.0.1.3")
	w.AddNode("stranger", "10.0.0.40")
	w.AddPublic("pip1", public)
	w.AddPublic("pip2", "203.0.113.10")
	w.AddPublic("pip3", "203.0.113.11")
	a.AddAddress(0, "vip-1", "10.0.0.4", "pip1")
	a.AddAddress(0, "foreign", "10.0.0.44", "")
	a.AddAddress(0, "vip-2", "10.0.0.5", "pip2")
	a.AddAddress(0, "vip-3", "10.0.0.6", "pip3")
	b.AddAddress(0, "own6", "2001:db8::b", "")
	a.AddAddress(0, "own6", "2001:db8::a", "")
	a.AddAddress(0, "vip-6", "2001:db8::4", "")
	for _, t := range []string{"rt1", "rt2", "rt3"} {
		w.AddTable(t, map[string]any{"vrrpd": "wan"}, "0.0.0.0/0", "10.0.0.40", dest, addrA, dest2, addrA, "10.99.0.0/16", addrA)
	}
	return w, a, b
}

// inLab runs a scenario in virtual time, over the real SDK.
func inLab(t *testing.T, items []cloud.Item, f func(*lab)) {
	t.Helper()
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		w, a, b := newWorld()
		l := &lab{t: t, w: w}
		ma, mb := cloudtest.Pair(items, netip.MustParseAddr(addrA), netip.MustParseAddr(addrB))
		l.a = &node{Node: a, Machine: ma, addr: addrA}
		l.b = &node{Node: b, Machine: mb, addr: addrB}
		before := w.Fingerprint(declared)
		l.start(l.a)
		l.start(l.b)
		f(l)
		l.stop(l.a)
		l.stop(l.b)
		l.tidy(before)
	})
}

// tidy holds every scenario to what a claim may never do.
func (l *lab) tidy(before string) {
	l.t.Helper()
	if after := l.w.Fingerprint(declared); after != before {
		l.t.Errorf("something that was not declared has changed:\n%s\nwas\n%s", after, before)
	}
	for _, c := range l.w.Calls() {
		if c.Mutates && c.Method != "PUT" {
			l.t.Errorf("%s %s: nothing may be deleted or created that way", c.Method, c.Path)
		}
	}
	for _, n := range []*node{l.a, l.b} {
		if strings.Contains(n.Audit.String(), "secret-token") || strings.Contains(asJSON(n.Status()), "secret-token") {
			l.t.Errorf("a token is in the audit log or the status")
		}
	}
}

func provider(t *testing.T, n *fake.Node, above int) cloud.Provider {
	t.Helper()
	p, err := azure.New(azure.Options{
		Base: n.Transport(), TableAbove: above,
		Links: func() ([]net.Interface, error) { return nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// start boots a node: a BACKUP with nothing claimed.
func (l *lab) start(n *node) {
	l.t.Helper()
	above := 0
	if l.oneByOne {
		above = 400
	}
	n.p = provider(l.t, n.Node, above)
	n.Start(l.t, n.p, uint64(len(n.Name)))
}

// stop ends a node as kill -9 would: nothing is released.
func (l *lab) stop(n *node) { n.Stop() }

func (l *lab) wait(d time.Duration) { cloudtest.Wait(d) }

// faultWrites installs a script for writes; reads and metadata pass.
func (l *lab) faultWrites(f func(op string) fakecloud.Fault) {
	l.w.SetScript(func(op string, _ int) fakecloud.Fault {
		if !strings.HasPrefix(op, "PUT ") {
			return fakecloud.Fault{}
		}
		return f(op)
	})
}

// writes returns the requests that asked for a change.
func (l *lab) writes() []fakecloud.Call {
	return slices.DeleteFunc(l.w.Calls(), func(c fakecloud.Call) bool { return !c.Mutates })
}

// holds checks who really has the items.
func (l *lab) holds(n *node, items ...cloud.Item) {
	l.t.Helper()
	for _, it := range items {
		got, want := "", n.addr
		switch it.Kind {
		case cloud.Route:
			got = l.w.NextHop(strings.ToLower(it.Table[strings.LastIndex(it.Table, "/")+1:]), it.Dest.String())
		case cloud.PublicIP:
			nics, publics := l.w.Holder(it.Target.String())
			got, want = strings.Join(append(nics, publics...), " "), n.Name+"-nic0 pip1"
		default:
			nics, _ := l.w.Holder(it.Addr.String())
			got, want = strings.Join(nics, " "), n.Name+"-nic0"
		}
		if got != want {
			l.t.Errorf("%s is held by %q, want %q: %s", it.Key(), got, want, n.Status().LastError)
		}
	}
}

func (l *lab) state(n *node, want cloud.State) {
	l.t.Helper()
	if s := n.Status(); s.State != want {
		l.t.Errorf("%s is %s, want %s: %s", n.Name, s.State, want, asJSON(s))
	}
}

func asJSON(v any) string { return cloudtest.JSON(v) }
