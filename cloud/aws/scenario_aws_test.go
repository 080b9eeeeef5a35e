// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	fake "github.com/govrrp/vrrpd/internal/fakecloud/aws"
)

func synctestWait(l *lab) {
	l.t.Helper()
	synctest.Wait()
}

func TestScenario42_NotHeldUntilMetadataShowsIt(t *testing.T) {
	t.Run("lag", func(t *testing.T) {
		inLab(t, []cloud.Item{vip1, vip6}, func(l *lab) {
			l.w.MetadataLag = 8 * time.Second
			l.b.Master(cloud.CausePriorityZero)
			l.wait(7 * time.Second)
			l.holds(l.b, vip1, vip6)
			l.state(l.b, cloud.StateClaiming)
			l.wait(3 * time.Second)
			l.state(l.b, cloud.StateHeld)
			if w := l.w.Writes("b"); len(w) != 3 {
				t.Errorf("%d writes, want 3 (one, and two for IPv6): %v", len(w), w)
			}
		})
	})
	t.Run("never", func(t *testing.T) {
		inLab(t, []cloud.Item{vip1}, func(l *lab) {
			l.w.MetadataLag = 9 * time.Minute
			l.b.Master(cloud.CausePriorityZero)
			l.wait(28 * time.Second)
			l.state(l.b, cloud.StateClaiming)
			l.wait(5 * time.Second)
			l.state(l.b, cloud.StateHeld)
			if w := l.w.Writes("b"); len(w) != 1 {
				t.Errorf("%d writes, want 1", len(w))
			}
		})
	})
}

func TestScenario43_MetadataSessionExpires(t *testing.T) {
	for _, how := range []string{"early", "revoked"} {
		t.Run(how, func(t *testing.T) {
			inLab(t, []cloud.Item{vip1}, func(l *lab) {
				if how == "early" {
					l.w.TokenLife = 20 * time.Second
				}
				l.a.Master(cloud.CausePriorityZero)
				for range 10 {
					l.wait(time.Minute)
					if how == "revoked" {
						l.a.RevokeTokens()
					}
				}
				l.state(l.a, cloud.StateHeld)
				if s := l.a.Status(); s.LastError != "" {
					t.Errorf("last error: %s", s.LastError)
				}
				sessions := 0
				for _, r := range l.w.Requests() {
					if r.Service == "metadata" && strings.HasPrefix(r.Op, "PUT ") {
						sessions++
					}
				}
				if sessions < 8 {
					t.Errorf("%d metadata sessions in ten minutes", sessions)
				}
			})
		})
	}
	t.Run("no version 1", func(t *testing.T) {
		hermetic(t)
		synctest.Test(t, func(t *testing.T) {
			w, a, _ := newWorld()
			w.SetFault(func(r fake.Request) fake.Fault {
				if strings.HasPrefix(r.Op, "PUT ") {
					return fake.Fault{Status: 403}
				}
				return fake.Fault{}
			})
			if _, err := provider(t, a).Discover(context.Background()); err == nil {
				t.Error("discovered without a session")
			}
			for _, op := range w.MetadataRequests() {
				if strings.HasPrefix(op, "GET ") {
					t.Errorf("fell back to version 1: %s", op)
				}
			}
		})
	})
}

func TestScenario44_ElasticAddress(t *testing.T) {
	t.Run("follows the private address", func(t *testing.T) {
		inLab(t, []cloud.Item{vip1, pub1}, func(l *lab) {
			l.b.Master(cloud.CausePriorityZero)
			l.wait(2 * time.Second)
			l.holds(l.b, vip1, pub1)
			l.state(l.b, cloud.StateHeld)
			if n := len(l.w.Calls("b", "AssociateAddress")); n != 0 {
				t.Errorf("%d × AssociateAddress for an address that came along by itself", n)
			}
		})
	})
	t.Run("across zones, with a route", func(t *testing.T) {
		free := pub1
		free.Target = cloud.Item{}.Addr
		inLab(t, []cloud.Item{free, rt1}, func(l *lab) {
			l.b.Master(cloud.CausePriorityZero)
			l.wait(2 * time.Second)
			l.holds(l.b, free, rt1)
			l.state(l.b, cloud.StateHeld)
			calls := l.w.Calls("b", "AssociateAddress")
			if len(calls) != 1 || calls[0].Params.Get("PrivateIpAddress") != "10.0.0.3" || calls[0].Params.Get("AllowReassociation") != "true" {
				t.Errorf("calls: %v", calls)
			}
		})
	})
	t.Run("on this node, but the wrong private address", func(t *testing.T) {
		inLab(t, []cloud.Item{vip1, pub1}, func(l *lab) {
			l.w.MoveElastic(alloc, l.a.ENI(), "10.0.0.2")
			l.a.Master(cloud.CausePriorityZero)
			l.wait(2 * time.Second)
			if _, private := l.w.Elastic(alloc); private != v1 {
				t.Errorf("on %s, want %s", private, v1)
			}
			l.state(l.a, cloud.StateHeld)
		})
	})
}

func TestScenario46_RouteNotFound(t *testing.T) {
	for _, create := range []bool{false, true} {
		rt := rt1
		rt.Create = create
		t.Run(map[bool]string{false: "create off", true: "create on"}[create], func(t *testing.T) {
			inLab(t, []cloud.Item{rt}, func(l *lab) {
				deleted := false
				l.w.SetFault(func(r fake.Request) fake.Fault {
					// An administrator deletes it between our read and our write.
					if r.Op != "ReplaceRoute" || deleted {
						return fake.Fault{}
					}
					deleted = true
					return fake.Fault{Then: func() { l.w.SetRoute(table, dest, "") }}
				})
				l.b.Master(cloud.CausePriorityZero)
				l.wait(20 * time.Second)
				codes := []string{}
				for _, r := range l.w.Writes("b") {
					codes = append(codes, r.Op+" "+r.Code)
				}
				want := []string{"ReplaceRoute InvalidRoute.NotFound"}
				if create {
					want = append(want, "CreateRoute ")
					l.holds(l.b, rt)
					l.state(l.b, cloud.StateHeld)
				} else {
					l.state(l.b, cloud.StateDegraded)
				}
				if !slices.Equal(codes, want) {
					t.Errorf("writes %v, want %v", codes, want)
				}
			})
		})
	}
}

// Every scenario ends with the check that no description was sent without a
// filter. Here are the calls that could most easily be.
func TestScenario48_UnfilteredDescribeIsNeverSent(t *testing.T) {
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := newWorld()
		p := provider(t, a)
		ctx := context.Background()
		node, err := p.Discover(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Warm(ctx); err != nil {
			t.Error(err)
		}
		for _, scope := range []cloud.RouteScope{{}, {Network: fake.VPC}, {Tag: "vrrpd=wan"}, {Tables: []string{"private"}}} {
			if _, err := p.Routes(ctx, node, scope); err != nil {
				t.Errorf("%+v: %v", scope, err)
			}
		}
		p.Observe(ctx, node, nil)
		p.Observe(ctx, node, []cloud.Item{{Kind: cloud.VIP4, Addr: vip1.Addr, NIC: "nowhere"}})
		p.Check(ctx, nil, cloud.CheckOptions{})
		p.Check(ctx, all5, cloud.CheckOptions{ProbeWrites: true, Peer: vip2.Addr})
		for _, v := range w.Violations(declared) {
			t.Error(v)
		}
		if len(w.Calls("a", "DescribeRouteTables")) < 3 {
			t.Error("nothing was described: the test proves nothing")
		}
	})
}
