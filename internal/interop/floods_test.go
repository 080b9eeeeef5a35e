// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// TestFloods lets every kind of refused packet rain on a BACKUP and on a
// MASTER for a moment: every packet is counted, by its reason or as filtered,
// nobody changes its state, and one of two routers that dies meanwhile is
// replaced.
func TestFloods(t *testing.T) {
	require.Need(t, require.NetNS)
	for _, unicast := range []bool{false, true} {
		t.Run(map[bool]string{false: "multicast", true: "unicast"}[unicast], func(t *testing.T) {
			f := newFlooded(t, ours, unicast)
			all := floodings(unicast)
			before := f.a.takeovers() + f.z.takeovers()
			for _, x := range all {
				f.counted(x)
			}
			if n := f.a.takeovers() + f.z.takeovers() - before; n != 0 {
				t.Errorf("%d transitions to MASTER", n)
			}
			late, err := f.failover(all[0])
			if err != nil || late > floodInterval {
				t.Errorf("take-over in mid-flood: %v late, %v", late, err)
			}
		})
	}
}

// victim is who is flooded.
func (f *flooded) victim(x flooding) *daemon {
	if x.master {
		return f.a
	}
	return f.z
}

// counted floods for a moment and waits until the victim has counted all.
func (f *flooded) counted(x flooding) {
	f.t.Helper()
	before := f.victim(x).refusals()
	sent := f.flood(x, 200*time.Millisecond)
	got := 0
	for giveUp := time.Now().Add(limit); got < sent*97/100; time.Sleep(50 * time.Millisecond) {
		if got = f.victim(x).refusals() - before; time.Now().After(giveUp) {
			break
		}
	}
	if got < sent*97/100 || got > sent*103/100 { // the kernel may lose some, and the meter opens a moment early
		f.t.Errorf("%v: %d packets sent, %d counted", x, sent, got)
	}
}

// refusals is how many packets were refused, filtered or lost.
func (d *daemon) refusals() int {
	d.t.Helper()
	s, ok := d.status()
	if !ok {
		d.t.Fatal("no status")
	}
	n := s.FramesFiltered + s.FramesDropped
	for _, reasons := range s.Refused {
		for _, c := range reasons {
			n += c
		}
	}
	for _, i := range s.Instances {
		for _, c := range i.Counters.Refused {
			n += c
		}
	}
	return int(n)
}

// floodTime is how long each flood is measured.
const floodTime = 10 * time.Second

// BenchmarkFlood measures what it costs to refuse 20,000 packets a second, of
// each kind, from a peer and from a stranger, by multicast and by unicast, on
// a BACKUP and on a MASTER: percent of one core, bytes of log a second,
// transitions, the longest silence of the MASTER in intervals, growth of
// memory, and how late a take-over is in the middle of it. Run all of it, which
// takes an hour, or a part, with
//
//	go test ./internal/interop -run '^$' -bench Flood -benchtime 1x -timeout 2h
//	go test ./internal/interop -run '^$' -bench 'Flood/vrrpd/unicast/BACKUP/unicast/peer/checksum' -benchtime 1x
func BenchmarkFlood(b *testing.B) {
	require.Need(b, require.NetNS)
	for _, k := range []kind{ours, keepalived} {
		for _, unicast := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/%s", k, map[bool]string{false: "multicast", true: "unicast"}[unicast]), func(b *testing.B) {
				for _, x := range floodings(unicast) {
					b.Run(x.String(), func(b *testing.B) {
						f := newFlooded(b, k, unicast)
						for b.Loop() {
							f.measure(b, x)
						}
					})
				}
			})
		}
	}
}

func (f *flooded) measure(b *testing.B, x flooding) {
	v := f.victim(x)
	began := time.Now()
	cpu, log, rss, before := v.cpu(), len(v.proc.Output()), v.memory(), f.a.takeovers()+f.z.takeovers()
	f.flood(x, floodTime)
	took := time.Since(began)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(100*(v.cpu()-cpu).Seconds()/took.Seconds(), "%cpu")
	b.ReportMetric(float64(len(v.proc.Output())-log)/took.Seconds(), "log-B/s")
	b.ReportMetric(float64(f.a.takeovers()+f.z.takeovers()-before), "transitions")
	b.ReportMetric(float64(v.memory()-rss), "rss-KiB")
	gap, last := time.Duration(0), time.Time{}
	for _, at := range f.adverts(200) {
		if at.After(began) && !last.IsZero() {
			gap = max(gap, at.Sub(last))
		}
		last = at
	}
	b.ReportMetric(gap.Seconds()/floodInterval.Seconds(), "gap-intervals")
	if x.master {
		return // a dead MASTER is no victim
	}
	late, err := f.failover(x)
	if err != nil {
		b.Error(err)
	}
	b.ReportMetric(float64(late.Microseconds())/1000, "takeover-ms")
}

// memory is a daemon's resident set, in KiB.
func (d *daemon) memory() int {
	d.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.proc.PID()))
	if err != nil {
		d.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	n := 0
	if _, err := fmt.Sscan(rest, &n); err != nil {
		d.t.Fatal(err)
	}
	return n
}
