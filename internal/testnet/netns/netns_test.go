// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netns_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

func TestMain(m *testing.M) { netns.Main(m) }

var interfaces = netns.Program("interfaces", func(ctx context.Context, args []string) error {
	ifaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, i := range ifaces {
		fmt.Println("interface", i.Name)
	}
	fmt.Println("args", args)
	<-ctx.Done()
	fmt.Println("asked to stop")
	return nil
})

func pair(t *testing.T) (a, b *netns.Host) {
	require.Need(t, require.NetNS)
	lab := netns.New(t)
	a = lab.Host("a", netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"10.0.0.1/24"}})
	b = lab.Host("b", netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"10.0.0.2/24"}})
	return a, b
}

func TestHostsReachEachOther(t *testing.T) {
	a, b := pair(t)
	seen := a.Capture("ens3")
	b.Do(func() {
		l, err := net.Listen("tcp", "10.0.0.2:7")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	})
	a.Do(func() {
		c, err := net.Dial("tcp", "10.0.0.2:7")
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
	seen.Wait("TCP SYN", func(p gopacket.Packet) bool {
		tcp, ok := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
		return ok && tcp.SYN
	})
}

func TestProgramRunsInsideItsHost(t *testing.T) {
	a, _ := pair(t)
	p := a.StartProgram(interfaces, "one", "two")
	p.Expect("interface ens3\n")
	p.Expect("args [one two]")
	if code := p.Stop(); code != 0 || !strings.Contains(p.Output(), "asked to stop") {
		t.Errorf("exit code %d, output %q", code, p.Output())
	}
}

func TestRunIsPrivate(t *testing.T) {
	a, b := pair(t)
	a.Exec("sh", "-c", "echo 1 > /run/mine")
	if out, err := b.Try("cat", "/run/mine"); err == nil {
		t.Errorf("host b reads host a's file: %q", out)
	}
	if _, err := os.Stat("/run/mine"); err == nil {
		t.Error("a host's /run is the machine's")
	}
}

func TestCableOutTakesCarrierAway(t *testing.T) {
	a, _ := pair(t)
	running := func() (up bool) {
		a.Do(func() {
			i, err := net.InterfaceByName("ens3")
			if err != nil {
				t.Fatal(err)
			}
			up = i.Flags&net.FlagRunning != 0
		})
		return up
	}
	if !running() {
		t.Fatal("a new interface has no carrier")
	}
	a.CableOut("ens3")
	for giveUp := time.Now().Add(20 * time.Second); running(); time.Sleep(time.Millisecond) {
		if time.Now().After(giveUp) {
			t.Fatal("carrier with the cable out")
		}
	}
	a.CableIn("ens3")
	a.LinkDown("ens3")
	if running() {
		t.Error("running although down")
	}
}
