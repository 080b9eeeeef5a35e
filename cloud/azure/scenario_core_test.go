// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure_test

import (
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/internal/fakecloud"
)

func TestScenario01_CleanTakeover(t *testing.T) {
	items := append(append([]cloud.Item{vip6}, routes3...), vips3...)
	inLab(t, items, func(l *lab) {
		l.stop(l.a)
		l.b.Master(cloud.CausePriorityZero)
		l.wait(15 * time.Second)
		l.holds(l.b, items...)
		l.state(l.b, cloud.StateHeld)
		// Addresses first; but routes do not wait for an interface to be done.
		if w := l.writes(); w[0].Op != "PUT networkInterfaces" || w[len(w)-1].Op != "PUT networkInterfaces" {
			t.Errorf("first %s, last %s", w[0].Op, w[len(w)-1].Op)
		}
		// One detach and one attach for all addresses, one write per table.
		if n := len(l.writes()); n != 4 {
			t.Errorf("%d writes", n)
			for _, c := range l.writes() {
				t.Logf("%s %s %s %d", c.Start.Format("05.000"), c.Op, c.Resource[len(c.Resource)-8:], c.Status)
			}
		}
	})
}

func TestScenario03_OneItemDenied(t *testing.T) {
	inLab(t, []cloud.Item{vip1, vip2, pub1, rt1, rt2}, func(l *lab) {
		l.faultWrites(func(op string) fakecloud.Fault {
			if op == "PUT routeTables/routes" {
				return fakecloud.Fault{Status: 403, Code: "AuthorizationFailed"}
			}
			return fakecloud.Fault{}
		})
		l.b.Master(cloud.CausePriorityZero)
		l.wait(15 * time.Second)
		l.holds(l.b, vip1, vip2, pub1)
		l.state(l.b, cloud.StateDegraded)
		f := l.b.Status().Findings
		if len(f) != 2 || f[0].Permission != "Microsoft.Network/routeTables/routes/write" {
			t.Errorf("findings: %s", asJSON(f))
		}
		l.w.SetScript(nil)
		l.wait(61 * time.Second)
		l.holds(l.b, rt1, rt2)
		l.state(l.b, cloud.StateHeld)
	})
}

func TestScenario06_StaleReadAfterWrite(t *testing.T) {
	inLab(t, []cloud.Item{rt1, vip1}, func(l *lab) {
		l.w.Takes = 0
		l.wait(4 * time.Second)
		start := time.Now()
		l.w.SetScript(func(op string, _ int) fakecloud.Fault {
			if strings.HasPrefix(op, "GET routeTables") && time.Since(start) < 3*time.Second {
				return fakecloud.Fault{Stale: 3 * time.Second}
			}
			return fakecloud.Fault{}
		})
		l.b.Master(cloud.CausePriorityZero)
		l.wait(8 * time.Second)
		l.state(l.b, cloud.StateHeld)
		if n := len(l.writes()); n != 3 {
			t.Errorf("%d writes: one route, one detach, one attach", n)
		}
		l.wait(time.Minute)
		for _, it := range l.b.Status().Items {
			if it.Losses != 0 {
				t.Errorf("a stale read was counted as a loss: %s", asJSON(it))
			}
		}
	})
}

func TestScenario07_Throttled(t *testing.T) {
	inLab(t, routes3, func(l *lab) {
		left := 5
		l.faultWrites(func(string) fakecloud.Fault {
			left--
			if left < 0 {
				return fakecloud.Fault{}
			}
			return fakecloud.Fault{Status: 429, Code: "SubscriptionRequestsThrottled", RetryAfter: "2"}
		})
		l.b.Master(cloud.CausePriorityZero)
		l.wait(time.Minute)
		l.holds(l.b, routes3...)
		l.state(l.b, cloud.StateHeld)
		calls := l.writes()
		if len(calls) > 9 {
			t.Errorf("%d writes: throttling was not answered by waiting", len(calls))
		}
		for i := 1; i < len(calls); i++ {
			if calls[i-1].Resource == calls[i].Resource && calls[i].Start.Sub(calls[i-1].Start) < 2*time.Second {
				t.Errorf("the vendor asked for 2 s, got %v", calls[i].Start.Sub(calls[i-1].Start))
			}
		}
	})
}

