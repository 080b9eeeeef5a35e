// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netio_test

import (
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/govrrp/vrrpd/internal/netio"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/vrrp"
)

func announce(t *testing.T, h *netns.Host, r netio.Router, repeat int) {
	t.Helper()
	order(t, h, r, vrrp.Announce{Repeat: repeat})
}

func order(t *testing.T, h *netns.Host, r netio.Router, a vrrp.Announce) {
	t.Helper()
	h.Do(func() {
		w := netio.NewWire(slog.New(slog.DiscardHandler))
		defer w.Close()
		if err := w.Configure([]netio.Router{r}); err != nil {
			t.Fatal(err)
		}
		if err := w.Announce(t.Context(), r.ID, a); err != nil {
			t.Fatal(err)
		}
	})
}

func garpOf(address string) func(gopacket.Packet) bool {
	ip := net.ParseIP(address).To4()
	return func(p gopacket.Packet) bool {
		arp, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP)
		return ok && net.IP(arp.SourceProtAddress).Equal(ip) && net.IP(arp.DstProtAddress).Equal(ip)
	}
}

func TestGratuitousARPMovesTheAddressInTheNeighboursCache(t *testing.T) {
	a, b := lan(t)
	b.Exec("ip", "neigh", "replace", "10.0.0.100", "lladdr", "02:00:00:00:00:01", "nud", "reachable", "dev", "ens3")
	wire := a.Capture("ens3")
	r := parseRouter("ens3/51/ipv4")
	r.Announced = []netio.Announced{{Address: netip.MustParseAddr("10.0.0.100"), Device: "ens3"}}
	announce(t, a, r, 3)
	p := wire.Wait("gratuitous ARP", garpOf("10.0.0.100"))
	eth, arp := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet), p.Layer(layers.LayerTypeARP).(*layers.ARP)
	if len(p.Data()) != 42 || arp.Operation != layers.ARPRequest || eth.DstMAC.String() != "ff:ff:ff:ff:ff:ff" ||
		net.HardwareAddr(arp.DstHwAddress).String() != "ff:ff:ff:ff:ff:ff" || net.HardwareAddr(arp.SourceHwAddress).String() != eth.SrcMAC.String() {
		t.Errorf("frame %v", p)
	}
	mac := eth.SrcMAC.String()
	eventually(t, "the neighbour's cache to follow", func() bool {
		out, _ := b.Try("ip", "neigh", "show", "10.0.0.100")
		return contains(out, mac)
	})
	if n := count(wire, garpOf("10.0.0.100")); n != 3 {
		t.Errorf("%d announcements, want 3", n)
	}
}

func TestGratuitousARPFromTheVirtualMAC(t *testing.T) {
	a, _ := lan(t)
	wire := a.Capture("ens3")
	r := parseRouter("ens3/51/ipv4")
	r.VMAC = &netio.VMAC{Name: "vrrp.51", MAC: r.ID.VirtualMAC()}
	r.Announced = []netio.Announced{{Address: netip.MustParseAddr("10.0.0.100"), Device: "ens3", Virtual: true}}
	announce(t, a, r, 1)
	p := wire.Wait("gratuitous ARP", garpOf("10.0.0.100"))
	arp := p.Layer(layers.LayerTypeARP).(*layers.ARP)
	if got := net.HardwareAddr(arp.SourceHwAddress).String(); got != "00:00:5e:00:01:33" || len(wire.From(r.ID.VirtualMAC())) != 1 {
		t.Errorf("sender MAC %s", got)
	}
}

func TestAdvertFromTheVirtualMACWithoutAnyMacvlan(t *testing.T) {
	for _, tc := range []struct{ router, from, to string }{
		{"ens3/51/ipv4", "10.0.0.1", "224.0.0.18"},
		{"ens3/51/ipv6", "fe80::1", "ff02::12"},
	} {
		t.Run(tc.router, func(t *testing.T) {
			a, b := lan(t)
			got := b.StartProgram(listen, tc.router)
			got.Expect("listening")
			wire := a.Capture("ens3")
			r := parseRouter(tc.router)
			r.VMAC = &netio.VMAC{Name: "vrrp.51", MAC: r.ID.VirtualMAC()}
			if err := send(t, a, r, tc.from, tc.to, "hello"); err != nil {
				t.Fatal(err)
			}
			got.Expect("ens3: " + tc.from + " > " + tc.to + " ttl 255 68656c6c6f")
			checkAdvertFrame(t, wire.Wait("advert", isVRRP), tc.from)
			if n := len(wire.From(r.ID.VirtualMAC())); n != 1 {
				t.Errorf("%d frames with the virtual MAC, want 1", n)
			}
		})
	}
}

func naOf(address string) func(gopacket.Packet) bool {
	ip := net.ParseIP(address)
	return func(p gopacket.Packet) bool {
		na, ok := p.Layer(layers.LayerTypeICMPv6NeighborAdvertisement).(*layers.ICMPv6NeighborAdvertisement)
		return ok && na.TargetAddress.Equal(ip)
	}
}

