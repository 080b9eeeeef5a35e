// SPDX-License-Identifier: Apache-2.0

//go:build linux

package host_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/govrrp/vrrpd/internal/host"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// TestGratuitousARPIsNotAnswered has a neighbour announce the VIP of a virtual
// MAC as its own. The kernel would answer that, as the end of the test shows.
func TestGratuitousARPIsNotAnswered(t *testing.T) {
	nft := require.Peer(t, "nft")
	n, neighbour := lan(t)
	answers, announcements := n.Capture("ens3"), neighbour.Capture("ens3")
	vip := netip.MustParseAddr("10.0.0.100")
	gratuitous := func(operation uint16) func(gopacket.Packet) bool {
		return func(f gopacket.Packet) bool {
			arp, ok := f.Layer(layers.LayerTypeARP).(*layers.ARP)
			return ok && arp.Operation == operation &&
				slices.Equal(arp.SourceProtAddress, vip.AsSlice()) && slices.Equal(arp.DstProtAddress, vip.AsSlice())
		}
	}
	n.configure(host.Router{ID: id4, Addresses: vips("10.0.0.100/32"), VMAC: &host.VMAC{}})
	n.apply(id4, host.Own)

	neighbour.Sysctl("net/ipv4/conf/ens3/arp_notify", "1")
	neighbour.Exec("ip", "address", "add", "10.0.0.100/32", "dev", "ens3")
	neighbour.Exec("ip", "link", "set", "ens3", "address", "02:00:00:00:00:01") // which it announces
	announcements.Wait("announcement", gratuitous(layers.ARPRequest))
	if !neighbour.reaches("10.0.0.1") { // what came before this answer has been looked at
		t.Fatal("the host does not answer at all")
	}
	if slices.ContainsFunc(answers.Frames(), gratuitous(layers.ARPReply)) {
		t.Error("an announcement was answered")
	}

	n.Exec(nft, "delete", "table", "arp", "virtual_mac")
	neighbour.Exec("ip", "link", "set", "ens3", "address", "02:00:00:00:00:02")
	answers.Wait("answer without the rule", gratuitous(layers.ARPReply))

	n.configure(host.Router{ID: id4, Addresses: vips("10.0.0.100/32", "10.0.0.101/32"), VMAC: &host.VMAC{}})
	if out := n.Exec(nft, "list", "table", "arp", "virtual_mac"); !strings.Contains(out, "10.0.0.101") {
		t.Errorf("the rules do not follow a reload:\n%s", out)
	}
	n.close()
	if out := n.Exec(nft, "list", "tables"); out != "" {
		t.Errorf("left after the end: %s", out)
	}
}
