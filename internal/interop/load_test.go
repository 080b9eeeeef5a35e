// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
	"github.com/govrrp/vrrpd/vrrp"
)

// underLoad is how long each measurement of this file takes.
const underLoad = 5 * time.Second

// BenchmarkFalseTakeovers counts how often a BACKUP takes over from a MASTER
// that is alive, with adverts every 10 ms, per minute. Run it with
//
//	go test ./internal/interop -run '^$' -bench FalseTakeovers -benchtime 1x
func BenchmarkFalseTakeovers(b *testing.B) {
	require.Need(b, require.NetNS)
	for _, instances := range []int{1, 100} {
		for _, cores := range []int{0, 1, 2} {
			for _, k := range []kind{ours, keepalived} {
				b.Run(fmt.Sprintf("%d/busy=%d/%s", instances, cores, k), func(b *testing.B) {
					total := 0
					for b.Loop() {
						total += falseTakeovers(b, k, instances, cores)
					}
					b.ReportMetric(0, "ns/op")
					b.ReportMetric(float64(total)/float64(b.N)*float64(time.Minute/underLoad), "takeovers/min")
				})
			}
		}
	}
}

func falseTakeovers(b *testing.B, k kind, instances, cores int) int {
	lab := netns.New(b)
	router := func(name, last string, priority int) *daemon {
		h := lab.Host(name, netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"10.9.0." + last + "/16"}})
		var conf strings.Builder
		for n := range instances {
			fmt.Fprintf(&conf, "vrrp_instance V%d {\n version 3\n interface ens3\n virtual_router_id %d\n priority %d\n advert_int 0.01\n virtual_ipaddress {\n  10.9.1.%d/16\n }\n}\n",
				n+1, n+1, priority, n+1)
		}
		return start(b, k, h, conf.String())
	}
	a := router("A", "1", 200)
	last := fmt.Sprintf("V%d", instances)
	a.want(last, "MASTER")
	z := router("Z", "2", 100)
	z.want(last, "BACKUP")
	time.Sleep(time.Second) // the election is over for all of them
	defer busy(b, cores)()
	before := z.takeovers()
	time.Sleep(underLoad)
	return z.takeovers() - before
}

// busy keeps cores busy until the returned function is called.
func busy(b testing.TB, cores int) (stop func()) {
	b.Helper()
	var all []*exec.Cmd
	for range cores {
		c := exec.Command("sh", "-c", "while :; do :; done")
		if err := c.Start(); err != nil {
			b.Fatal(err)
		}
		all = append(all, c)
	}
	return func() {
		for _, c := range all {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}
}

// takeovers is how often any instance became MASTER.
func (d *daemon) takeovers() (n int) {
	d.t.Helper()
	if d.kind != ours {
		return strings.Count(d.proc.Output(), "Entering MASTER STATE")
	}
	s, ok := d.status()
	if !ok {
		d.t.Fatal("no status")
	}
	for _, i := range s.Instances {
		n += int(i.Counters.BecameMaster)
	}
	return n
}

const floodRate = 20_000 // packets a second

// flooder sends adverts of priority 255 that its victim must refuse, because
// it does not know the sender.
var flooder = netns.Program("flooder", func(ctx context.Context, args []string) error {
	socket, err := net.ListenPacket("ip4:112", "0.0.0.0")
	if err != nil {
		return err
	}
	defer socket.Close()
	p := ipv4.NewPacketConn(socket)
	if err := p.SetTTL(vrrp.TTL); err != nil {
		return err
	}
	advert := goodAdvert()
	advert.Version, advert.Priority, advert.AuthType, advert.Interval = vrrp.V3, vrrp.PriorityOwner, vrrp.AuthNone, 100*time.Millisecond
	payload := advert.AppendTo(nil, masterAddress, hostileVictim, vrrp.ChecksumPseudo)
	batch := make([]ipv4.Message, floodRate/1000)
	for i := range batch {
		batch[i] = ipv4.Message{Buffers: [][]byte{payload}, Addr: &net.IPAddr{IP: hostileVictim.AsSlice()}}
	}
	sent, begin := 0, time.Now()
	for ctx.Err() == nil {
		for sent < int(time.Since(begin).Seconds()*floodRate) {
			n, err := p.WriteBatch(batch, 0)
			if err != nil {
				return err
			}
			sent += n
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Println("sent", sent, "in", time.Since(begin).Round(time.Millisecond))
	return nil
})

// BenchmarkFlood measures what it costs to refuse 20,000 adverts a second of a
// stranger, in percent of one core. Run it with
//
//	go test ./internal/interop -run '^$' -bench Flood -benchtime 1x
func BenchmarkFlood(b *testing.B) {
	require.Need(b, require.NetNS)
	for _, k := range []kind{ours, keepalived} {
		b.Run(string(k), func(b *testing.B) {
			for b.Loop() {
				cpu, log, transitions := flood(b, k)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(100*cpu.Seconds()/underLoad.Seconds(), "%cpu")
				b.ReportMetric(float64(log)/underLoad.Seconds(), "log-B/s")
				b.ReportMetric(float64(transitions), "transitions")
			}
		})
	}
}

func flood(b *testing.B, k kind) (cpu time.Duration, log, transitions int) {
	lab := netns.New(b)
	host := func(name, last string) *netns.Host {
		return lab.Host(name, netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"192.0.2." + last + "/24"}})
	}
	conf := func(own, peer string, priority int) string {
		c := cell{version: v3, family: ipv4Only, wire: unicast, mac: plain}.keepalivedConf(own, peer, priority)
		return strings.Replace(c, " unicast_peer", " check_unicast_src\n unicast_peer", 1)
	}
	z := start(b, k, host("Z", "1"), conf("1", "2", 100))
	a := start(b, k, host("A", "2"), conf("2", "1", 200))
	stranger := host("stranger", "200")
	a.want("V", "MASTER")
	z.want("V", "BACKUP")
	time.Sleep(time.Second)
	f := stranger.StartProgram(flooder)
	time.Sleep(time.Second)
	cpuBefore, logBefore, takeovers := z.cpu(), len(z.proc.Output()), z.takeovers()
	time.Sleep(underLoad)
	cpu, log, transitions = z.cpu()-cpuBefore, len(z.proc.Output())-logBefore, z.takeovers()-takeovers
	f.Stop()
	b.Logf("%s: %s", k, strings.TrimSpace(f.Output()))
	return cpu, log, transitions
}

// cpu is the time a daemon and its children have spent on a processor.
func (d *daemon) cpu() time.Duration {
	d.t.Helper()
	pid := strconv.Itoa(d.proc.PID())
	children, err := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	if err != nil {
		d.t.Fatal(err)
	}
	ticks := 0
	for _, p := range append(strings.Fields(string(children)), pid) {
		stat, err := os.ReadFile("/proc/" + p + "/stat")
		if err != nil {
			d.t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		for _, f := range fields[11:13] { // utime and stime
			n, err := strconv.Atoi(f)
			if err != nil {
				d.t.Fatal(err)
			}
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / 100 // USER_HZ
}
