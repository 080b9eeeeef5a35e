// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/memory"
)

func TestScenario01_CleanTakeover(t *testing.T) {
	each(t, all5, func(l *lab) {
		l.stop(l.a)
		l.b.Master(cloud.CausePriorityZero)
		l.wait(time.Second)
		l.holds(l.b, all5...)
		l.state(l.b, cloud.StateHeld)
		last := cloud.Kind(0)
		for _, w := range l.w.Writes() {
			kind := map[string]cloud.Kind{"vip4": cloud.VIP4, "publ": cloud.PublicIP, "rout": cloud.Route}[w.Item[:4]]
			if kind < last {
				t.Errorf("%s moved after something of a later kind", w.Item)
			}
			last = kind
		}
	})
}

func TestScenario03_OneItemDenied(t *testing.T) {
	each(t, all5, func(l *lab) {
		l.fault(func(r memory.Request) memory.Fault {
			if isWrite(r.Op) && r.Item == vip2.Key() {
				return memory.Fault{Class: cloud.ClassDenied}
			}
			return memory.Fault{}
		})
		l.b.Master(cloud.CausePriorityZero)
		l.wait(5 * time.Second)
		l.holds(l.b, vip1, pub1, rt1, rt2)
		l.state(l.b, cloud.StateDegraded)
		s := l.b.Status()
		if len(s.Findings) != 1 || s.Findings[0].Item != vip2.Key() || !strings.HasPrefix(s.Findings[0].Permission, "memory:") {
			t.Errorf("findings: %s", asJSON(s.Findings))
		}
		before := len(l.b.sent())
		l.wait(10 * time.Minute)
		if n := len(l.b.sent()) - before; n < 9 || n > 13 {
			t.Errorf("%d retries of a denied write in 10 minutes, want about one a minute", n)
		}
		l.fault(nil)
		l.wait(61 * time.Second)
		l.state(l.b, cloud.StateHeld)
	})
}

func TestScenario06_StaleReadAfterWrite(t *testing.T) {
	each(t, []cloud.Item{vip1, rt1}, func(l *lab) {
		start := time.Now()
		l.fault(func(r memory.Request) memory.Fault {
			if r.Op == "observe" && time.Since(start) < 3*time.Second {
				return memory.Fault{Stale: 3 * time.Second}
			}
			return memory.Fault{}
		})
		l.b.Master(cloud.CausePriorityZero)
		l.wait(8 * time.Second)
		l.state(l.b, cloud.StateHeld)
		for _, op := range []string{"assign", "detach", "attach"} {
			if n := strings.Count(strings.Join(l.b.sent(), ""), `"op":"`+op+`"`); n > 2 {
				t.Errorf("%d × %s for two items: %s", n, op, l.b.Audit)
			}
		}
		l.wait(time.Minute)
		if s := l.b.Status(); s.Items[0].Losses != 0 {
			t.Errorf("a stale read was counted as a loss: %s", asJSON(s))
		}
	})
}

func TestScenario07_Throttled(t *testing.T) {
	each(t, all5, func(l *lab) {
		left := 5
		l.fault(func(r memory.Request) memory.Fault {
			if isWrite(r.Op) && left > 0 {
				left--
				return memory.Fault{Class: cloud.ClassThrottle, Hint: 2 * time.Second}
			}
			return memory.Fault{}
		})
		start := time.Now()
		l.b.Master(cloud.CausePriorityZero)
		l.wait(30 * time.Second)
		l.holds(l.b, all5...)
		l.state(l.b, cloud.StateHeld)
		for _, w := range l.w.Writes() {
			if w.Item == vip1.Key() && w.At.Sub(start) < 2*time.Second {
				t.Errorf("written %v after a throttle that asked for 2 s", w.At.Sub(start))
			}
		}
	})
}

func TestScenario09_APIDeadForTenMinutes(t *testing.T) {
	each(t, all5, func(l *lab) {
		calls := 0
		l.fault(func(memory.Request) memory.Fault { calls++; return memory.Fault{Delay: time.Second, Lost: true} })
		l.b.Master(cloud.CausePriorityZero)
		l.wait(10 * time.Minute)
		l.state(l.b, cloud.StateClaiming)
		if !l.b.Status().Late {
			t.Error("a claim that takes ten minutes is not called late")
		}
		if calls > 1500 {
			t.Errorf("%d calls to a dead API in ten minutes", calls)
		}
		l.fault(nil)
		l.wait(15 * time.Second)
		l.holds(l.b, all5...)
		l.state(l.b, cloud.StateHeld)
	})
}

