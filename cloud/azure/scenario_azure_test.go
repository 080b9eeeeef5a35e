// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/internal/fakecloud"
)

func TestScenario50_BusyTable(t *testing.T) {
	inLab(t, []cloud.Item{rt1, rt1b}, func(l *lab) {
		busy := 2
		l.faultWrites(func(string) fakecloud.Fault {
			busy--
			if busy < 0 {
				return fakecloud.Fault{}
			}
			return fakecloud.Fault{Status: 429, Code: "RetryableError"}
		})
		l.b.Master(cloud.CausePriorityZero)
		l.wait(20 * time.Second)
		l.holds(l.b, rt1, rt1b)
		w := l.writes()
		if len(w) != 3 {
			t.Fatalf("%d writes, want two refused and one done", len(w))
		}
		for i := 1; i < len(w); i++ {
			// "can be retried in 11 seconds", capped at 5.
			if d := w[i].Start.Sub(w[i-1].Start); d < 5*time.Second || d > 6*time.Second {
				t.Errorf("tried again after %v", d)
			}
		}
	})
}

func TestScenario50_OneWriterPerTable(t *testing.T) {
	inLab(t, routes3, func(l *lab) {
		l.stop(l.b)
		l.oneByOne = true
		l.start(l.b)
		l.b.Master(cloud.CausePriorityZero)
		l.wait(20 * time.Second)
		l.holds(l.b, routes3...)
		last := map[string]time.Time{}
		for _, c := range l.writes() {
			if c.Status != 200 || c.Op != "PUT routeTables/routes" {
				t.Errorf("%s %s: %d", c.Op, c.Resource, c.Status)
			}
			if !last[c.Resource].IsZero() && c.Start.Sub(last[c.Resource]) < l.w.Takes {
				t.Errorf("two writes of %s within %v", c.Resource, c.Start.Sub(last[c.Resource]))
			}
			last[c.Resource] = c.Start
		}
	})
}

func TestScenario51_Superseded(t *testing.T) {
	inLab(t, []cloud.Item{rt1}, func(l *lab) {
		l.w.Supersede, l.w.Takes = true, 6*time.Second
		l.b.Master(cloud.CausePriorityZero)
		l.wait(2 * time.Second)
		l.w.Start("routeTables", "rt1", func(p map[string]any) { p["disableBgpRoutePropagation"] = true })
		l.w.Start("routeTables", "rt1", pointRoute(dest, addrA))
		l.wait(30 * time.Second)
		l.holds(l.b, rt1)
		l.state(l.b, cloud.StateHeld)
		if n := len(l.writes()); n != 2 {
			t.Errorf("%d writes, want one superseded and one done", n)
		}
	})
}

// pointRoute is what a third party does to a table.
func pointRoute(dest, hop string) func(map[string]any) {
	return func(p map[string]any) {
		for _, e := range p["routes"].([]any) {
			rp := e.(map[string]any)["properties"].(map[string]any)
			if rp["addressPrefix"] == dest {
				rp["nextHopIpAddress"] = hop
			}
		}
	}
}

func TestOperationFails(t *testing.T) {
	inLab(t, []cloud.Item{rt1}, func(l *lab) {
		l.w.Outcome = func(_ string, nth int) string {
			if nth <= 2 {
				return "InternalServerError"
			}
			return ""
		}
		l.b.Master(cloud.CausePriorityZero)
		l.wait(time.Minute)
		l.holds(l.b, rt1)
		l.state(l.b, cloud.StateHeld)
		if n := len(l.writes()); n != 3 {
			t.Errorf("%d writes, want two that failed after they were accepted and one more", n)
		}
	})
}

