// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"net/netip"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func testRouter(name, iface string, vrid uint8) Router {
	return Router{Name: name, Config: vrrp.Config{
		ID:       vrrp.ID{Interface: iface, VRID: vrid, Family: vrrp.IPv4},
		Version:  vrrp.V3,
		Priority: 100,
		Interval: time.Second,
	}}
}

func up(iface, addr string) LinkChanged {
	return LinkChanged{Interface: iface, Present: true, Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix(addr)}}
}

// TestGroupMovesTogether runs two routers in a group into MASTER, takes one
// link away and gives it back.
func TestGroupMovesTogether(t *testing.T) {
	e, err := New(Config{
		Routers: []Router{testRouter("a", "eth0", 1), testRouter("b", "eth1", 2)},
		Groups:  []Group{{Name: "g", Members: []string{"a", "b"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Step(t0, up("eth0", "192.0.2.1/24"))
	e.Step(t0, up("eth1", "198.51.100.1/24"))
	e.Step(t0, Started{})
	want := func(s vrrp.State) {
		t.Helper()
		st := e.Status()
		for _, r := range st.Routers {
			if r.State != s {
				t.Fatalf("%s is %v, want %v (faults %v)", r.Name, r.State, s, r.Faults)
			}
		}
		if st.Groups[0].State != s {
			t.Fatalf("group is %v, want %v", st.Groups[0].State, s)
		}
	}
	want(vrrp.Backup)
	now, _ := e.Deadline()
	e.Step(now, Woke{})
	want(vrrp.Master)
	out := e.Step(now.Add(time.Millisecond), LinkChanged{Interface: "eth1", Present: true})
	want(vrrp.Fault)
	if last := out[len(out)-1]; last.Group == nil || last.Group.To != vrrp.Fault {
		t.Errorf("last output %+v, want the group's transition", last)
	}
	e.Step(now.Add(2*time.Millisecond), up("eth1", "198.51.100.1/24"))
	want(vrrp.Backup)
}
