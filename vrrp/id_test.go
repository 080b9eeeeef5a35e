// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"testing"

	"github.com/govrrp/vrrpd/vrrp"
)

func TestRFC9568_5_1_1_2_DestinationIPv4(t *testing.T) { testGroup(t, vrrp.GroupIPv4, "224.0.0.18") }
func TestRFC9568_5_1_2_2_DestinationIPv6(t *testing.T) { testGroup(t, vrrp.GroupIPv6, "ff02::12") }
func TestRFC3768_5_2_2_Destination(t *testing.T)       { testGroup(t, vrrp.GroupIPv4, "224.0.0.18") }

func testGroup(t *testing.T, got netip.Addr, want string) {
	t.Helper()
	if got.String() != want || !got.IsLinkLocalMulticast() {
		t.Errorf("group %v, want %s", got, want)
	}
}

func TestRFC9568_5_1_1_4_Protocol(t *testing.T) { testProtocol(t) }
func TestRFC3768_5_2_4_Protocol(t *testing.T)   { testProtocol(t) }

func testProtocol(t *testing.T) {
	if vrrp.Protocol != 112 {
		t.Errorf("protocol %d, want 112", vrrp.Protocol)
	}
}

func TestRFC9568_7_3_VirtualMAC(t *testing.T) {
	testVirtualMAC(t, vrrp.IPv4, "00:00:5e:00:01:")
	testVirtualMAC(t, vrrp.IPv6, "00:00:5e:00:02:")
}

func TestRFC3768_7_3_VirtualMAC(t *testing.T) { testVirtualMAC(t, vrrp.IPv4, "00:00:5e:00:01:") }

func testVirtualMAC(t *testing.T, f vrrp.Family, prefix string) {
	for vrid := 1; vrid <= 255; vrid++ {
		mac := vrrp.ID{Interface: "eth0", VRID: uint8(vrid), Family: f}.VirtualMAC()
		if got, want := net.HardwareAddr(mac[:]).String(), fmt.Sprintf("%s%02x", prefix, vrid); got != want {
			t.Errorf("%v VRID %d: %s, want %s", f, vrid, got, want)
		}
	}
}

func TestIDPrints(t *testing.T) {
	for _, tc := range []struct {
		got  fmt.Stringer
		want string
	}{
		{vrrp.ID{Interface: "eth0", VRID: 51, Family: vrrp.IPv4}, "eth0/51/ipv4"},
		{vrrp.ID{Interface: "bond0.7", VRID: 255, Family: vrrp.IPv6}, "bond0.7/255/ipv6"},
		{vrrp.Family(0), "family(0)"},
		{vrrp.Init, "INIT"},
		{vrrp.Backup, "BACKUP"},
		{vrrp.Master, "MASTER"},
		{vrrp.Fault, "FAULT"},
		{vrrp.State(9), "STATE(9)"},
	} {
		if got := tc.got.String(); got != tc.want {
			t.Errorf("printed %q, want %q", got, tc.want)
		}
	}
	for a, want := range map[string]vrrp.Family{"192.0.2.1": vrrp.IPv4, "fe80::1": vrrp.IPv6, "::ffff:192.0.2.1": vrrp.IPv6} {
		if got := vrrp.FamilyOf(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s is %v, want %v", a, got, want)
		}
	}
}

// The names are metric labels: complete, unique, and of one form.
func TestRefusalNames(t *testing.T) {
	label := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := map[string]bool{}
	all := vrrp.Refusals()
	for _, r := range all {
		name := r.String()
		if !label.MatchString(name) || name == "unknown" || seen[name] {
			t.Errorf("refusal %d is named %q", r, name)
		}
		seen[name] = true
		if wrapped := fmt.Errorf("eth0: %w", r); !errors.Is(wrapped, r) || r.Error() != "vrrp: refused: "+name {
			t.Errorf("%v is not usable as an error: %v", name, wrapped)
		}
	}
	if counts := (vrrp.RefusalCounts{}); len(counts) != len(all)+1 {
		t.Errorf("%d counters for %d reasons", len(counts), len(all))
	}
	for _, r := range []vrrp.Refusal{0, vrrp.Refusal(len(all) + 1), 255} {
		if r.String() != "unknown" {
			t.Errorf("refusal %d is named %q, want unknown", r, r)
		}
	}
}
