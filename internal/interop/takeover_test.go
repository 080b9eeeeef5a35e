// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
	"github.com/govrrp/vrrpd/vrrp"
)

// takeoverInterval is short so that many repetitions fit: what is measured is
// what comes on top of the protocol's own wait.
const takeoverInterval = 200 * time.Millisecond

// ending is a way in which a MASTER ends, and the wait the protocol prescribes
// for a BACKUP of priority 100.
type ending struct {
	name string
	wait time.Duration
	end  func(*daemon)
	// back undoes it.
	back func(*daemon)
}

var endings = []ending{
	{
		"crash", vrrp.MasterDownInterval(vrrp.V3, 100, takeoverInterval, 0),
		func(d *daemon) { d.crash() },
		func(d *daemon) { d.run() },
	},
	{
		"stop", vrrp.SkewTime(vrrp.V3, 100, takeoverInterval),
		func(d *daemon) { d.proc.Signal(syscall.SIGTERM); d.proc.Wait() },
		func(d *daemon) { d.run() },
	},
	{
		"link", vrrp.SkewTime(vrrp.V3, 100, takeoverInterval),
		func(d *daemon) { d.host.LinkDown("ens5") },
		func(d *daemon) { d.host.LinkUp("ens5") },
	},
}

// BenchmarkTakeover measures how long after the protocol's own wait a BACKUP
// sends its first advert and its first gratuitous ARP, vrrpd and keepalived in
// turn. Each iteration is one failover of each. Run it with
//
//	go test -run '^$' -bench Takeover -benchtime 10x ./internal/interop
func BenchmarkTakeover(b *testing.B) {
	require.Need(b, require.NetNS)
	require.Peer(b, "keepalived")
	for _, cores := range []int{0, 2} {
		for _, peers := range []string{"multicast", "unicast"} {
			for _, e := range endings {
				b.Run(fmt.Sprintf("busy=%d/%s/%s", cores, peers, e.name), func(b *testing.B) {
					benchmarkTakeover(b, cores, peers == "unicast", e)
				})
			}
		}
	}
}

func benchmarkTakeover(b *testing.B, cores int, unicast bool, e ending) {
	for range cores {
		busy := exec.Command("sh", "-c", "while :; do :; done")
		if err := busy.Start(); err != nil {
			b.Fatal(err)
		}
		defer func() { _ = busy.Process.Kill(); _ = busy.Wait() }()
	}
	lab := netns.New(b)
	pairs := []*pair{newPair(b, lab, ours, unicast), newPair(b, lab, keepalived, unicast)}
	overheads := map[kind][2][]time.Duration{}
	for b.Loop() {
		for _, p := range pairs {
			advert, arp := p.failover(e)
			o := overheads[p.kind]
			overheads[p.kind] = [2][]time.Duration{append(o[0], advert), append(o[1], arp)}
		}
	}
	b.ReportMetric(0, "ns/op") // an iteration's length means nothing
	for _, k := range []kind{ours, keepalived} {
		for i, what := range []string{"advert", "arp"} {
			all := overheads[k][i]
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, fmt.Sprintf("%s-%s-median-ms", k, what))
			b.ReportMetric(float64(all[len(all)-1].Microseconds())/1000, fmt.Sprintf("%s-%s-max-ms", k, what))
		}
	}
}

// pair is a MASTER of priority 200 and a BACKUP of priority 100.
type pair struct {
	b            testing.TB
	kind         kind
	a, z         *daemon
	fromA, fromZ *netns.Capture
}

func newPair(b testing.TB, lab *netns.Lab, k kind, unicast bool) *pair {
	conf := func(own, peer string, priority int) string {
		wire := ""
		if unicast {
			wire = fmt.Sprintf("unicast_src_ip %s\n unicast_peer {\n %s\n }", own, peer)
		}
		return fmt.Sprintf(`vrrp_instance V {
 version 3
 interface ens3
 virtual_router_id 7
 priority %d
 advert_int %v
 %s
 track_interface {
  ens5
 }
 virtual_ipaddress {
  192.0.2.9/24
 }
}
`, priority, takeoverInterval.Seconds(), wire)
	}
	host := func(name, last string) *netns.Host {
		return lab.Host(
			string(k)+name,
			netns.NIC{Name: "ens3", Segment: string(k) + "lan", Addresses: []string{"192.0.2." + last + "/24"}},
			netns.NIC{Name: "ens5", Segment: string(k) + "wan", Addresses: []string{"198.51.100." + last + "/24"}},
		)
	}
	ha, hz := host("A", "1"), host("Z", "2")
	p := &pair{b: b, kind: k, fromA: ha.Capture("ens3"), fromZ: hz.Capture("ens3")}
	p.a = start(b, k, ha, conf("192.0.2.1", "192.0.2.2", 200))
	p.z = start(b, k, hz, conf("192.0.2.2", "192.0.2.1", 100))
	p.settle()
	return p
}

// settle waits until A is MASTER and has been so for a while.
func (p *pair) settle() {
	p.a.want("V", "MASTER")
	p.z.want("V", "BACKUP")
	time.Sleep(4 * takeoverInterval)
}

// failover ends A, waits for Z, brings A back, and returns how much later than
// prescribed Z's first advert and gratuitous ARP were.
func (p *pair) failover(e ending) (advert, arp time.Duration) {
	before := len(p.fromZ.Frames())
	e.end(p.a)
	p.z.want("V", "MASTER")
	time.Sleep(2 * takeoverInterval)
	last := lastFrame(p.b, p.fromA.Frames(), isAdvert)
	taken := firstFrame(p.b, p.fromZ.Frames()[before:], isAdvert)
	announced := firstFrame(p.b, p.fromZ.Frames()[before:], isGratuitous)
	e.back(p.a)
	p.settle()
	return taken.Sub(last) - e.wait, announced.Sub(last) - e.wait
}

func isAdvert(f gopacket.Packet) bool {
	ip, ok := f.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
	return ok && ip.Protocol == layers.IPProtocolVRRP
}

func isGratuitous(f gopacket.Packet) bool {
	arp, ok := f.Layer(layers.LayerTypeARP).(*layers.ARP)
	return ok && slices.Equal(arp.SourceProtAddress, arp.DstProtAddress) && strings.HasSuffix(fmt.Sprint(arp.SourceProtAddress), " 9]")
}

func firstFrame(t testing.TB, frames []gopacket.Packet, match func(gopacket.Packet) bool) time.Time {
	t.Helper()
	i := slices.IndexFunc(frames, match)
	if i < 0 {
		t.Fatal("no such frame was captured")
	}
	return frames[i].Metadata().Timestamp
}

func lastFrame(t testing.TB, frames []gopacket.Packet, match func(gopacket.Packet) bool) time.Time {
	t.Helper()
	for _, f := range slices.Backward(frames) {
		if match(f) {
			return f.Metadata().Timestamp
		}
	}
	t.Fatal("no such frame was captured")
	return time.Time{}
}
