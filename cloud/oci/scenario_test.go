// SPDX-License-Identifier: Apache-2.0

//go:build !nooci

package oci_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/oci"
	"github.com/govrrp/vrrpd/internal/fakecloud"
)

func TestScenario35_ThreeVNICsThreeVIPsNoOCIDs(t *testing.T) {
	l := newLab(t)
	l.start(l.a)
	l.start(l.b)
	l.a.master()
	l.held(l.a)
	if n := l.writes(l.a); n != 0 {
		t.Errorf("%d writes of what was ours", n)
	}
	l.a.claim.SetWanted(cloud.Wanted{})
	l.b.master()
	l.held(l.b)
	if n := l.writes(l.b); n != 3 {
		t.Errorf("%d writes for three addresses", n)
	}
	s := l.b.claim.Status()
	if s.Provider != "oci" || s.Region != "eu-frankfurt-1" || s.Node != l.b.ID {
		t.Errorf("identity: %+v", s)
	}
	l.finish()
}

func TestScenario36_EtagRaceWithTheConsole(t *testing.T) {
	l := newLab(t)
	third := l.c.AddInstance("c").AddVNIC(subnetOf(l), "10.0.0.9", "02:00:00:00:0c:00")
	raced := false
	l.c.SetScript(func(op string, nth int) fakecloud.Fault {
		if op == "UpdatePrivateIp" && nth == 1 {
			raced = true
			return fakecloud.Fault{Before: func() {
				for _, id := range l.ids {
					l.c.Move(id, third) // only the first subnet's fits, but the etags change
				}
			}}
		}
		return fakecloud.Fault{}
	})
	l.start(l.b)
	l.b.master()
	l.held(l.b)
	if !raced || l.c.Count(func(c fakecloud.Call) bool { return c.Status == 412 }) == 0 {
		t.Error("there was no race")
	}
	l.finish()
}

func subnetOf(l *lab) string {
	node, err := l.a.p.Discover(context.Background())
	if err != nil {
		l.t.Fatal(err)
	}
	for _, nic := range node.NICs {
		if nic.ID == l.a.vnics[0] {
			return nic.Subnet
		}
	}
	return ""
}

func TestScenario37_VIPObjectMissing(t *testing.T) {
	l := newLab(t)
	lost := cloud.VIP(netip.MustParseAddr("10.0.1.77"))
	l.items = append(l.items, lost)
	l.start(l.b)
	l.b.master()
	l.until("degraded", func() bool { return l.b.claim.Status().State == cloud.StateDegraded })
	s := l.b.claim.Status()
	if len(s.Findings) != 1 || s.Findings[0].Item != lost.Key() || !strings.Contains(s.Findings[0].Text, "assign it once") {
		t.Errorf("findings: %+v", s.Findings)
	}
	l.finish()
}

func TestScenario38_CertificateRotationAndTokenRenewal(t *testing.T) {
	l := newLab(t)
	l.start(l.b)
	l.until("discovered", func() bool { return l.b.claim.Status().Node != "" })
	l.c.SetScript(func(op string, nth int) fakecloud.Fault {
		if op == "UpdatePrivateIp" && nth == 1 {
			return fakecloud.Fault{Before: func() { l.b.Rotate(); l.c.RevokeTokens() }}
		}
		return fakecloud.Fault{}
	})
	l.b.master()
	l.held(l.b)
	if n := l.c.Count(func(c fakecloud.Call) bool { return c.Op == "x509" && c.Status == 200 }); n != 2 {
		t.Errorf("%d tokens were issued, want the first and one renewal", n)
	}
	l.finish()
}

func TestScenario11_CredentialsArePreWarmed(t *testing.T) {
	l := newLab(t)
	now := time.Now()
	o := oci.Options{Now: func() time.Time { return now }}
	p := l.provider(l.b, o)
	w := p.(cloud.Warmer)
	if _, err := p.Discover(context.Background()); err != nil {
		t.Fatal(err)
	}
	tokens := func() int { return l.c.Count(func(c fakecloud.Call) bool { return c.Op == "x509" }) }
	if err := w.Warm(context.Background()); err != nil || tokens() != 1 {
		t.Fatalf("a fresh token was renewed: %d, %v", tokens(), err)
	}
	now = now.Add(11 * time.Minute) // past half of 20
	if err := w.Warm(context.Background()); err != nil || tokens() != 2 {
		t.Fatalf("a token past half of its life was not renewed: %d, %v", tokens(), err)
	}
	l.c.SetScript(func(op string, _ int) fakecloud.Fault {
		return fakecloud.Fault{Reset: op == "x509"}
	})
	if err := w.Warm(context.Background()); err != nil {
		t.Errorf("a failed renewal of a valid token is no error: %v", err)
	}
}

