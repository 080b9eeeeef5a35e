// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// underLoad is how long false take-overs are counted.
const underLoad = time.Minute

// BenchmarkFalseTakeovers counts how often a BACKUP takes over from a MASTER
// that is alive, with adverts every 10 ms, per minute, both daemons with and
// without real-time priority. Run all of it, which takes 40 minutes, or a part:
//
//	go test ./internal/interop -run '^$' -bench FalseTakeovers -benchtime 1x -timeout 1h
//	go test ./internal/interop -run '^$' -bench FalseTakeovers/100/busy=2/rt=10 -benchtime 1x
func BenchmarkFalseTakeovers(b *testing.B) {
	require.Need(b, require.NetNS)
	for _, instances := range []int{1, 100, 250} {
		for _, cores := range []int{0, 1, 2} {
			for _, realtime := range []int{0, 10} {
				for _, k := range []kind{ours, keepalived} {
					b.Run(fmt.Sprintf("%d/busy=%d/rt=%d/%s", instances, cores, realtime, k), func(b *testing.B) {
						total := 0
						for b.Loop() {
							total += falseTakeovers(b, k, instances, cores, realtime)
						}
						b.ReportMetric(0, "ns/op")
						b.ReportMetric(float64(total)/float64(b.N)*float64(time.Minute/underLoad), "takeovers/min")
					})
				}
			}
		}
	}
}

func falseTakeovers(b *testing.B, k kind, instances, cores, realtime int) int {
	lab := netns.New(b)
	router := func(name, last string, priority int) *daemon {
		h := lab.Host(name, netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"10.9.0." + last + "/16"}})
		var conf strings.Builder
		if realtime > 0 {
			fmt.Fprintf(&conf, "global_defs {\n vrrp_rt_priority %d\n}\n", realtime)
		}
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
