// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/aws"
	fake "github.com/govrrp/vrrpd/internal/fakecloud/aws"
)

// onNode runs f with a discovered provider of node a.
func onNode(t *testing.T, f func(context.Context, *fake.World, *aws.Provider, cloud.Node)) {
	t.Helper()
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := newWorld()
		p := provider(t, a)
		node, err := p.Discover(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		f(context.Background(), w, p, node)
	})
}

func TestDiscover(t *testing.T) {
	onNode(t, func(_ context.Context, w *fake.World, _ *aws.Provider, node cloud.Node) {
		if node.Provider != "aws" || node.ID != "i-a" || node.Region != fake.Region || len(node.NICs) != 2 {
			t.Fatalf("%+v", node)
		}
		nic := node.NICs[0]
		want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("2001:db8:0::/64")}
		if nic.ID != "eni-a0" || !nic.Primary || nic.Subnet != "subnet-0" || nic.MAC != "02:00:0a:00:00:02" ||
			nic.Addr.String() != "10.0.0.2" || !slices.Equal(nic.Prefixes, want) {
			t.Errorf("%+v", nic)
		}
		if node.NICs[1].Primary || node.NICs[1].Addr.String() != "10.0.1.2" {
			t.Errorf("%+v", node.NICs[1])
		}
		for _, r := range w.Requests() {
			if r.Service == "ec2" {
				t.Errorf("discovery needs the API: %s", r.Op)
			}
		}
	})
}

func TestScenario39_PagesAndSimilarAddresses(t *testing.T) {
	onNode(t, func(ctx context.Context, w *fake.World, p *aws.Provider, node cloud.Node) {
		w.PageSize = 1
		items := []cloud.Item{vip1, vip2, cloud.VIP(netip.MustParseAddr("10.0.0.40")), cloud.VIP(netip.MustParseAddr("10.0.0.41")), rt1, rt2}
		w.MoveAddress(v2, "eni-b0")
		want := []cloud.Owner{cloud.Self, cloud.Other, cloud.Unknown, cloud.None, cloud.Self, cloud.Self}
		for i, o := range p.Observe(ctx, node, items) {
			if o.Owner != want[i] || (o.Err == nil) != (o.Owner != cloud.Unknown) {
				t.Errorf("%s: %s (%v), want %s", o.Item.Key(), o.Owner, o.Err, want[i])
			}
		}
	})
}

func TestBlackholeIsOther(t *testing.T) {
	onNode(t, func(ctx context.Context, w *fake.World, p *aws.Provider, node cloud.Node) {
		w.Blackhole(table, dest)
		o := p.Observe(ctx, node, []cloud.Item{rt1})[0]
		if o.Owner != cloud.Other || len(p.Plan(node, []cloud.Observed{o})) != 1 {
			t.Errorf("%+v", o)
		}
	})
}

func TestObserveIsPerItem(t *testing.T) {
	onNode(t, func(ctx context.Context, w *fake.World, p *aws.Provider, node cloud.Node) {
		w.AddTable("rtb-9", "twice", nil)
		w.AddTable("rtb-8", "twice", nil)
		w.SetFault(func(r fake.Request) fake.Fault {
			if r.Op == "DescribeAddresses" {
				return fake.Fault{Status: 403, Code: "UnauthorizedOperation"}
			}
			return fake.Fault{}
		})
		twice, nowhere := rt1, rt1
		twice.Table, nowhere.Table = "twice", "nowhere"
		want := []cloud.Class{cloud.ClassDone, cloud.ClassDenied, cloud.ClassInvalid, cloud.ClassAbsent, cloud.ClassDone}
		for i, o := range p.Observe(ctx, node, []cloud.Item{vip1, pub1, twice, nowhere, rt1}) {
			if cloud.ClassOf(o.Err) != want[i] {
				t.Errorf("%s: %v, want class %s", o.Item.Key(), o.Err, want[i])
			}
		}
	})
}

