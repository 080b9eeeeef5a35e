// SPDX-License-Identifier: Apache-2.0

//go:build linux

package host_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/host"
	"github.com/govrrp/vrrpd/vrrp"
)

const showAddr = "ip -o addr show"

func TestAddressesFollowOwnership(t *testing.T) {
	n, _ := lan(t)
	elsewhere := vip("10.0.5.100/24")
	elsewhere.Device = "ens5"
	labelled := vip("10.0.0.101/32")
	labelled.Label, labelled.Scope = "ens3:1", "link"
	n.configure(host.Router{ID: id4, Addresses: []host.Address{vip("10.0.0.100/32"), elsewhere, labelled}})
	for range 2 { // wanted state: twice is once
		n.apply(id4, host.Own)
		n.expect(true, showAddr, "ens3", "10.0.0.100/32", "scope", "global")
		n.expect(true, showAddr, "ens5", "10.0.5.100/24")
		n.expect(true, showAddr, "10.0.0.101/32", "link", "ens3:1\\")
		n.expect(false, showAddr, "10.0.5.100/24", "brd")
	}
	for range 2 {
		n.apply(id4, host.Release)
		n.expect(false, showAddr, "10.0.0.100/32")
		n.expect(false, showAddr, "10.0.5.100/24")
		n.expect(true, showAddr, "ens3", "10.0.0.1/24")
	}
}

func TestIPv6HostAddressNeverBecomesTheSource(t *testing.T) {
	n, _ := lan(t)
	n.Sysctl("net/ipv6/conf/ens3/accept_dad", "1")
	n.configure(host.Router{ID: id6, Addresses: vips("fe80::100/128", "2001:db8::100/128")})
	n.apply(id6, host.Own)
	n.expect(true, showAddr, "2001:db8::100/128", "deprecated", "nodad")
	n.expect(false, showAddr, "2001:db8::100/128", "tentative")
	n.expect(true, "ip -6 route get 2001:db8::2", "src", "2001:db8::1")
	n.apply(id6, host.Release)
	n.expect(false, showAddr, "2001:db8::100/128")
}

func TestIPv6LifetimeAsConfigured(t *testing.T) {
	n, _ := lan(t)
	forever, hour := vip("2001:db8::100/128"), vip("2001:db8::101/128")
	forever.PreferredLifetime, hour.PreferredLifetime = -1, time.Hour
	n.configure(host.Router{ID: id6, Addresses: []host.Address{forever, hour}})
	n.apply(id6, host.Own)
	n.expect(true, showAddr, "2001:db8::100/128", "preferred_lft", "forever")
	n.expect(true, showAddr, "2001:db8::101/128", "valid_lft", "forever")
	n.expect(false, showAddr, "2001:db8::101/128", "deprecated")
}

func TestPointToPointAddress(t *testing.T) {
	n, _ := lan(t)
	a := vip("10.9.0.1/32")
	a.Peer = netip.MustParseAddr("10.9.0.2")
	n.configure(host.Router{ID: id4, Addresses: []host.Address{a}})
	n.apply(id4, host.Own)
	n.apply(id4, host.Own)
	n.expect(true, showAddr, "10.9.0.1", "peer", "10.9.0.2/32")
	n.apply(id4, host.Release)
	n.expect(false, showAddr, "10.9.0.1")
}

func TestLeftoversOfACrashAreRemovedAtTheStart(t *testing.T) {
	n, _ := lan(t)
	r := host.Router{ID: id4, Addresses: vips("10.0.0.100/32")}
	n.configure(r)
	n.apply(id4, host.Own)
	n.start().configure(r) // the first run was killed
	n.expect(false, showAddr, "10.0.0.100/32")
	n.expect(true, showAddr, "10.0.0.1/24")
}

func TestOwnerKeepsTheAdministratorsAddresses(t *testing.T) {
	n, _ := lan(t)
	n.configure(host.Router{ID: id4, Addresses: vips("10.0.0.1/24", "10.0.0.100/32"), KeepAddresses: true})
	n.expect(true, showAddr, "10.0.0.1/24")
	n.apply(id4, host.Own)
	n.apply(id4, host.Release)
	n.expect(true, showAddr, "10.0.0.1/24")
	n.expect(false, showAddr, "10.0.0.100/32")
}

func TestReloadAddsBeforeItRemovesAndKeepsTheRest(t *testing.T) {
	n, _ := lan(t)
	n.configure(host.Router{ID: id4, Addresses: vips("10.0.0.100/32", "10.0.0.101/32")})
	n.apply(id4, host.Own)
	n.Exec("sh", "-c", "ip monitor address > /run/monitor 2>&1 & sleep 0.3")
	n.configure(host.Router{ID: id4, Addresses: vips("10.0.0.101/32", "10.0.0.102/32")})
	n.expect(false, showAddr, "10.0.0.100/32")
	n.expect(true, showAddr, "10.0.0.101/32")
	n.expect(true, showAddr, "10.0.0.102/32")
	var log string
	eventually(t, "the monitor to see both changes", func() bool {
		log = n.Exec("cat", "/run/monitor")
		return strings.Contains(log, "10.0.0.100/32") && strings.Contains(log, "10.0.0.102/32")
	})
	if strings.Contains(log, "10.0.0.101/32") || strings.Index(log, "10.0.0.102/32") > strings.Index(log, "10.0.0.100/32") {
		t.Errorf("order of changes:\n%s", log)
	}
	n.configure() // the instance is gone
	n.expect(false, showAddr, "10.0.0.102/32")
	n.expect(true, showAddr, "10.0.0.1/24")
}

