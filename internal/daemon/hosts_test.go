// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/linux"
	"github.com/govrrp/vrrpd/vrrp"
)

// TestRulesAreNotWidened: a rule with a selector that is not known is left out.
func TestRulesAreNotWidened(t *testing.T) {
	c := parse(t, router("virtual_rules {\n from 192.0.2.10 table 9 preference 9\n from 192.0.2.10 ipproto tcp table 8 preference 8\n}"))
	if rules := hostRouter(c.Instances[0]).Rules; len(rules) != 1 || rules[0].Target != "9" {
		t.Errorf("%+v", rules)
	}
}

func TestHostRouter(t *testing.T) {
	for _, c := range []struct {
		lines string
		want  func(r *linux.Router)
	}{
		{"", func(*linux.Router) {}},
		{"priority 255", func(r *linux.Router) { r.KeepAddresses = true }},
		{"no_accept", func(r *linux.Router) { r.NoAccept = true }},
		{"promote_secondaries", func(r *linux.Router) { r.PromoteSecondaries = true }},
		{"unicast_ttl 64\nunicast_peer {\n 192.0.2.2\n}", func(r *linux.Router) {
			r.TTL, r.Group, r.Peers, r.OnlyPeers = 64, netip.Addr{}, []netip.Addr{addr("192.0.2.2")}, true
		}},
		{"use_vmac vmac0", func(r *linux.Router) { r.VMAC = &linux.VMAC{Name: "vmac0"} }},
		{"use_vmac\nvmac_xmit_base", func(r *linux.Router) { r.VMAC = &linux.VMAC{TransmitFromBase: true} }},
		{"use_vmac vmac0\nunicast_peer {\n 192.0.2.2\n}", func(r *linux.Router) {
			r.TTL = 255
			r.Group, r.Peers, r.OnlyPeers = netip.Addr{}, []netip.Addr{addr("192.0.2.2")}, true
			r.VMAC = &linux.VMAC{Name: "vmac0", TransmitFromBase: true}
		}},
		{"source_address vip", func(r *linux.Router) { r.SourceFor = []netip.Prefix{prefix("0.0.0.0/0")} }},
		{"virtual_ipaddress_excluded {\n 192.0.2.11 dev eth1 label eth1:v scope link no_track\n}", func(r *linux.Router) {
			r.Addresses = append(r.Addresses, linux.Address{
				Prefix: prefix("192.0.2.11/32"), Device: "eth1", Label: "eth1:v", Scope: "link", NoTrack: true,
			})
		}},
	} {
		want := linux.Router{
			ID:    vrrp.ID{Interface: "eth0", VRID: 51, Family: vrrp.IPv4},
			Group: addr("224.0.0.18"), Addresses: []linux.Address{{Prefix: prefix("192.0.2.10/24")}},
		}
		c.want(&want)
		got := hostRouter(parse(t, router(vip+c.lines)).Instances[0])
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.lines, got, want)
		}
	}
}

func TestHostAddress(t *testing.T) {
	for _, c := range []struct {
		line string
		want linux.Address
	}{
		{"192.0.2.10/24 brd +", linux.Address{Prefix: prefix("192.0.2.10/24"), Broadcast: addr("192.0.2.255")}},
		{"192.0.2.10/26 brd +", linux.Address{Prefix: prefix("192.0.2.10/26"), Broadcast: addr("192.0.2.63")}},
		{"192.0.2.10/19 brd -", linux.Address{Prefix: prefix("192.0.2.10/19"), Broadcast: addr("192.0.0.0")}},
		{"192.0.2.10/24 brd 192.0.2.200", linux.Address{Prefix: prefix("192.0.2.10/24"), Broadcast: addr("192.0.2.200")}},
		{"192.0.2.10/32 brd +", linux.Address{Prefix: prefix("192.0.2.10/32")}}, // one address has no network
		{"2001:db8::1/64 brd +", linux.Address{Prefix: prefix("2001:db8::1/64")}},
		{"192.0.2.10/32 peer 192.0.2.20", linux.Address{Prefix: prefix("192.0.2.10/32"), Peer: addr("192.0.2.20")}},
		{"2001:db8::1/64 preferred_lft 60", linux.Address{Prefix: prefix("2001:db8::1/64"), PreferredLifetime: time.Minute}},
		{"2001:db8::1/64 preferred_lft 0", linux.Address{Prefix: prefix("2001:db8::1/64"), PreferredLifetime: time.Nanosecond}},
		{"2001:db8::1/64 -nodad", linux.Address{Prefix: prefix("2001:db8::1/64"), DAD: true}},
		{"2001:db8::1/64 noprefixroute", linux.Address{Prefix: prefix("2001:db8::1/64"), NoPrefixRoute: true}},
		{"2001:db8::1/64 home", linux.Address{Prefix: prefix("2001:db8::1/64"), HomeAddress: true}},
	} {
		got := hostRouter(parse(t, router("virtual_ipaddress {\n "+c.line+"\n}")).Instances[0]).Addresses
		if len(got) != 1 || got[0] != c.want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.line, got, c.want)
		}
	}
}