func TestUnsolicitedNeighbourAdvertisement(t *testing.T) {
	for _, forwarding := range []string{"0", "1"} {
		t.Run("forwarding "+forwarding, func(t *testing.T) {
			a, b := lan(t)
			a.Sysctl("net/ipv6/conf/ens3/forwarding", forwarding)
			b.Exec("ip", "neigh", "replace", "2001:db8::100", "lladdr", "02:00:00:00:00:01", "nud", "reachable", "dev", "ens3")
			wire := a.Capture("ens3")
			r := parseRouter("ens3/51/ipv6")
			r.Announced = []netio.Announced{{Address: netip.MustParseAddr("2001:db8::100"), Device: "ens3"}}
			announce(t, a, r, 1)
			p := wire.Wait("neighbour advertisement", naOf("2001:db8::100"))
			na := p.Layer(layers.LayerTypeICMPv6NeighborAdvertisement).(*layers.ICMPv6NeighborAdvertisement)
			if !na.Override() || na.Solicited() || na.Router() != (forwarding == "1") {
				t.Errorf("flags %#x", na.Flags)
			}
			// The kernel on the other side has verified the checksum when its cache follows.
			mac := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet).SrcMAC.String()
			eventually(t, "the neighbour's cache to follow", func() bool {
				out, _ := b.Try("ip", "neigh", "show", "2001:db8::100", "dev", "ens3")
				return contains(out, mac)
			})
		})
	}
}

func TestNoAnnouncementWhereThereIsNoEthernet(t *testing.T) {
	a, _ := lan(t)
	r := parseRouter("ens3/51/ipv4")
	r.Announced = []netio.Announced{{Address: netip.MustParseAddr("10.9.9.9"), Device: "lo"}}
	announce(t, a, r, 1) // no error
}

func TestAnnouncementsArePaced(t *testing.T) {
	a, _ := lan(t)
	r := parseRouter("ens3/51/ipv4")
	r.ARPInterval = 20 * time.Millisecond
	r.Announced = []netio.Announced{{Address: netip.MustParseAddr("10.0.0.100"), Device: "ens3"}}
	began := time.Now()
	announce(t, a, r, 5)
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("five announcements 20 ms apart took only %v", took)
	}
}

// TestAnnouncementsElsewhere: adverts keep the switches' entry for the MAC
// address they leave from; every other interface gets one frame.
func TestAnnouncementsElsewhere(t *testing.T) {
	const own, second, third, virtual = "10.0.0.100", "10.0.1.100", "10.0.1.101", "10.0.0.101"
	lab := netns.New(t)
	h := lab.Host("A", netns.NIC{Name: "ens3", Segment: "lan"}, netns.NIC{Name: "ens4", Segment: "wan"})
	at := map[string]*netns.Capture{own: h.Capture("ens3"), second: h.Capture("ens4")}
	at[virtual], at[third] = at[own], at[second]
	for _, c := range []struct {
		name string
		vmac *netio.VMAC
		all  bool
		want []string
	}{
		{name: "no virtual MAC"},
		{name: "all", all: true, want: []string{second}},
		{name: "adverts from the virtual MAC", vmac: &netio.VMAC{}},
		{name: "adverts from the virtual MAC, all", vmac: &netio.VMAC{}, all: true, want: []string{own, second}},
		{name: "adverts from the base", vmac: &netio.VMAC{FromBase: true}, want: []string{virtual}},
		{name: "adverts from the base, all", vmac: &netio.VMAC{FromBase: true}, all: true, want: []string{virtual, second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := parseRouter("ens3/51/ipv4")
			if c.vmac != nil {
				c.vmac.Name, c.vmac.MAC = "vrrp.51", r.ID.VirtualMAC()
			}
			r.VMAC, r.AnnounceAll = c.vmac, c.all
			for _, a := range []netio.Announced{
				{Device: "ens3", Address: netip.MustParseAddr(own)},
				{Device: "ens3", Address: netip.MustParseAddr(virtual), Virtual: true},
				{Device: "ens4", Address: netip.MustParseAddr(second)},
				{Device: "ens4", Address: netip.MustParseAddr(third)},
			} {
				if !a.Virtual || c.vmac != nil {
					r.Announced = append(r.Announced, a)
				}
			}
			before := map[string]int{}
			for a, wire := range at {
				before[a] = count(wire, garpOf(a))
			}
			order(t, h, r, vrrp.Announce{Repeat: 1, Elsewhere: true})
			announce(t, h, r, 1) // all of them, once: behind the others
			for a, wire := range at {
				want := before[a] + 1
				if slices.Contains(c.want, a) {
					want++
				}
				if a == virtual && c.vmac == nil {
					want = before[a]
				}
				eventually(t, a, func() bool { return count(wire, garpOf(a)) >= want })
				if n := count(wire, garpOf(a)); n != want {
					t.Errorf("%s announced %d times, want %d", a, n-before[a], want-before[a])
				}
			}
		})
	}
}
