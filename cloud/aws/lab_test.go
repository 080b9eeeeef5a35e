// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/aws"
	"github.com/govrrp/vrrpd/cloud/internal/cloudtest"
	fake "github.com/govrrp/vrrpd/internal/fakecloud/aws"
)

const (
	v1, v2, six   = "10.0.0.4", "10.0.0.5", "2001:db8:0::4"
	table, other  = "rtb-1", "rtb-2"
	dest          = "10.50.0.0/16"
	public, alloc = "203.0.113.9", "eipalloc-1"
	prefixList    = "pl-1"
)

var (
	vip1 = cloud.VIP(netip.MustParseAddr(v1))
	vip2 = cloud.VIP(netip.MustParseAddr(v2))
	vip6 = cloud.VIP(netip.MustParseAddr(six))
	pub1 = cloud.Item{Kind: cloud.PublicIP, Addr: netip.MustParseAddr(public), Target: vip1.Addr}
	rt1  = cloud.Item{Kind: cloud.Route, Table: table, Dest: netip.MustParsePrefix(dest)}
	rt2  = cloud.Item{Kind: cloud.Route, Table: "private", Dest: netip.MustParsePrefix(dest)}
	rtPL = cloud.Item{Kind: cloud.Route, Table: table, PrefixList: prefixList}
	all5 = []cloud.Item{vip1, vip2, pub1, rt1, rt2}

	declared = fake.Declared{
		Addresses: []string{v1, v2, vip6.Addr.String()}, Allocations: []string{alloc},
		Routes: []string{table + "/" + dest, other + "/" + dest, table + "/" + prefixList},
	}
)

// lab is a world with two nodes; everything that can be claimed is at a.
type lab struct {
	t    *testing.T
	w    *fake.World
	a, b *node
}

type node struct {
	*fake.Node
	*cloudtest.Machine
	p *aws.Provider
}

// hermetic keeps the developer's own AWS configuration out of a test.
func hermetic(t *testing.T) {
	t.Helper()
	for _, k := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION",
		"AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2", "AWS_EC2_METADATA_SERVICE_ENDPOINT",
		"AWS_EC2_METADATA_DISABLED", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_CA_BUNDLE",
	} {
		t.Setenv(k, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
}

// newWorld is the layout of every scenario: two nodes in one subnet, and a
// number of things that nobody declared.
func newWorld() (w *fake.World, a, b *fake.Node) {
	w = fake.New()
	a, b = w.AddNode("a", "10.0.0.2", "10.0.1.2"), w.AddNode("b", "10.0.0.3", "10.0.1.3")
	w.AddNode("stranger", "10.0.0.40")
	for _, addr := range []string{v1, v2, vip6.Addr.String(), "10.0.0.44"} {
		w.AddAddress(addr, a.ENI())
	}
	w.AddElastic(alloc, public, a.ENI(), v1)
	w.AddElastic("eipalloc-2", "203.0.113.10", a.ENI(), "10.0.0.44")
	w.AddTable(table, "public", map[string]string{"vrrpd": "wan"})
	w.AddTable(other, "private", map[string]string{"vrrpd": "wan"})
	w.AddTable("rtb-3", "foreign", nil)
	for _, t := range []string{table, other, "rtb-3"} {
		w.SetRoute(t, dest, a.ENI())
		w.SetRoute(t, "0.0.0.0/0", "igw-1")
	}
	w.SetRoute(table, prefixList, a.ENI())
	return w, a, b
}

// inLab runs a scenario in virtual time, over the real SDK and its signatures.
func inLab(t *testing.T, items []cloud.Item, f func(*lab)) {
	t.Helper()
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		w, a, b := newWorld()
		l := &lab{t: t, w: w}
		ma, mb := cloudtest.Pair(items, netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3"))
		l.a = &node{Node: a, Machine: ma}
		l.b = &node{Node: b, Machine: mb}
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
	d := declared
	for _, it := range l.a.Items {
		d.Create = d.Create || it.Create
	}
	for _, v := range l.w.Violations(d) {
		l.t.Error(v)
	}
	if after := l.w.Fingerprint(declared); after != before {
		l.t.Errorf("something that was not declared has changed:\n%s\nwas\n%s", after, before)
	}
	for _, n := range []*node{l.a, l.b} {
		for _, secret := range []string{"secret-of-", "session-of-", "token-"} {
			if strings.Contains(n.Audit.String(), secret) || strings.Contains(asJSON(n.Status()), secret) {
				l.t.Errorf("a secret is in the audit log or the status")
			}
		}
	}
}

func provider(t *testing.T, n *fake.Node) *aws.Provider {
	t.Helper()
	p, err := aws.New(context.Background(), aws.Options{
		Base:  n.Transport(),
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
	n.p = provider(l.t, n.Node)
	n.Start(l.t, n.p, uint64(len(n.Name)))
}

// stop ends a node as kill -9 would: nothing is released.
func (l *lab) stop(n *node) { n.Stop() }

func (l *lab) wait(d time.Duration) { cloudtest.Wait(d) }

// fault installs a script for writes; reads and metadata pass.
func (l *lab) faultWrites(f func(fake.Request) fake.Fault) {
	l.w.SetFault(func(r fake.Request) fake.Fault {
		if !r.Mutates() {
			return fake.Fault{}
		}
		return f(r)
	})
}

// where returns who holds an item, as the world knows it.
func (l *lab) where(it cloud.Item) string {
	switch it.Kind {
	case cloud.PublicIP:
		eni, _ := l.w.Elastic(alloc)
		return eni
	case cloud.Route:
		t := it.Table
		if t == "private" {
			t = other
		}
		return l.w.NextHop(t, it.Destination())
	default:
		return l.w.Holder(it.Addr.String())
	}
}

func (l *lab) holds(n *node, items ...cloud.Item) {
	l.t.Helper()
	for _, it := range items {
		if got := l.where(it); got != n.ENI() {
			l.t.Errorf("%s is held by %q, want %s: %s", it.Key(), got, n.Name, asJSON(n.Status()))
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
