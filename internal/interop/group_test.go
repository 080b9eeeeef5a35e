// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// vra is the layout of a virtual router appliance: two uplinks, two instances
// on each, all in one sync-group, preemption off, VRRPv2 with one second.
var vra = []struct{ name, nic, network, vip string }{
	{"PRIVATE1", "ens3", "10.1.0.", "10.1.0.101"},
	{"PRIVATE2", "ens3", "10.1.0.", "10.1.0.102"},
	{"PUBLIC1", "ens4", "198.51.100.", "198.51.100.101"},
	{"PUBLIC2", "ens4", "198.51.100.", "198.51.100.102"},
}

func vraConf(priority int) string {
	var b strings.Builder
	b.WriteString("vrrp_sync_group ROUTER {\n group {\n")
	for _, v := range vra {
		fmt.Fprintf(&b, "  %s\n", v.name)
	}
	b.WriteString(" }\n}\n")
	for n, v := range vra {
		fmt.Fprintf(&b, "vrrp_instance %s {\n state BACKUP\n nopreempt\n version 2\n interface %s\n virtual_router_id %d\n priority %d\n advert_int 1\n",
			v.name, v.nic, n+1, priority)
		fmt.Fprintf(&b, " virtual_ipaddress {\n  %s/24\n }\n}\n", v.vip)
	}
	return b.String()
}

// TestGroupMovesAsOne cuts one uplink of the appliance. The whole router must
// move, and must stay where it is when the link is back. The time until the
// last VIP was announced is logged, for vrrpd and for keepalived.
func TestGroupMovesAsOne(t *testing.T) {
	for _, k := range []kind{ours, keepalived} {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			require.Need(t, require.NetNS)
			lab := netns.New(t)
			host := func(name, last string) *netns.Host {
				return lab.Host(name,
					netns.NIC{Name: "ens3", Segment: "private", Addresses: []string{"10.1.0." + last + "/24"}},
					netns.NIC{Name: "ens4", Segment: "public", Addresses: []string{"198.51.100." + last + "/24"}})
			}
			hostA, hostZ := host("A", "1"), host("Z", "2")
			sent := map[string]*netns.Capture{"ens3": hostZ.Capture("ens3"), "ens4": hostZ.Capture("ens4")}
			a := start(t, k, hostA, vraConf(254))
			group(a, "MASTER")
			z := start(t, k, hostZ, vraConf(253))
			group(z, "BACKUP")
			waitForBeat(t, hostA)

			cut := time.Now()
			hostA.CableOut("ens3")
			group(z, "MASTER")
			group(a, "FAULT")
			var last time.Duration
			for _, v := range vra {
				f := sent[v.nic].Wait("announcement of "+v.vip, announces(v.vip))
				last = max(last, f.Metadata().Timestamp.Sub(cut))
			}
			t.Logf("%s: the last of four VIPs was announced %v after the cut", k, last.Round(time.Millisecond))

			hostA.CableIn("ens3")
			group(a, "BACKUP")
			group(z, "MASTER")
			for _, v := range vra {
				if strings.Contains(hostA.Exec("ip", "-o", "address", "show"), " "+v.vip+"/") {
					t.Errorf("A still has %s", v.vip)
				}
			}
		})
	}
}

// group wants every instance in a state.
func group(d *daemon, state string) {
	d.t.Helper()
	for _, v := range vra {
		d.want(v.name, state)
	}
}

// waitForBeat returns just after A has sent an advert, so that both kinds have
// the whole interval before them when the link is cut.
func waitForBeat(t *testing.T, h *netns.Host) {
	t.Helper()
	h.Capture("ens3").Wait("an advert", isAdvert)
}

func announces(vip string) func(gopacket.Packet) bool {
	return func(f gopacket.Packet) bool {
		arp, ok := f.Layer(layers.LayerTypeARP).(*layers.ARP)
		return ok && net.IP(arp.SourceProtAddress).String() == vip
	}
}