func TestScenario10_CredentialsRejected(t *testing.T) {
	each(t, []cloud.Item{vip1}, func(l *lab) {
		refreshes, bad := 0, true
		l.fault(func(r memory.Request) memory.Fault {
			if r.Op == "refresh" {
				refreshes++
				bad = refreshes > 1 // the first renewal helps, later ones do not
				return memory.Fault{}
			}
			if bad && r.Op != "discover" {
				return memory.Fault{Class: cloud.ClassCredentials}
			}
			return memory.Fault{}
		})
		l.b.Master(cloud.CausePriorityZero)
		l.wait(2 * time.Second)
		l.holds(l.b, vip1)
		if refreshes != 1 {
			t.Errorf("%d renewals for one rejection", refreshes)
		}
		bad = true
		l.w.Set(vip1, "a/0")
		l.wait(10 * time.Minute)
		if refreshes < 10 || refreshes > 21 {
			t.Errorf("%d renewals in ten minutes, want at most one per 30 s", refreshes)
		}
		if s := l.b.Status(); len(s.Findings) != 1 || s.Findings[0].Check != "credentials" {
			t.Errorf("no alarm: %s", asJSON(s))
		}
	})
}

func TestScenario12_NobodyHoldsIt(t *testing.T) {
	each(t, []cloud.Item{vip1, pub1}, func(l *lab) {
		l.w.Set(vip1, "")
		l.w.Set(pub1, "")
		l.b.Master(cloud.CausePriorityZero)
		l.wait(time.Second)
		l.holds(l.b, vip1, pub1)
		l.state(l.b, cloud.StateHeld)
	})
}

func TestScenario13_KilledBetweenDetachAndAttach(t *testing.T) {
	for name, d := range map[string]memory.Dialect{"cas": memory.CompareAndSwap | memory.TwoStep, "nocas": memory.TwoStep} {
		for _, finisher := range []string{"a", "b"} {
			t.Run(name+"/"+finisher, func(t *testing.T) {
				inLab(t, d, []cloud.Item{vip1}, nil, func(l *lab) {
					l.fault(func(r memory.Request) memory.Fault {
						if r.Op == "attach" {
							return memory.Fault{Delay: time.Hour}
						}
						return memory.Fault{}
					})
					l.b.Master(cloud.CausePriorityZero)
					l.wait(time.Second)
					l.stop(l.b)
					if h := l.w.Holder(vip1); h != "" {
						t.Fatalf("held by %q, the crash was to come in between", h)
					}
					l.fault(nil)
					n := l.a
					if finisher == "b" {
						l.start(l.b, 9)
						n = l.b
					}
					n.Master(cloud.CausePriorityZero)
					l.wait(2 * time.Second)
					l.holds(n, vip1)
					l.state(n, cloud.StateHeld)
				})
			})
		}
	}
}

// Without versions, a replica that lags behind can contradict what was read a
// moment before. One more look, and no write, tells it from a loss.
func TestScenario06_StaleReadAfterItWasSeen(t *testing.T) {
	inLab(t, 0, []cloud.Item{vip1}, nil, func(l *lab) {
		l.b.Master(cloud.CausePriorityZero)
		l.wait(time.Second)
		l.state(l.b, cloud.StateHeld)
		once := true
		l.fault(func(r memory.Request) memory.Fault {
			if r.Op == "observe" && r.Node == "b" && once {
				once = false
				return memory.Fault{Stale: 10 * time.Second}
			}
			return memory.Fault{}
		})
		l.wait(2 * time.Minute)
		if once {
			t.Error("nothing was read")
		}
		if s := l.b.Status(); s.State != cloud.StateHeld || s.Items[0].Losses != 0 || len(l.b.sent()) != 1 {
			t.Errorf("a stale read was believed: %s", asJSON(s))
		}
	})
}