func TestRoutesAndHolderOf(t *testing.T) {
	onNode(t, func(ctx context.Context, w *fake.World, p *aws.Provider, node cloud.Node) {
		got, err := p.Routes(ctx, node, cloud.RouteScope{Tag: "vrrpd=wan", Network: fake.VPC})
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, e := range got {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s%s %s %t", e.Table, map[bool]string{true: e.Dest.String()}[e.Dest.IsValid()], e.PrefixList, e.Holder, e.Local)))
		}
		want := []string{
			"rtb-1 0.0.0.0/0 igw-1 false", "rtb-1 10.0.0.0/16 local true", "rtb-1 10.50.0.0/16 eni-a0 false", "rtb-1 pl-1 eni-a0 false",
			"rtb-2 0.0.0.0/0 igw-1 false", "rtb-2 10.0.0.0/16 local true", "rtb-2 10.50.0.0/16 eni-a0 false",
		}
		if !slices.Equal(lines, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
		}
		if got, err := p.Routes(ctx, node, cloud.RouteScope{}); err != nil || got != nil {
			t.Errorf("the zero scope selects %v, %v", got, err)
		}
		for _, scope := range []cloud.RouteScope{{Tables: []string{"rtb-nope"}}, {Tag: "novalue"}} {
			if _, err := p.Routes(ctx, node, scope); err == nil {
				t.Errorf("%+v: no error", scope)
			}
		}
		if h, err := p.HolderOf(ctx, node, netip.MustParseAddr("10.0.0.3")); err != nil || h != "eni-b0" {
			t.Errorf("holder %q, %v", h, err)
		}
		if _, err := p.HolderOf(ctx, node, netip.MustParseAddr("10.0.0.99")); cloud.ClassOf(err) != cloud.ClassAbsent {
			t.Errorf("holder of an address that nobody has: %v", err)
		}
	})
}

// Plan is idempotent, does not depend on the order of its input, and touches
// what it was given only, whatever the world looks like.
func TestScenario14_PlanProperties(t *testing.T) {
	onNode(t, func(ctx context.Context, w *fake.World, p *aws.Provider, node cloud.Node) {
		rnd := rand.New(rand.NewPCG(1, 2))
		holders := []string{"", "eni-a0", "eni-b0", "eni-stranger0"}
		pick := func() string { return holders[rnd.IntN(len(holders))] }
		items := append([]cloud.Item{vip6, rtPL}, all5...)
		ctx = cloud.WithLimiter(ctx, nil)
		for round := range 60 {
			for _, a := range []string{v1, v2, vip6.Addr.String()} {
				w.MoveAddress(a, pick())
			}
			if eni := w.Holder(v1); eni != "" {
				w.MoveElastic(alloc, eni, v1)
			} else {
				w.MoveElastic(alloc, "", "")
			}
			for _, rt := range []string{table, other} {
				w.SetRoute(rt, dest, cmp.Or(pick(), "igw-1"))
			}
			obs := p.Observe(ctx, node, items)
			steps := p.Plan(node, obs)
			shuffled := slices.Clone(obs)
			rnd.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			if a, b := fmt.Sprint(steps), fmt.Sprint(p.Plan(node, shuffled)); a != b {
				t.Fatalf("the plan depends on the order:\n%s\n%s", a, b)
			}
			for _, s := range steps {
				if out := p.Apply(ctx, openFence{}, s); out.Err != nil {
					t.Fatalf("round %d: %s: %v", round, s.Op, out.Err)
				}
			}
			time.Sleep(time.Second)
			if rest := p.Plan(node, p.Observe(ctx, node, items)); len(rest) != 0 {
				t.Fatalf("round %d: after the plan there is another: %v", round, rest)
			}
		}
		for _, v := range w.Violations(declared) {
			t.Error(v)
		}
	})
}

type openFence struct{}

func (openFence) Allowed() error { return nil }