func TestBroadcastOfIPv6(t *testing.T) {
	a := config.Address{Prefix: prefix("2001:db8::1/64"), Broadcast: "+"}
	if got := broadcast(a); got.IsValid() {
		t.Errorf("%v, but IPv6 has none", got)
	}
}

func TestHostRoute(t *testing.T) {
	for _, c := range []struct {
		line string
		want linux.Route
	}{
		{"default via 192.0.2.1", linux.Route{Destination: prefix("0.0.0.0/0"), Via: addr("192.0.2.1")}},
		{"198.51.100.0/24 via 192.0.2.1 dev eth1 src 192.0.2.10 metric 50 table 100 mtu 1400 advmss 1300 scope link onlink no_track", linux.Route{
			Destination: prefix("198.51.100.0/24"), Via: addr("192.0.2.1"), Device: "eth1", Source: addr("192.0.2.10"),
			Metric: 50, Table: "100", MTU: 1400, AdvMSS: 1300, Scope: "link", OnLink: true, NoTrack: true,
		}},
		{"198.51.100.0/24 via 192.0.2.1 proto static", linux.Route{Destination: prefix("198.51.100.0/24"), Via: addr("192.0.2.1"), Protocol: "static"}},
		{"blackhole 198.51.100.0/24", linux.Route{Type: "blackhole", Destination: prefix("198.51.100.0/24")}},
		{"198.51.100.0/24 nexthop via 192.0.2.1 dev eth0 weight 2 nexthop via 192.0.2.2 dev eth1", linux.Route{
			Destination: prefix("198.51.100.0/24"), NextHops: []linux.NextHop{
				{Via: addr("192.0.2.1"), Device: "eth0", Weight: 2}, {Via: addr("192.0.2.2"), Device: "eth1", Weight: 1},
			},
		}},
	} {
		got := hostRouter(parse(t, router(vip+"virtual_routes {\n "+c.line+"\n}")).Instances[0]).Routes
		if len(got) != 1 || !reflect.DeepEqual(got[0], c.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.line, got, c.want)
		}
	}
}

func TestHostRule(t *testing.T) {
	for _, c := range []struct {
		line string
		want linux.Rule
	}{
		{"from 192.0.2.10 table 100 preference 50", linux.Rule{Action: "table", From: prefix("192.0.2.10/32"), Target: "100", Preference: 50}},
		{"not to 198.51.100.0/24 iif eth0 oif eth1 table 7 preference 5 no_track", linux.Rule{
			Action: "table", Not: true, To: prefix("198.51.100.0/24"), IIF: "eth0", OIF: "eth1", Target: "7", Preference: 5, NoTrack: true,
		}},
		{"fwmark 0x10/0xff tos 0x10 table 7 preference 5", linux.Rule{Action: "table", Mark: 16, Mask: 255, TOS: 16, Target: "7", Preference: 5}},
		{"from 192.0.2.10 blackhole preference 5", linux.Rule{Action: "blackhole", From: prefix("192.0.2.10/32"), Preference: 5}},
	} {
		c.want.Family = vrrp.IPv4
		got := hostRouter(parse(t, router(vip+"virtual_rules {\n "+c.line+"\n}")).Instances[0]).Rules
		if len(got) != 1 || got[0] != c.want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.line, got, c.want)
		}
	}
}

func TestDefaultRoute(t *testing.T) {
	if defaultRoute(config.IPv4) != prefix("0.0.0.0/0") || defaultRoute(config.IPv6) != prefix("::/0") {
		t.Error("wrong")
	}
}

// A reload keeps what is removed until it has released, in its old form; what
// stays has its new form at once.
func TestUnionAndMissing(t *testing.T) {
	two := router(vip) + "vrrp_instance VI_2 {\n interface eth0\n virtual_router_id 52\n virtual_ipaddress {\n 192.0.2.20\n }\n}\n"
	old := parse(t, two)
	renamed := parse(t, "vrrp_instance NEW {\n interface eth0\n virtual_router_id 51\n no_accept\n"+vip+"}\n")
	all := union(hostRouters(renamed), hostRouters(old))
	if len(all) != 2 || all[0].ID.VRID != 51 || !all[0].NoAccept || all[1].ID.VRID != 52 {
		t.Errorf("%+v", all)
	}
	gone := missing(old, renamed)
	if len(gone) != 1 || gone[0].Name != "VI_2" {
		t.Errorf("%+v", gone)
	}
	if len(missing(old, old)) != 0 || len(union(nil, nil)) != 0 {
		t.Error("something from nothing")
	}
}