// members parses an object without losing bytes.
func members(t *testing.T, raw []byte) map[string]json.RawMessage {
	t.Helper()
	m := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// sameBut compares every member byte for byte, but for one.
func sameBut(t *testing.T, what string, got, want []byte, but string) {
	t.Helper()
	g, w := members(t, got), members(t, want)
	for k := range g {
		if _, ok := w[k]; !ok {
			t.Errorf("%s: %s was added", what, k)
		}
	}
	for k, v := range w {
		if k != but && !bytes.Equal(g[k], v) {
			t.Errorf("%s: %s is %s, was %s", what, k, g[k], v)
		}
	}
}

func TestScenario52_NICBytesKept(t *testing.T) {
	inLab(t, append([]cloud.Item{vip6}, vips3...), func(l *lab) {
		before := map[string][]byte{"a-nic0": l.w.Text("networkInterfaces", "a-nic0"), "b-nic0": l.w.Text("networkInterfaces", "b-nic0")}
		l.b.Master(cloud.CausePriorityZero)
		l.wait(15 * time.Second)
		l.holds(l.b, append([]cloud.Item{vip6}, vips3...)...)
		w := l.writes()
		if len(w) != 2 {
			t.Fatalf("%d writes", len(w))
		}
		for _, c := range w {
			name := c.Resource[strings.LastIndex(c.Resource, "/")+1:]
			sameBut(t, name, []byte(c.Body), before[name], "properties")
			got, want := members(t, []byte(c.Body))["properties"], members(t, before[name])["properties"]
			sameBut(t, name+" properties", got, want, "ipConfigurations")
			var configs, old []json.RawMessage
			if json.Unmarshal(members(t, got)["ipConfigurations"], &configs) != nil || json.Unmarshal(members(t, want)["ipConfigurations"], &old) != nil {
				t.Fatal("no configurations")
			}
			for _, cfg := range configs {
				kept := slices.ContainsFunc(old, func(o json.RawMessage) bool { return bytes.Equal(o, cfg) })
				if !kept && (name == "a-nic0" || !bytes.Contains(cfg, []byte("vip-")) || !bytes.Contains(cfg, []byte("xFutureConfig"))) {
					t.Errorf("%s: configuration changed: %s", name, cfg)
				}
			}
		}
	})
}

func TestScenario53_PublicStaysPaired(t *testing.T) {
	inLab(t, []cloud.Item{vip1, vip2, vip3}, func(l *lab) {
		l.b.Master(cloud.CausePriorityZero)
		l.wait(15 * time.Second)
		for addr, public := range map[string]string{"10.0.0.4": "pip1", "10.0.0.5": "pip2", "10.0.0.6": "pip3"} {
			nics, publics := l.w.Holder(addr)
			if !slices.Equal(nics, []string{"b-nic0"}) || !slices.Equal(publics, []string{public}) {
				t.Errorf("%s is at %v with %v", addr, nics, publics)
			}
		}
	})
}

func TestScenario54_CrashBetweenPuts(t *testing.T) {
	items := []cloud.Item{vip1, pub1}
	crash := func(l *lab) {
		l.b.Master(cloud.CausePriorityZero)
		l.wait(500 * time.Millisecond)
		l.stop(l.b)
		l.wait(10 * time.Second)
		if nics, _ := l.w.Holder("10.0.0.4"); len(nics) != 0 {
			t.Fatalf("not between the two: at %v", nics)
		}
	}
	t.Run("the peer finishes", func(t *testing.T) {
		inLab(t, items, func(l *lab) {
			crash(l)
			l.a.Master(cloud.CauseMasterDown)
			l.wait(15 * time.Second)
			l.holds(l.a, items...)
			l.state(l.a, cloud.StateHeld)
			if text := l.w.Text("networkInterfaces", "a-nic0"); !bytes.Contains(text, []byte("of 10.0.0.4")) {
				t.Error("what the configuration said besides is lost")
			}
		})
	})
	t.Run("a restarted node finishes", func(t *testing.T) {
		inLab(t, items, func(l *lab) {
			crash(l)
			l.start(l.b)
			l.b.Master(cloud.CauseMasterDown)
			l.wait(15 * time.Second)
			l.holds(l.b, items...)
			l.state(l.b, cloud.StateHeld)
		})
	})
}

func TestScenario55_PollPace(t *testing.T) {
	for header, most := range map[string]time.Duration{"": time.Second, "3": 3 * time.Second, "30": 5 * time.Second} {
		t.Run("Retry-After "+header, func(t *testing.T) {
			inLab(t, []cloud.Item{rt1}, func(l *lab) {
				l.w.Takes, l.w.RetryAfter = 23*time.Second, header
				l.b.Master(cloud.CausePriorityZero)
				l.wait(30 * time.Second)
				l.holds(l.b, rt1)
				var last time.Time
				polls := 0
				for _, c := range l.w.Calls() {
					if c.Op != "GET operations" {
						continue
					}
					if d := c.Start.Sub(last); !last.IsZero() && (d > most+time.Second/4 || d < most-time.Second/4) {
						t.Errorf("looked after %v, want %v", d, most)
					}
					last = c.Start
					polls++
				}
				if polls < 4 {
					t.Errorf("looked %d times", polls)
				}
			})
		})
	}
}

func TestScenario56_LinkedAuthorization(t *testing.T) {
	for _, missing := range []string{"virtualNetworks/subnets/join/action", "publicIPAddresses/join/action", "networkSecurityGroups/join/action"} {
		t.Run(missing, func(t *testing.T) {
			inLab(t, []cloud.Item{vip1}, func(l *lab) {
				role := []string{"Microsoft.Compute/*", "Microsoft.Network/*/read", "Microsoft.Network/networkInterfaces/write"}
				for _, a := range []string{"virtualNetworks/subnets/join/action", "publicIPAddresses/join/action", "networkSecurityGroups/join/action"} {
					if a != missing {
						role = append(role, "Microsoft.Network/"+a)
					}
				}
				l.w.SetRole("b", role...)
				l.b.Master(cloud.CausePriorityZero)
				l.wait(10 * time.Second)
				f := l.b.Status().Findings
				if len(f) != 1 || f[0].Permission != "Microsoft.Network/"+missing || f[0].Check != "denied" {
					t.Errorf("%s", asJSON(f))
				}
			})
		})
	}
}

func TestScenario57_SecondFailoverWhileFirstRuns(t *testing.T) {
	for name, items := range map[string][]cloud.Item{"routes": {rt1, rt1b, rt2}, "addresses": {vip1, vip2, pub1}} {
		t.Run(name, func(t *testing.T) {
			inLab(t, items, func(l *lab) {
				l.w.Takes = 8 * time.Second
				l.b.Master(cloud.CausePriorityZero)
				l.wait(2 * time.Second)
				l.b.Backup()
				l.a.Master(cloud.CausePreempt)
				l.wait(time.Minute)
				l.holds(l.a, items...)
				l.state(l.a, cloud.StateHeld)
				for _, c := range l.writes() {
					if c.Status != 200 {
						t.Errorf("%s by %s: %d", c.Op, c.Principal, c.Status)
					}
				}
				l.b.Master(cloud.CausePriorityZero)
				l.a.Backup()
				l.wait(time.Minute)
				l.holds(l.b, items...)
			})
		})
	}
}

func TestConflictIsReadAgain(t *testing.T) {
	inLab(t, []cloud.Item{rt1}, func(l *lab) {
		once := true
		l.faultWrites(func(string) fakecloud.Fault {
			if !once {
				return fakecloud.Fault{}
			}
			once = false
			return fakecloud.Fault{Before: func() { l.w.SetRoute("rt1", dest2, addrA) }}
		})
		l.b.Master(cloud.CausePriorityZero)
		l.wait(5 * time.Second)
		l.holds(l.b, rt1)
		w := l.writes()
		if len(w) != 2 || w[0].Status != 412 || w[1].Status != 200 {
			t.Errorf("%v", w)
		}
	})
}

func TestMissingRoute(t *testing.T) {
	missing := routeTo("rt1", "10.77.0.0/16")
	inLab(t, []cloud.Item{missing}, func(l *lab) {
		l.b.Master(cloud.CausePriorityZero)
		l.wait(10 * time.Second)
		if n := len(l.writes()); n != 0 {
			t.Errorf("%d writes for a route that was deleted", n)
		}
	})
	missing.Create = true
	hermetic(t)
	declared.Routes = append(declared.Routes, "10.77.0.0/16")
	t.Cleanup(func() { declared.Routes = declared.Routes[:2] })
	inLab(t, []cloud.Item{missing}, func(l *lab) {
		l.b.Master(cloud.CausePriorityZero)
		l.wait(10 * time.Second)
		l.holds(l.b, missing)
		l.w.DropRoute("rt1", "10.77.0.0/16")
		l.b.Backup()
	})
}
