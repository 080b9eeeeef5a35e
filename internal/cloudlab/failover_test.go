// SPDX-License-Identifier: Apache-2.0

package cloudlab

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/build"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// bound is the promise, in seconds: three adverts and the skew until the
// MASTER is missed, and two for the cloud.
const bound = 3 + 156.0/256 + 2

// The MASTER is killed, and comes back: everything follows, and nothing else
// is touched.
func TestScenario74_KillTheMaster(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			a, b := newSite(t, k.name).start((*vm).run)
			a.proc.Kill()
			b.untilMaster(0)
			t.Logf("failover: %v after the transition", b.moved())
			a.run(200)
			a.untilMaster(0)
			t.Logf("failback: %v after the transition", a.moved())
		})
	}
}

// BenchmarkFailover measures the time from kill -9 of the MASTER until the
// cloud shows everything at the other node; how much of it is after that
// node's transition; and the latter for the way back.
//
//	go test -run '^$' -bench Failover -benchtime 50x -timeout 1h ./internal/cloudlab
func BenchmarkFailover(b *testing.B) {
	for _, k := range kinds {
		b.Run(k.name, func(b *testing.B) {
			if worst := measure(b, k.name, (*vm).run); worst.Seconds() > bound {
				b.Errorf("%v is more than %.1f s", worst, bound)
			}
		})
	}
}

// BenchmarkBesideKeepalived measures the same for the ways to move the three
// VIPs of Oracle's article: the daemon's own claim, and a notify_master script
// that runs `vrrpd claim` for one VIP after the other.
//
//	go test -run '^$' -bench BesideKeepalived -benchtime 10x ./internal/cloudlab
func BenchmarkBesideKeepalived(b *testing.B) {
	keepalived := func(v *vm, priority int) {
		v.script(priority)
		v.proc = v.host.Start(require.Peer(b, "keepalived"), "-n", "-l", "-D", "-P", "-G", "-f", v.file("keepalived.conf"))
	}
	daemon := func(v *vm, priority int) {
		v.script(priority)
		v.proc = v.host.Start(build.Vrrpd(b), "run", "-f", v.file("keepalived.conf"), "--socket", v.file("s"))
	}
	for _, way := range []struct {
		name string
		run  func(*vm, int)
	}{
		{"vrrpd", (*vm).run}, {"vrrpd-script", daemon}, {"keepalived-script", keepalived},
	} {
		b.Run(way.name, func(b *testing.B) { measure(b, "OCI", way.run) })
	}
}

// script writes a configuration whose notify_master claims one item after the other.
func (v *vm) script(priority int) {
	text := "#!/bin/sh\n"
	for _, flags := range v.s.flags {
		text += strings.Join(v.claimCommand(flags...), " ") + "\n"
	}
	v.write("claim.sh", text, 0o700)
	v.write("keepalived.conf", "global_defs {\nscript_user root\n}\n"+
		v.instance(priority, fmt.Sprintf("notify_master %q", v.file("claim.sh"))), 0o600)
}

// measure kills and revives the MASTER again and again, and returns the
// longest time from a kill until everything had moved.
func measure(b *testing.B, kind string, run func(*vm, int)) (worst time.Duration) {
	x, y := newSite(b, kind).start(run)
	var failover, claim, back []time.Duration
	for b.Loop() {
		// The kill may hit any moment between two adverts.
		time.Sleep(time.Second + rand.N(time.Second))
		before := y.masters()
		began := time.Now()
		x.proc.Kill()
		y.untilMaster(before)
		claim = append(claim, y.moved())
		failover = append(failover, time.Since(began))
		run(x, 200)
		x.untilMaster(0)
		back = append(back, x.moved())
	}
	b.ReportMetric(0, "ns/op")
	report(b, "failover", failover)
	report(b, "claim", claim)
	report(b, "failback", back)
	return slices.Max(failover)
}

// report adds the median, the 99th percentile and the longest of some times, in seconds.
func report(b *testing.B, name string, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2].Seconds(), name+"-p50-s")
	b.ReportMetric(times[(len(times)*99-1)/100].Seconds(), name+"-p99-s")
	b.ReportMetric(times[len(times)-1].Seconds(), name+"-max-s")
}
