// SPDX-License-Identifier: Apache-2.0

//go:build linux

package host_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/host"
	"github.com/govrrp/vrrpd/vrrp"
)

const showRoute = "ip route show"

func TestRoutesAndRulesFollowOwnership(t *testing.T) {
	n, _ := lan(t)
	n.configure(host.Router{
		ID: id4, Addresses: vips("10.0.0.100/32"),
		Routes: []host.Route{
			{Destination: netip.MustParsePrefix("192.0.2.0/24"), Via: netip.MustParseAddr("10.0.0.2"), Source: netip.MustParseAddr("10.0.0.100")},
			{Destination: netip.MustParsePrefix("198.51.100.0/24"), Device: "ens5", Metric: 7, Table: "100"},
			{Destination: netip.MustParsePrefix("203.0.113.0/24"), Type: "blackhole", Protocol: "static"},
			{Destination: netip.MustParsePrefix("2001:db8:1::/48"), Via: netip.MustParseAddr("2001:db8::2")},
			{Destination: netip.MustParsePrefix("192.0.3.0/24"), NextHops: []host.NextHop{
				{Via: netip.MustParseAddr("10.0.0.2"), Weight: 2}, {Via: netip.MustParseAddr("10.0.5.9"), Device: "ens5"},
			}},
		},
		Rules: []host.Rule{
			{Family: vrrp.IPv4, From: netip.MustParsePrefix("10.0.0.100/32"), Target: "100", Preference: 900},
			{Family: vrrp.IPv6, Action: "blackhole", To: netip.MustParsePrefix("2001:db8:9::/48"), Preference: 901},
			{Family: vrrp.IPv4, Action: "goto", Target: "950", Not: true, IIF: "ens5", Preference: 902},
			{Family: vrrp.IPv4, Mark: 3, Mask: 0xff, Target: "main", Preference: 950},
		},
	})
	lines := []struct {
		command string
		words   []string
	}{
		{showRoute, []string{"192.0.2.0/24", "via", "10.0.0.2", "ens3", "src", "10.0.0.100", "proto"}},
		{showRoute + " table 100", []string{"198.51.100.0/24", "ens5", "metric", "7"}},
		{showRoute, []string{"blackhole", "203.0.113.0/24", "static"}},
		{"ip -6 route show", []string{"2001:db8:1::/48", "2001:db8::2"}},
		{"ip -o route show", []string{"192.0.3.0/24", "10.0.0.2", "weight", "2"}},
		{"ip rule show", []string{"900:", "10.0.0.100", "100"}},
		{"ip -6 rule show", []string{"901:", "2001:db8:9::/48", "blackhole"}},
		{"ip rule show", []string{"902:", "not", "iif", "ens5", "goto", "950"}},
		{"ip rule show", []string{"950:", "fwmark", "0x3/0xff", "main"}},
	}
	for range 2 {
		n.apply(id4, host.Own)
		for _, l := range lines {
			n.expect(true, l.command, l.words...)
		}
	}
	if c := strings.Count(n.Exec("ip", "rule", "show"), "900:"); c != 1 {
		t.Errorf("rule 900 is there %d times", c)
	}
	for range 2 {
		n.apply(id4, host.Release)
		for _, l := range lines {
			if out, err := n.Try(strings.Fields(l.command)...); err == nil && strings.Contains(out, l.words[0]) {
				t.Errorf("%s still has %s:\n%s", l.command, l.words[0], out)
			}
		}
	}
}

func TestDefaultRouteSurvivesTheAddressItUsedAsSource(t *testing.T) {
	n, _ := lan(t)
	n.configure(host.Router{ID: id4, Addresses: vips("10.0.0.100/32")})
	n.apply(id4, host.Own)
	// A script of the administrator did this; nobody told us.
	n.Exec("ip", "route", "add", "default", "via", "10.0.0.2", "src", "10.0.0.100", "proto", "static", "mtu", "1400")
	n.Exec("ip", "route", "add", "192.0.2.0/24", "via", "10.0.0.2", "src", "10.0.0.100", "table", "77")
	n.apply(id4, host.Release)
	n.expect(true, showRoute, "default", "via", "10.0.0.2", "static", "1400")
	n.expect(false, showRoute, "10.0.0.100")
	n.expect(true, showRoute+" table 77", "192.0.2.0/24")
}

func TestKernelRemovesSuchARouteWhenNobodyCares(t *testing.T) {
	n, _ := lan(t)
	n.Exec("ip", "addr", "add", "10.0.0.100/32", "dev", "ens3")
	n.Exec("ip", "route", "add", "default", "via", "10.0.0.2", "src", "10.0.0.100")
	n.Exec("ip", "addr", "del", "10.0.0.100/32", "dev", "ens3")
	n.expect(false, showRoute, "default") // the trap the test above is about is real
}

