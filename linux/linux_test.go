// SPDX-License-Identifier: Apache-2.0

//go:build linux

package linux_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
	"github.com/govrrp/vrrpd/linux"
	"github.com/govrrp/vrrpd/runner"
	"github.com/govrrp/vrrpd/vrrp"
)

func TestMain(m *testing.M) { netns.Main(m) }

var id = vrrp.ID{Interface: "ens3", VRID: 51, Family: vrrp.IPv4}

// master is a program that behaves as a MASTER would through the ports: it
// advertises, owns and announces one address with a virtual MAC, and prints
// what it hears.
var master = netns.Program("master", func(ctx context.Context, args []string) error {
	l := linux.New(linux.Options{})
	err := l.Configure(ctx, []linux.Router{{
		ID: id, Addresses: []linux.Address{{Prefix: netip.MustParsePrefix("10.0.0.100/32")}}, VMAC: &linux.VMAC{},
	}})
	if err != nil {
		return err
	}
	go l.Links().Watch(ctx, func(c engine.LinkChanged) { fmt.Println("link", c.Interface, c.Present, c.Up) })
	stop := listen(ctx, l.Wire(), func(f *engine.FrameReceived) {
		fmt.Printf("heard on %s from %v: %s\n", f.Interface, f.Source, f.Payload)
	})
	defer stop()
	packet := vrrp.Packet{Source: netip.MustParseAddr(args[0]), Destination: vrrp.GroupIPv4, Payload: []byte("advert of " + args[0])}
	if err := l.Wire().Send(id, packet); err != nil {
		return err
	}
	if err := l.Host().Apply(ctx, id, runner.Own); err != nil {
		return err
	}
	if err := l.Host().Announce(ctx, id, vrrp.Announce{Repeat: 2}); err != nil {
		return err
	}
	fmt.Println("master")
	for ctx.Err() == nil {
		if err := l.Wire().Send(id, packet); err != nil {
			fmt.Println("send:", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	stop()
	return l.Close(context.Background())
})

// listen yields what the wire hears until ctx is done; stop waits for that end.
func listen(ctx context.Context, w runner.Wire, yield func(*engine.FrameReceived)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer context.AfterFunc(ctx, w.Wake)()
		for ctx.Err() == nil {
			w.Wait(time.Time{})
			w.Poll(yield)
		}
	}()
	return func() { cancel(); <-ended }
}

func lan(t *testing.T) (a, b *netns.Host) {
	t.Helper()
	require.Need(t, require.NetNS)
	lab := netns.New(t)
	host := func(n string) *netns.Host {
		return lab.Host("host"+n, netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"10.0.0." + n + "/24"}})
	}
	return host("1"), host("2")
}

func TestPortsMakeAMaster(t *testing.T) {
	a, b := lan(t)
	wire := a.Capture("ens3")
	p := a.StartProgram(master, "10.0.0.1")
	p.Expect("master")
	p.Expect("link ens3 true true")
	wire.Wait("gratuitous ARP from the virtual MAC", func(f gopacket.Packet) bool {
		arp, ok := f.Layer(layers.LayerTypeARP).(*layers.ARP)
		return ok && [6]byte(arp.SourceHwAddress) == id.VirtualMAC() && arp.SourceProtAddress[3] == 100
	})
	b.Exec("ping", "-c1", "-W2", "10.0.0.100")
	if out := b.Exec("ip", "neigh", "show", "10.0.0.100"); !strings.Contains(out, "00:00:5e:00:01:33") {
		t.Errorf("the neighbour's cache: %s", out)
	}
	if code := p.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if out := a.Exec("ip", "-o", "link"); strings.Contains(out, "vrrp.51") {
		t.Errorf("left behind: %s", out)
	}
}

// The kernel hands a multicast frame whose source MAC is that of a macvlan
// which is up to this macvlan alone. Both must be heard for one to yield.
func TestTwoMastersWithOneVirtualMACHearEachOther(t *testing.T) {
	a, b := lan(t)
	first, second := a.StartProgram(master, "10.0.0.1"), b.StartProgram(master, "10.0.0.2")
	first.Expect("heard on ens3 from 10.0.0.2: advert of 10.0.0.2")
	second.Expect("heard on ens3 from 10.0.0.1: advert of 10.0.0.1")
	first.Expect("master")
	second.Expect("master")
	marks := []int{len(first.Output()), len(second.Output())}
	for giveUp := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if strings.Contains(first.Output()[marks[0]:], "heard on ens3") && strings.Contains(second.Output()[marks[1]:], "heard on ens3") {
			return
		}
		if time.Now().After(giveUp) {
			t.Fatal("deaf as MASTER")
		}
	}
}

func TestMasterIsHeardAgainOnANewInterface(t *testing.T) {
	a, b := lan(t)
	first, second := a.StartProgram(master, "10.0.0.1"), b.StartProgram(master, "10.0.0.2")
	first.Expect("heard on ens3 from 10.0.0.2")
	second.Expect("heard on ens3 from 10.0.0.1")
	second.Expect("master") // it has its address before it loses its interface
	b.Unplug("ens3")
	second.Expect("link ens3 false false")
	mark := len(second.Output())
	if err := b.Plug(netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"10.0.0.2/24"}}); err != nil {
		t.Fatal(err)
	}
	for giveUp := time.Now().Add(20 * time.Second); !strings.Contains(second.Output()[mark:], "heard on ens3"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(giveUp) {
			t.Fatal("deaf on the new interface")
		}
	}
}