func TestReloadTriesAgainWhatFailed(t *testing.T) {
	n, _ := lan(t)
	bad := host.Route{Destination: netip.MustParsePrefix("192.0.2.0/24"), Via: netip.MustParseAddr("10.9.9.9")}
	r := host.Router{ID: id4, Addresses: vips("10.0.0.100/32")}
	n.configure(r)
	n.apply(id4, host.Own)
	r.Routes = []host.Route{bad}
	for range 2 {
		err := n.in(func() error { return n.host.Configure(t.Context(), []host.Router{r}) })
		if err == nil || !strings.Contains(err.Error(), "192.0.2.0/24") {
			t.Errorf("got %v, want the route", err)
		}
	}
	n.Exec("ip", "addr", "add", "10.9.9.1/24", "dev", "ens3") // now there is a way
	n.configure(r)
	n.expect(true, showRoute, "192.0.2.0/24")
	n.Exec("ip", "route", "del", "192.0.2.0/24")
	n.configure(r) // nothing has changed: nothing is done
	n.expect(false, showRoute, "192.0.2.0/24")
}

// TestFailedReleaseOfARemovedRouterIsTriedAgain by orders to release it, by
// another reload, and when the router comes back.
func TestFailedReleaseOfARemovedRouterIsTriedAgain(t *testing.T) {
	n, _ := lan(t)
	r := host.Router{ID: id4, Addresses: vips("10.0.0.100/32")}
	release := func() error { return n.host.Apply(t.Context(), id4, host.Release) }
	for name, again := range map[string]func(){
		"order":  func() { n.must(release) },
		"reload": func() { n.configure() },
		"return": func() { n.configure(r) },
	} {
		n.configure(r)
		n.apply(id4, host.Own)
		n.powerless(func() error { return n.host.Configure(t.Context(), nil) })
		n.powerless(release)
		n.expect(true, showAddr, "10.0.0.100/32")
		again()
		if n.has(showAddr, "10.0.0.100/32") {
			t.Errorf("%s: the address is still there", name)
		}
		n.must(release) // nothing is left to do
	}
}

func TestReloadGivesANonOwnerNothing(t *testing.T) {
	n, _ := lan(t)
	n.configure(host.Router{ID: id4, Addresses: vips("10.0.0.100/32")})
	n.apply(id4, host.Release)
	n.configure(host.Router{ID: id4, Addresses: vips("10.0.0.100/32", "10.0.0.101/32")})
	n.expect(false, showAddr, "10.0.0.101/32")
}

func TestMissingInterfaceIsAFaultOnlyWhenOwning(t *testing.T) {
	n, _ := lan(t)
	a := vip("10.0.7.100/24")
	a.Device = "ens7"
	n.configure(host.Router{ID: id4, Addresses: []host.Address{a, vip("10.0.0.100/32")}})
	err := n.in(func() error { return n.host.Apply(t.Context(), id4, host.Own) })
	if err == nil || !strings.Contains(err.Error(), "ens7") {
		t.Errorf("got %v", err)
	}
	n.expect(true, showAddr, "10.0.0.100/32") // the others are not kept away
	n.apply(id4, host.Release)
	n.expect(false, showAddr, "10.0.0.100/32")
}

func TestUnknownRouterIsAnError(t *testing.T) {
	n, _ := lan(t)
	n.configure()
	if err := n.in(func() error { return n.host.Apply(t.Context(), vrrp.ID{}, host.Own) }); err == nil {
		t.Error("no error")
	}
}

func TestPromoteSecondaries(t *testing.T) {
	n, _ := lan(t)
	n.Sysctl("net/ipv4/conf/ens5/promote_secondaries", "0")
	a, b := vip("10.8.0.1/24"), vip("10.8.0.2/24")
	a.Device, b.Device = "ens5", "ens5"
	first := host.Router{ID: id4, Addresses: []host.Address{a}, PromoteSecondaries: true}
	second := host.Router{ID: vrrp.ID{Interface: "ens3", VRID: 52, Family: vrrp.IPv4}, Addresses: []host.Address{b}}
	n.configure(first, second)
	n.apply(first.ID, host.Own)
	n.apply(second.ID, host.Own)
	n.apply(first.ID, host.Release)
	n.expect(true, showAddr, "10.8.0.2/24")
	n.close()
	if got := strings.TrimSpace(n.Exec("cat", "/proc/sys/net/ipv4/conf/ens5/promote_secondaries")); got != "0" {
		t.Errorf("the parameter stays %s", got)
	}
}
