// SPDX-License-Identifier: Apache-2.0

//go:build linux

package host_test

import (
	"net"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/host"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/vrrp"
)

// provoke makes the neighbour ask for addresses and the kernel of n react to
// link events: everything that could make a virtual MAC speak.
func provoke(n, neighbour *node) {
	for _, a := range []string{"10.0.0.100", "10.0.0.1"} {
		_, _ = neighbour.Try("ping", "-c1", "-W1", a)
	}
	_, _ = neighbour.Try("ping", "-6", "-c1", "-W1", "2001:db8::100")
	n.CableOut("ens3")
	n.CableIn("ens3")
	n.LinkDown("ens3")
	n.LinkUp("ens3")
	_, _ = neighbour.Try("ping", "-c1", "-W1", "10.0.0.1")
}

func TestSilenceOfABackup(t *testing.T) {
	for _, id := range []vrrp.ID{id4, id6} {
		t.Run(id.Family.String(), func(t *testing.T) {
			n, neighbour := lan(t)
			wire := n.Capture("ens3")
			r := host.Router{ID: id, Addresses: vips("10.0.0.100/32"), VMAC: &host.VMAC{}}
			if id.Family == vrrp.IPv6 {
				r.Addresses = vips("fe80::100/128", "2001:db8::100/128")
			}
			n.configure(r)
			provoke(n, neighbour)
			quiet(t, wire, id)
			n.apply(id, host.Release)
			provoke(n, neighbour)
			quiet(t, wire, id)

			n.apply(id, host.Own)
			eventually(t, "the MASTER to answer with its virtual MAC", func() bool {
				provokeOnce(neighbour, id)
				return len(wire.From(id.VirtualMAC())) > 0
			})
			n.apply(id, host.Release)
			// What was queued before the demotion may still be under way.
			neighbour.Exec("ping", "-c3", "-i0.2", "10.0.0.1")
			spoken := len(wire.From(id.VirtualMAC()))
			provoke(n, neighbour)
			if now := len(wire.From(id.VirtualMAC())); now != spoken {
				t.Errorf("%d frames with the virtual MAC after the demotion: %v", now-spoken, wire.From(id.VirtualMAC())[spoken:])
			}
			n.close()
			if now := len(wire.From(id.VirtualMAC())); now != spoken {
				t.Errorf("%d frames with the virtual MAC at the end", now-spoken)
			}
		})
	}
}

func provokeOnce(neighbour *node, id vrrp.ID) {
	if id.Family == vrrp.IPv6 {
		_, _ = neighbour.Try("ping", "-6", "-c1", "-W1", "2001:db8::100")
		return
	}
	_, _ = neighbour.Try("ping", "-c1", "-W1", "10.0.0.100")
}

func quiet(t *testing.T, wire *netns.Capture, id vrrp.ID) {
	t.Helper()
	if frames := wire.From(id.VirtualMAC()); len(frames) > 0 {
		t.Errorf("a BACKUP sent %d frames with its virtual MAC: %v", len(frames), frames)
	}
	if len(wire.Frames()) == 0 {
		t.Error("the capture shows nothing at all")
	}
}

func TestVirtualMACKeepsTheNeighboursCache(t *testing.T) {
	for _, id := range []vrrp.ID{id4, id6} {
		t.Run(id.Family.String(), func(t *testing.T) {
			n, neighbour := lan(t)
			address, ping := "10.0.0.100", []string{"ping", "-c1", "-W2"}
			r := host.Router{ID: id, Addresses: vips("10.0.0.100/32"), VMAC: &host.VMAC{}}
			if id.Family == vrrp.IPv6 {
				address, ping = "2001:db8::100", append(ping, "-6")
				r.Addresses = vips("2001:db8::100/128")
			}
			n.configure(r)
			n.apply(id, host.Own)
			mac := net.HardwareAddr(append([]byte(nil), macOf(id)...)).String()
			neighbour.Exec(append(ping, address)...)
			neighbour.expect(true, "ip neigh show "+address, mac)
			// The MASTER asks for the neighbour with the address as its sender:
			// the request must not teach the base interface's MAC address.
			n.Exec("ip", "neigh", "flush", "dev", "ens3")
			neighbour.Exec(append(ping, address)...)
			n.Exec("ip", "neigh", "flush", "dev", "ens3")
			if id.Family == vrrp.IPv4 {
				n.Exec("ping", "-c1", "-W2", "-I", "10.0.0.100", "10.0.0.2")
			}
			neighbour.Exec(append(ping, address)...)
			neighbour.expect(true, "ip neigh show "+address, mac)
		})
	}
}

func macOf(id vrrp.ID) []byte { m := id.VirtualMAC(); return m[:] }

func TestStrictReversePathFilterDoesNotStopTheVirtualMAC(t *testing.T) {
	n, neighbour := lan(t)
	n.Sysctl("net/ipv4/conf/all/rp_filter", "1")
	n.configure(host.Router{ID: id4, Addresses: vips("10.0.0.100/32"), VMAC: &host.VMAC{}})
	n.apply(id4, host.Own)
	neighbour.Exec("ping", "-c1", "-W2", "10.0.0.100")
	if got := strings.TrimSpace(n.Exec("cat", "/proc/sys/net/ipv4/conf/all/rp_filter")); got != "1" {
		t.Errorf("all.rp_filter was changed to %s", got)
	}
}