func TestAdministratorsDefaultRouteComesBack(t *testing.T) {
	n, _ := lan(t)
	n.Exec("ip", "route", "add", "default", "via", "10.0.0.2", "proto", "dhcp", "src", "10.0.0.1")
	n.configure(host.Router{
		ID: id4, Addresses: vips("10.0.0.100/32"),
		Routes: []host.Route{{
			Destination: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("10.0.0.2"), Source: netip.MustParseAddr("10.0.0.100"),
		}},
	})
	for range 2 {
		n.apply(id4, host.Own)
		n.expect(true, showRoute, "default", "src", "10.0.0.100")
		n.apply(id4, host.Release)
		n.expect(true, showRoute, "default", "dhcp", "src", "10.0.0.1")
	}
}

func TestDefaultRouteSurvivesACrashAsMaster(t *testing.T) {
	n, _ := lan(t)
	n.Exec("ip", "route", "add", "default", "via", "10.0.0.2", "proto", "dhcp")
	r := host.Router{
		ID: id4, Addresses: vips("10.0.0.100/32"),
		Routes: []host.Route{{
			Destination: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("10.0.0.2"), Source: netip.MustParseAddr("10.0.0.100"),
		}},
	}
	n.configure(r)
	n.apply(id4, host.Own)
	n = n.start() // kill -9, new start
	n.configure(r)
	n.expect(false, showAddr, "10.0.0.100/32")
	n.expect(true, showRoute, "default", "via", "10.0.0.2")
	n.expect(false, showRoute, "default", "src")

	n.apply(id4, host.Own)
	n.expect(true, showRoute, "default", "src", "10.0.0.100")
	n.apply(id4, host.Release)
	n.expect(true, showRoute, "default", "via", "10.0.0.2")
}

func TestSourceForNamedRoutesIsGivenBackBeforeTheAddressGoes(t *testing.T) {
	n, _ := lan(t)
	n.Exec("ip", "route", "add", "default", "via", "10.0.0.2", "proto", "dhcp", "src", "10.0.0.1", "metric", "50", "mtu", "1400")
	n.Exec("ip", "route", "add", "192.0.2.0/24", "via", "10.0.0.2")
	r := host.Router{
		ID: id4, Addresses: vips("10.0.0.100/32"),
		SourceFor: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")},
	}
	n.configure(r)
	n.apply(id4, host.Own)
	n.expect(true, showRoute, "default", "dhcp", "src", "10.0.0.100", "metric", "50", "1400")
	n.expect(true, "ip route get 8.8.8.8", "src", "10.0.0.100")
	n.expect(true, "ip route get 10.0.0.2", "src", "10.0.0.1") // on-link stays ours
	n.expect(false, showRoute, "192.0.2.0/24", "src")
	n.apply(id4, host.Release)
	n.expect(true, showRoute, "default", "dhcp", "src", "10.0.0.1", "metric", "50", "1400")

	n.apply(id4, host.Own)
	n.start().configure(r) // kill -9, new start: what the source was is forgotten, the route is not
	n.expect(true, showRoute, "default", "dhcp", "metric", "50", "1400")
	n.expect(false, showRoute, "10.0.0.100")
}

func TestReloadThatChangesARouteKeepsIt(t *testing.T) {
	n, _ := lan(t)
	route := host.Route{Destination: netip.MustParsePrefix("192.0.2.0/24"), Via: netip.MustParseAddr("10.0.0.2")}
	r := host.Router{ID: id4, Addresses: vips("10.0.0.100/32"), Routes: []host.Route{route}}
	n.configure(r)
	n.apply(id4, host.Own)
	route.Via = netip.MustParseAddr("10.0.0.3")
	r.Routes = []host.Route{route}
	n.configure(r)
	n.expect(true, showRoute, "192.0.2.0/24", "10.0.0.3")
	r.Routes = nil
	n.configure(r)
	n.expect(false, showRoute, "192.0.2.0/24")
}

func TestUnknownNamesAreFaults(t *testing.T) {
	n, _ := lan(t)
	n.configure(host.Router{
		ID: id4,
		Routes: []host.Route{
			{Destination: netip.MustParsePrefix("192.0.2.0/24"), Via: netip.MustParseAddr("10.0.0.2"), Table: "no-such-table"},
			{Destination: netip.MustParsePrefix("192.0.3.0/24"), Type: "no-such-type"},
		},
	})
	err := n.in(func() error { return n.host.Apply(t.Context(), id4, host.Own) })
	for _, word := range []string{"no-such-table", "no-such-type", "192.0.2.0/24"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v does not name %s", err, word)
		}
	}
}
