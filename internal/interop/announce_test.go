// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"net"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// TestExtraInterfaces: garp_extra_if goes on announcing one address on each
// interface that no advert leaves by, as keepalived does.
func TestExtraInterfaces(t *testing.T) {
	for _, k := range []kind{ours, keepalived} {
		t.Run(string(k), func(t *testing.T) {
			require.Need(t, require.NetNS)
			lab := netns.New(t)
			nic := func(n, network string) netns.NIC {
				return netns.NIC{Name: "ens" + n, Segment: "lan" + n, Addresses: []string{network + "1/24"}}
			}
			h := lab.Host("A", nic("3", "192.0.2."), nic("4", "198.51.100."), nic("5", "203.0.113."))
			lan3, lan4, lan5 := h.Capture("ens3"), h.Capture("ens4"), h.Capture("ens5")
			d := start(t, k, h, `vrrp_instance V {
 interface ens3
 virtual_router_id 7
 priority 200
 advert_int 1
 garp_master_delay 0
 garp_master_repeat 1
 garp_extra_if all 1
 virtual_ipaddress {
  192.0.2.9/24
  198.51.100.9/24 dev ens4
  198.51.100.10/24 dev ens4
 }
 virtual_ipaddress_excluded {
  2001:db8::9/64 dev ens5
 }
}
`)
			d.want("V", "MASTER")
			eventually(t, "three announcements on each other interface", func() bool {
				return announcements(lan4, "198.51.100.9") >= 4 && announcements(lan5, "2001:db8::9") >= 4
			})
			for _, once := range []struct {
				on      *netns.Capture
				address string
			}{{lan3, "192.0.2.9"}, {lan4, "198.51.100.10"}} {
				if n := announcements(once.on, once.address); n != 1 {
					t.Errorf("%s announced %d times, want once, at the promotion", once.address, n)
				}
			}
		})
	}
}

// TestExtraInterfaceIsTheVirtualMAC: unicast adverts leave from the base
// interface, so without announcements switches forget where the virtual MAC is.
func TestExtraInterfaceIsTheVirtualMAC(t *testing.T) {
	require.Need(t, require.NetNS)
	lab := netns.New(t)
	h := lab.Host("A", netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"192.0.2.1/24"}})
	wire := h.Capture("ens3")
	d := start(t, ours, h, `vrrp_instance V {
 interface ens3
 virtual_router_id 7
 priority 200
 advert_int 1
 use_vmac
 garp_master_delay 0
 garp_master_repeat 1
 garp_extra_if 1
 unicast_src_ip 192.0.2.1
 unicast_peer {
  192.0.2.2
 }
 virtual_ipaddress {
  192.0.2.9/24
 }
}
`)
	d.want("V", "MASTER")
	virtual := [6]byte{0, 0, 0x5e, 0, 1, 7}
	eventually(t, "announcements from the virtual MAC", func() bool { return len(wire.From(virtual)) >= 4 })
	if n := announcements(wire, "192.0.2.9"); n != len(wire.From(virtual)) {
		t.Errorf("%d of %d frames from the virtual MAC are announcements", n, len(wire.From(virtual)))
	}
}

// announcements counts the gratuitous ARPs and unsolicited neighbour
// advertisements for an address.
func announcements(c *netns.Capture, address string) (n int) {
	for _, f := range c.Frames() {
		if announced(f) == address {
			n++
		}
	}
	return n
}

// announced is the address a frame announces, or "".
func announced(f gopacket.Packet) string {
	if arp, ok := f.Layer(layers.LayerTypeARP).(*layers.ARP); ok {
		from, to := net.IP(arp.SourceProtAddress).String(), net.IP(arp.DstProtAddress).String()
		if from == to {
			return from
		}
		return ""
	}
	na, ok := f.Layer(layers.LayerTypeICMPv6NeighborAdvertisement).(*layers.ICMPv6NeighborAdvertisement)
	if ok && na.Flags&0x40 == 0 { // not solicited
		return na.TargetAddress.String()
	}
	return ""
}