func TestScenario39_ExactMatchOnAnyPage(t *testing.T) {
	l := newLab(t)
	for _, ip := range []string{"10.0.0.40", "10.0.0.41", "10.0.0.42", "10.0.0.43"} {
		l.c.AddPrivateIP(l.a.vnics[0], ip)
	}
	l.c.PageSize = 2
	l.start(l.b)
	l.b.master()
	l.held(l.b)
	if n := l.writes(l.b); n != 3 {
		t.Errorf("%d writes for three addresses", n)
	}
	l.finish()
}

func TestScenario40_RouteTable(t *testing.T) {
	l := newLab(t)
	own := func(m *machine) string {
		node, err := m.p.Discover(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		addr := map[*machine]string{l.a: "10.0.0.2", l.b: "10.0.0.3"}[m]
		id, err := m.p.(cloud.RouteLister).HolderOf(context.Background(), node, netip.MustParseAddr(addr))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	entityA, entityB := own(l.a), own(l.b)
	other := `{"networkEntityId":"ocid1.internetgateway.oc1..1","destination":"0.0.0.0/0","destinationType":"CIDR_BLOCK","futureField":{"x":[1,2.50]}}`
	legacy := `{"cidrBlock":"10.9.0.0/16","destination":"10.9.0.0/16","networkEntityId":"ocid1.drg.oc1..1"}`
	local := `{"networkEntityId":"ocid1.vcn.oc1..1","destination":"10.0.0.0/16","routeType":"LOCAL"}`
	table := l.c.AddRouteTable(other, legacy, local,
		`{"networkEntityId":"`+entityA+`","destination":"10.50.0.0/16","destinationType":"CIDR_BLOCK","description":"keep me","futureField":7}`)
	route := cloud.Item{Kind: cloud.Route, Table: table, Dest: netip.MustParsePrefix("10.50.0.0/16"), Target: netip.MustParseAddr("10.0.0.3")}

	l.items = []cloud.Item{route}
	l.start(l.b)
	l.b.master()
	l.until("held", func() bool { return l.b.claim.Status().State == cloud.StateHeld })
	got := l.c.Rules(table)
	for _, want := range []string{other, local, `"futureField":7`, `"description":"keep me"`, `"networkEntityId":"` + entityB + `"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the table lost %s:\n%s", want, got)
		}
	}
	if strings.Contains(got, entityA) || strings.Contains(got, "cidrBlock") {
		t.Errorf("wrong next hop, or cidrBlock beside destination:\n%s", got)
	}
	if n := l.writes(l.b); n != 1 {
		t.Errorf("%d writes for one table", n)
	}

	observed := l.observe(l.b, route)
	observed[0].Owner, observed[0].Version = cloud.Other, ""
	node, err := l.b.p.Discover(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if steps := l.b.p.Plan(node, observed); len(steps) != 0 {
		t.Errorf("a write without an etag was planned: %+v", steps)
	}
	l.finish()
}

// No call that deletes, creates or unassigns exists in the code path; finish
// checks the record of every other scenario too.
func TestScenario41_NoDeleteNoUnassign(t *testing.T) {
	l := newLab(t)
	l.start(l.a)
	l.start(l.b)
	for range 3 {
		l.a.master()
		l.held(l.a)
		l.a.claim.SetWanted(cloud.Wanted{})
		l.b.master()
		l.held(l.b)
		l.b.claim.SetWanted(cloud.Wanted{})
	}
	l.a.stop()
	l.b.stop()
	l.finish()
	for _, id := range l.ids {
		if l.c.Holder(id) == "" {
			t.Error("an address was released")
		}
	}
}

func TestScenario35_IPv6AndPublicIPMoveToo(t *testing.T) {
	l := newLab(t)
	six := cloud.VIP(netip.MustParseAddr("2001:db8:0:1::4"))
	sixID := l.c.AddPrivateIP(l.a.vnics[1], "2001:db8:0:1::4")
	l.c.AddPublicIP("203.0.113.9", l.ids[0])
	elsewhere := l.c.AddPrivateIP(l.a.vnics[2], "10.0.2.99")
	l.c.AddPublicIP("203.0.113.10", elsewhere)
	l.items = append(l.items, six,
		cloud.Item{Kind: cloud.PublicIP, Addr: netip.MustParseAddr("203.0.113.9"), Target: l.vips[0].Addr},
		cloud.Item{Kind: cloud.PublicIP, Addr: netip.MustParseAddr("203.0.113.10"), Target: l.vips[2].Addr})
	l.start(l.b)
	l.b.master()
	l.held(l.b)
	if got := l.c.Holder(sixID); got != l.b.vnics[1] {
		t.Errorf("IPv6 is on %s", got)
	}
	if n := l.writes(l.b); n != 5 {
		t.Errorf("%d writes, want 3 IPv4, 1 IPv6 and the one public IP that does not follow", n)
	}
	l.finish()
}

func TestScenario16_LateWriteIsRefusedByEtag(t *testing.T) {
	l := newLab(t)
	node, err := l.b.p.Discover(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	old := l.b.p.Plan(node, l.b.p.Observe(context.Background(), node, l.vips[:1]))
	l.c.Move(l.ids[0], l.a.vnics[0]) // the new owner's write came first
	out := l.b.p.Apply(context.Background(), open{}, old[0])
	if out.Class != cloud.ClassConflict || out.Status != 412 || out.RequestID == "" {
		t.Errorf("outcome %+v", out)
	}
	if got := l.c.Holder(l.ids[0]); got != l.a.vnics[0] {
		t.Errorf("a late write moved the address to %s", got)
	}
}

func TestFenceIsAskedBeforeTheBytes(t *testing.T) {
	l := newLab(t)
	for _, refusal := range []error{cloud.ErrFenced, cloud.ErrDryRun} {
		for _, out := range l.apply(l.b, fence(func() error { return refusal }), l.vips...) {
			if !errors.Is(out.Err, refusal) || out.Class != cloud.ClassOf(refusal) {
				t.Errorf("outcome %+v, want %v", out, refusal)
			}
		}
	}
	if n := l.c.Count(func(c fakecloud.Call) bool { return c.Mutates }); n != 0 {
		t.Errorf("%d writes arrived", n)
	}
}

type fence func() error

func (f fence) Allowed() error { return f() }

func TestErrorsOverTheWire(t *testing.T) {
	l := newLab(t)
	for _, tc := range []struct {
		name  string
		fault fakecloud.Fault
		class cloud.Class
	}{
		{"conflict", fakecloud.Fault{Status: 412, Code: "NoEtagMatch"}, cloud.ClassConflict},
		{"incorrect state", fakecloud.Fault{Status: 409, Code: "IncorrectState"}, cloud.ClassConflict},
		{"throttle", fakecloud.Fault{Status: 429, Code: "TooManyRequests", RetryAfter: "7"}, cloud.ClassThrottle},
		{"denied", fakecloud.Fault{Status: 404, Code: "NotAuthorizedOrNotFound"}, cloud.ClassDenied},
		{"credentials", fakecloud.Fault{Status: 401, Code: "NotAuthenticated"}, cloud.ClassCredentials},
		{"limit", fakecloud.Fault{Status: 400, Code: "LimitExceeded"}, cloud.ClassLimit},
		{"malformed", fakecloud.Fault{Status: 400, Code: "InvalidParameter"}, cloud.ClassInvalid},
		{"server error", fakecloud.Fault{Status: 503, Code: "ServiceUnavailable"}, cloud.ClassUnknown},
		{"reset", fakecloud.Fault{Reset: true}, cloud.ClassUnknown},
		{"reply lost", fakecloud.Fault{DropReply: true}, cloud.ClassUnknown},
		{"garbage", fakecloud.Fault{Garbage: true}, cloud.ClassUnknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l.c.Move(l.ids[0], l.a.vnics[0])
			l.c.SetScript(func(op string, _ int) fakecloud.Fault {
				if op == "UpdatePrivateIp" {
					return tc.fault
				}
				return fakecloud.Fault{}
			})
			l.c.Forget()
			out := l.apply(l.b, open{}, l.vips[0])[0]
			if out.Class != tc.class || out.Err == nil {
				t.Errorf("write: %s, want %s: %v", out.Class, tc.class, out.Err)
			}
			if tc.class == cloud.ClassDenied && !strings.Contains(out.Err.Error(), "VNIC_ASSIGN") {
				t.Errorf("the permission is not named: %v", out.Err)
			}
			if tc.fault.RetryAfter != "" && out.Hint != 7*time.Second {
				t.Errorf("hint %v", out.Hint)
			}
			if n := l.c.Count(func(c fakecloud.Call) bool { return c.Op == "UpdatePrivateIp" }); n != 1 {
				t.Errorf("%d requests: the SDK retried", n)
			}
			l.c.SetScript(func(op string, _ int) fakecloud.Fault {
				if op == "GetPrivateIp" {
					return tc.fault
				}
				return fakecloud.Fault{}
			})
			if o := l.observe(l.b, l.vips[0])[0]; o.Owner != cloud.Unknown || class(o.Err) != tc.class {
				t.Errorf("read: %s, %v", o.Owner, o.Err)
			}
			l.c.SetScript(nil)
		})
	}
}