func TestScenario08_ErrorsAreUnknownAndMasterStays(t *testing.T) {
	items := append(append([]cloud.Item{}, routes3...), vips3...)
	for name, f := range map[string]fakecloud.Fault{
		"5xx":     {Status: 500, Code: "InternalServerError"},
		"garbage": {Garbage: true},
		"slow":    {Delay: time.Minute},
		"reset":   {Reset: true},
		"dropped": {DropReply: true},
	} {
		t.Run(name, func(t *testing.T) {
			inLab(t, items, func(l *lab) {
				l.a.Master(cloud.CausePriorityZero)
				l.wait(time.Minute)
				l.w.SetScript(func(op string, _ int) fakecloud.Fault {
					if op == "token" || op == "instance" {
						return fakecloud.Fault{}
					}
					return f
				})
				l.wait(2 * time.Minute)
				s := l.a.Status()
				if s.State != cloud.StateHeld || s.LastError == "" {
					t.Errorf("%s", asJSON(s))
				}
				for _, it := range s.Items {
					if it.Owner != cloud.Unknown || it.Known != cloud.Self || it.Losses != 0 {
						t.Errorf("what cannot be read must stay ours until somebody says otherwise: %s", asJSON(it))
					}
				}
				if n := len(l.writes()); n != 0 {
					t.Errorf("%d writes on the strength of an unreadable reply", n)
				}
			})
		})
	}
}

func TestScenario10_CredentialsRejected(t *testing.T) {
	inLab(t, []cloud.Item{rt1}, func(l *lab) {
		fetched := func() int {
			return l.w.Count(func(c fakecloud.Call) bool { return c.Op == "token" && c.Principal == "b" })
		}
		l.b.RevokeTokens()
		before := fetched()
		l.b.Master(cloud.CausePriorityZero)
		l.wait(6 * time.Second)
		l.holds(l.b, rt1)
		if n := fetched() - before; n != 1 {
			t.Errorf("tokens fetched %d times for one rejection", n)
		}
		before = fetched()
		l.w.SetRoute("rt1", dest, addrA)
		l.w.SetScript(func(op string, _ int) fakecloud.Fault {
			if strings.HasPrefix(op, "GET routeTables") {
				return fakecloud.Fault{Status: 401, Code: "ExpiredAuthenticationToken"}
			}
			return fakecloud.Fault{}
		})
		l.wait(10 * time.Minute)
		if n := fetched() - before; n < 10 || n > 21 {
			t.Errorf("tokens fetched %d times in ten minutes, want at most one per 30 s", n)
		}
		if f := l.b.Status().Findings; len(f) != 1 || f[0].Check != "credentials" {
			t.Errorf("no alarm: %s", asJSON(f))
		}
	})
}

func TestScenario11_CredentialsExpireAtFailover(t *testing.T) {
	inLab(t, []cloud.Item{rt1}, func(l *lab) {
		l.stop(l.b)
		l.w.TokenLife = 2 * time.Minute
		l.start(l.b)
		for range 12 {
			l.wait(23 * time.Second)
			tokens := l.w.Count(func(c fakecloud.Call) bool { return c.Op == "token" })
			l.b.Master(cloud.CausePriorityZero)
			l.wait(100 * time.Millisecond)
			if n := l.w.Count(func(c fakecloud.Call) bool { return c.Op == "token" }); n != tokens {
				t.Errorf("the claim had to wait for a token")
			}
			l.wait(5 * time.Second)
			l.holds(l.b, rt1)
			l.b.Backup()
			l.w.SetRoute("rt1", dest, addrA)
		}
	})
}

func TestScenario12_NobodyHoldsIt(t *testing.T) {
	inLab(t, vips3, func(l *lab) {
		l.wait(2 * time.Minute) // the configurations are seen
		for _, it := range []cloud.Item{vip1, vip2, vip3} {
			l.a.RemoveAddress(0, it.Addr.String())
		}
		l.b.Master(cloud.CausePriorityZero)
		l.wait(15 * time.Second)
		l.holds(l.b, vips3...)
		l.state(l.b, cloud.StateHeld)
	})
}
