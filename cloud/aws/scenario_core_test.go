// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws_test

import (
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	fake "github.com/govrrp/vrrpd/internal/fakecloud/aws"
)

func TestScenario01_CleanTakeover(t *testing.T) {
	inLab(t, append([]cloud.Item{vip6, rtPL}, all5...), func(l *lab) {
		l.stop(l.a)
		l.b.Master(cloud.CausePriorityZero)
		l.wait(2 * time.Second)
		l.holds(l.b, append([]cloud.Item{vip6, rtPL}, all5...)...)
		l.state(l.b, cloud.StateHeld)
		// Addresses first, routes last.
		routes := false
		for _, r := range l.w.Writes("b") {
			routes = routes || r.Op == "ReplaceRoute"
			if routes && r.Op != "ReplaceRoute" {
				t.Errorf("%s after a route", r.Op)
			}
		}
	})
}

func TestScenario03_OneItemDenied(t *testing.T) {
	inLab(t, all5, func(l *lab) {
		l.faultWrites(func(r fake.Request) fake.Fault {
			if r.Params.Get("RouteTableId") == other {
				return fake.Fault{Status: 403, Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation. Encoded authorization failure message: abcdef"}
			}
			return fake.Fault{}
		})
		l.b.Master(cloud.CausePriorityZero)
		l.wait(5 * time.Second)
		l.holds(l.b, vip1, vip2, pub1, rt1)
		l.state(l.b, cloud.StateDegraded)
		f := l.b.Status().Findings
		if len(f) != 1 || f[0].Item != rt2.Key() || f[0].Permission != "ec2:ReplaceRoute" || strings.Contains(f[0].Text, "abcdef") {
			t.Errorf("findings: %s", asJSON(f))
		}
		l.w.SetFault(nil)
		l.wait(61 * time.Second)
		l.state(l.b, cloud.StateHeld)
	})
}

func TestScenario06_StaleReadAfterWrite(t *testing.T) {
	inLab(t, []cloud.Item{vip1, rt1}, func(l *lab) {
		start := time.Now()
		l.w.SetFault(func(r fake.Request) fake.Fault {
			if r.Service == "ec2" && !r.Mutates() && time.Since(start) < 3*time.Second {
				return fake.Fault{Stale: 3 * time.Second}
			}
			return fake.Fault{}
		})
		l.b.Master(cloud.CausePriorityZero)
		l.wait(8 * time.Second)
		l.state(l.b, cloud.StateHeld)
		if w := l.w.Writes("b"); len(w) != 2 {
			t.Errorf("%d writes for two items: %v", len(w), w)
		}
		l.wait(time.Minute)
		if s := l.b.Status(); s.Items[0].Losses != 0 {
			t.Errorf("a stale read was counted as a loss: %s", asJSON(s))
		}
	})
}

func TestScenario08_ErrorsAreUnknownAndMasterStays(t *testing.T) {
	for name, f := range map[string]fake.Fault{
		"5xx":          {Status: 500, Code: "InternalError", Message: "An internal error has occurred"},
		"html":         {Body: "<html><body>maintenance</body></html>"},
		"garbage":      {Body: "\x00\xff not xml"},
		"garbage 4xx":  {Status: 400, Body: "not xml"},
		"other root":   {Body: "<DescribeNetworkInterfacesResponse><requestId>x</requestId></DescribeNetworkInterfacesResponse>"},
		"cut off":      {Body: "<DescribeNetworkInterfacesResponse><networkInterfaceSet><item><networkInt"},
		"empty":        {Status: 200, Body: " "},
		"slow":         {Delay: time.Minute},
		"reset":        {Reset: true},
		"closed after": {DropReply: true},
	} {
		t.Run(name, func(t *testing.T) {
			inLab(t, all5, func(l *lab) {
				l.a.Master(cloud.CausePriorityZero)
				l.wait(time.Minute)
				l.w.SetFault(func(r fake.Request) fake.Fault {
					if r.Service != "ec2" {
						return fake.Fault{}
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
				if n := len(l.w.Writes("")); n != 0 {
					t.Errorf("%d writes on the strength of an unreadable reply", n)
				}
			})
		})
	}
}

func TestScenario10_CredentialsRejected(t *testing.T) {
	inLab(t, []cloud.Item{vip1}, func(l *lab) {
		l.b.RevokeKeys()
		fetched := func() int {
			n := 0
			for _, op := range l.w.MetadataRequests() {
				if strings.HasSuffix(op, "security-credentials/vrrpd") {
					n++
				}
			}
			return n
		}
		before := fetched()
		l.b.Master(cloud.CausePriorityZero)
		l.wait(3 * time.Second)
		l.holds(l.b, vip1)
		if n := fetched() - before; n != 1 {
			t.Errorf("keys fetched %d times for one rejection", n)
		}
		before = fetched()
		l.w.MoveAddress(v1, l.a.ENI())
		l.w.SetFault(func(r fake.Request) fake.Fault {
			if r.Service == "ec2" && r.Node == "b" {
				return fake.Fault{Status: 401, Code: "AuthFailure", Message: "AWS was not able to validate the provided access credentials"}
			}
			return fake.Fault{}
		})
		l.wait(10 * time.Minute)
		if n := fetched() - before; n < 10 || n > 21 {
			t.Errorf("keys fetched %d times in ten minutes, want at most one per 30 s", n)
		}
		if f := l.b.Status().Findings; len(f) != 1 || f[0].Check != "credentials" {
			t.Errorf("no alarm: %s", asJSON(f))
		}
	})
}

func TestScenario11_CredentialsExpireAtFailover(t *testing.T) {
	inLab(t, []cloud.Item{vip1}, func(l *lab) {
		l.stop(l.b)
		l.b.KeyLife = 2 * time.Minute
		l.start(l.b)
		for range 20 {
			l.wait(23 * time.Second)
			n := len(l.w.MetadataRequests())
			l.b.Master(cloud.CausePriorityZero)
			synctestWait(l)
			writes := l.w.Writes("b")
			if len(writes) == 0 || writes[len(writes)-1].Status != 200 {
				t.Fatalf("the claim did not begin with a write: %v", writes)
			}
			for _, op := range l.w.MetadataRequests()[n:] {
				if strings.Contains(op, "credentials") {
					t.Errorf("the claim had to wait for keys: %s", op)
				}
			}
			l.wait(time.Second)
			l.holds(l.b, vip1)
			l.b.Backup()
			l.w.MoveAddress(v1, l.a.ENI())
		}
	})
}

func TestScenario12_NobodyHoldsIt(t *testing.T) {
	inLab(t, []cloud.Item{vip1, pub1, vip6}, func(l *lab) {
		l.w.MoveAddress(v1, "")
		l.w.MoveAddress(vip6.Addr.String(), "")
		l.w.MoveElastic(alloc, "", "")
		l.b.Master(cloud.CausePriorityZero)
		l.wait(2 * time.Second)
		l.holds(l.b, vip1, pub1, vip6)
		l.state(l.b, cloud.StateHeld)
	})
}

// The only move in two steps is that of an IPv6 address.
func TestScenario13_KilledBetweenDetachAndAttach(t *testing.T) {
	for _, finisher := range []string{"a", "b"} {
		t.Run(finisher, func(t *testing.T) { crashBetweenSteps(t, finisher) })
	}
}

func TestScenario45_IPv6TwoStepWithCrashBetween(t *testing.T) {
	crashBetweenSteps(t, "a")
}

func crashBetweenSteps(t *testing.T, finisher string) {
	inLab(t, []cloud.Item{vip6}, func(l *lab) {
		l.faultWrites(func(r fake.Request) fake.Fault {
			if r.Op == "AssignIpv6Addresses" {
				return fake.Fault{Delay: time.Hour}
			}
			return fake.Fault{}
		})
		l.b.Master(cloud.CausePriorityZero)
		l.wait(time.Second)
		l.stop(l.b)
		if h := l.w.Holder(vip6.Addr.String()); h != "" {
			t.Fatalf("held by %q, the crash was to come in between", h)
		}
		l.w.SetFault(nil)
		n := l.a
		if finisher == "b" {
			n = l.b
			l.start(n)
		}
		n.Master(cloud.CausePriorityZero)
		l.wait(2 * time.Second)
		l.holds(n, vip6)
		l.state(n, cloud.StateHeld)
	})
}

// The old master's last write is on its way when the new one claims. EC2 has
// no compare-and-swap to refuse it: the settle checks take the address back.
func TestScenario16_LateOldWrite(t *testing.T) {
	inLab(t, []cloud.Item{vip1, rt1}, func(l *lab) {
		l.w.MoveAddress(v1, "eni-stranger0")
		l.w.SetRoute(table, dest, "eni-stranger0")
		l.faultWrites(func(r fake.Request) fake.Fault {
			if r.Node == "a" {
				return fake.Fault{Late: 1500 * time.Millisecond}
			}
			return fake.Fault{}
		})
		l.a.Master(cloud.CausePriorityZero)
		l.wait(100 * time.Millisecond)
		l.a.Backup()
		l.b.Master(cloud.CausePriorityZero)
		l.wait(time.Second)
		l.holds(l.b, vip1, rt1)
		l.wait(600 * time.Millisecond)
		l.holds(l.a, vip1, rt1)
		l.wait(5 * time.Second)
		l.holds(l.b, vip1, rt1)
		l.state(l.b, cloud.StateHeld)
	})
}