func TestVirtualMACInterfaceIsNamedAdoptedAndRemoved(t *testing.T) {
	n, _ := lan(t)
	four := host.Router{ID: id4, Addresses: vips("10.0.0.100/32"), VMAC: &host.VMAC{}}
	six := host.Router{ID: id6, Addresses: vips("2001:db8::100/128"), VMAC: &host.VMAC{}}
	n.configure(four, six)
	if a, b := n.host.VMACName(id4), n.host.VMACName(id6); a != "vrrp.51" || b != "vrrp6.51" {
		t.Fatalf("named %s and %s", a, b)
	}
	n.expect(true, "ip -o -d link show vrrp.51", "00:00:5e:00:01:33", "macvlan", "private", "state", "DOWN")
	n.expect(true, "ip -o -d link show vrrp6.51", "00:00:5e:00:02:33")
	n.apply(id4, host.Own)
	n.expect(true, showAddr+" dev vrrp.51", "10.0.0.100/32")

	again := n.start() // killed; a new run with another name for it
	four.VMAC.Name = "virtual"
	again.configure(four, six)
	again.expect(true, "ip -o -d link show virtual", "00:00:5e:00:01:33", "state", "DOWN")
	again.expect(false, showAddr, "10.0.0.100/32")
	if name := again.host.VMACName(id6); name != "vrrp6.51" {
		t.Errorf("the other one was adopted as %s", name)
	}
	again.configure(six)
	again.expect(false, "ip -o link show", "virtual@ens3:")
	again.close()
	again.expect(false, "ip -o link show", "vrrp6.51@ens3:")
}

func TestForeignInterfaceOfThatNameIsLeftAlone(t *testing.T) {
	n, _ := lan(t)
	n.Exec("ip", "link", "add", "vrrp.51", "link", "ens5", "type", "macvlan")
	four := host.Router{ID: id4, Addresses: vips("10.0.0.100/32"), VMAC: &host.VMAC{Name: "vrrp.51"}}
	err := n.in(func() error { return n.host.Configure(t.Context(), []host.Router{four}) })
	if err == nil || !strings.Contains(err.Error(), "vrrp.51 exists") {
		t.Errorf("got %v", err)
	}
	n.close()
	n.expect(true, "ip -o link show", "vrrp.51@ens5:")
	four.VMAC.Name = ""
	m := n.start()
	m.configure(four)
	if name := m.host.VMACName(id4); name != "vrrp1.51" {
		t.Errorf("named %s", name)
	}
}

func TestKernelParametersAreGivenBack(t *testing.T) {
	n, _ := lan(t)
	read := func() string {
		return n.Exec("cat", "/proc/sys/net/ipv4/conf/ens3/arp_ignore", "/proc/sys/net/ipv4/conf/ens3/arp_announce")
	}
	before := read()
	r := host.Router{ID: id4, Addresses: vips("10.0.0.100/32"), VMAC: &host.VMAC{}}
	n.configure(r)
	if got := read(); got != "1\n2\n" {
		t.Errorf("base interface: %q", got)
	}
	r.VMAC = nil
	n.configure(r)
	if got := read(); got != before {
		t.Errorf("after the reload %q, before it all %q", got, before)
	}
	n.expect(false, "ip -o link show", "vrrp.51@ens3:")
}

func TestReloadFromPlainToVirtualMACMovesTheAddress(t *testing.T) {
	n, neighbour := lan(t)
	r := host.Router{ID: id4, Addresses: vips("10.0.0.100/32")}
	n.configure(r)
	n.apply(id4, host.Own)
	r.VMAC = &host.VMAC{}
	n.configure(r)
	n.expect(true, showAddr+" dev vrrp.51", "10.0.0.100/32")
	n.expect(false, showAddr+" dev ens3", "10.0.0.100/32")
	neighbour.Exec("ping", "-c1", "-W2", "10.0.0.100")
	r.VMAC = nil
	n.configure(r)
	n.expect(true, showAddr+" dev ens3", "10.0.0.100/32")
	n.expect(false, "ip -o link show", "vrrp.51@ens3:")
}

func TestVirtualMACComesBackWithItsBase(t *testing.T) {
	n, _ := lan(t)
	n.configure(host.Router{ID: id4, Addresses: vips("10.0.0.100/32"), VMAC: &host.VMAC{}})
	n.Unplug("ens3")
	if err := n.in(func() error { return n.host.Apply(t.Context(), id4, host.Own) }); err == nil {
		t.Error("owns addresses without an interface")
	}
	n.apply(id4, host.Release)
	if err := n.Plug(netns.NIC{Name: "ens3", Segment: "one", Addresses: []string{"10.0.0.1/24"}}); err != nil {
		t.Fatal(err)
	}
	n.apply(id4, host.Own)
	n.expect(true, showAddr+" dev vrrp.51", "10.0.0.100/32")
}
