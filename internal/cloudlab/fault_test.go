// SPDX-License-Identifier: Apache-2.0

package cloudlab

import (
	"testing"
	"time"
)

// vrrpProtocol is the number of VRRP's protocol in IP.
const vrrpProtocol = 112

// eachCloud runs a test in one layout of each cloud, side by side.
func eachCloud(t *testing.T, test func(t *testing.T, kind string)) {
	for _, kind := range []string{"OCI", "AWSRoutes", "AzureRoutes"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, kind)
		})
	}
}

// The API is dead for ten seconds from the moment the MASTER dies: the new one
// stays MASTER, does not storm, and has everything within 15 s of its return.
func TestScenario09_APIDeadDuringFailover(t *testing.T) {
	eachCloud(t, func(t *testing.T, kind string) {
		a, b := newSite(t, kind).start((*vm).run)
		b.apiDown.Store(true)
		a.proc.Kill()
		b.untilMaster(0)
		before := b.requests.Load()
		time.Sleep(10 * time.Second)
		if n := b.requests.Load() - before; n > 60 {
			t.Errorf("%d requests in ten seconds to an API that is dead", n)
		}
		b.apiDown.Store(false)
		t.Logf("%v after the API came back", b.moved())
		b.stillMaster()
	})
}

// Every request is refused for its rate while the MASTER dies.
func TestScenario07_ThrottledDuringFailover(t *testing.T) {
	eachCloud(t, func(t *testing.T, kind string) {
		s := newSite(t, kind)
		a, b := s.start((*vm).run)
		s.throttle(true)
		a.proc.Kill()
		b.untilMaster(0)
		before := b.requests.Load()
		time.Sleep(5 * time.Second)
		if n := b.requests.Load() - before; n > 30 {
			t.Errorf("%d requests in five seconds, all refused for their rate", n)
		}
		s.throttle(false)
		t.Logf("%v after the end of throttling", b.moved())
		b.stillMaster()
	})
}

// The metadata service is dead when the BACKUP starts: it finds its interfaces
// when it is needed, without waiting for the next try of a BACKUP.
func TestMetadataDeadAtStart(t *testing.T) {
	eachCloud(t, func(t *testing.T, kind string) {
		s := newSite(t, kind)
		a, b := s.vms[0], s.vms[1]
		b.metaDown.Store(true)
		s.start((*vm).run)
		if state, claim := b.state(); state != "BACKUP" {
			t.Errorf("%s %s without metadata", state, claim)
		}
		b.metaDown.Store(false)
		a.proc.Kill()
		b.untilMaster(0)
		t.Logf("%v after the transition", b.moved())
	})
}

// The nodes cannot hear each other and both reach the API: both are MASTER. A
// few swaps later the one of lower priority has given way, so that everything
// is in place when they hear each other again.
func TestScenario20_PartitionedFromThePeerOnly(t *testing.T) {
	eachCloud(t, func(t *testing.T, kind string) {
		s := newSite(t, kind)
		s.claim += "\ncheck_interval 1"
		a, b := s.start((*vm).run)
		for _, v := range s.vms {
			v.host.Lose("ens3", vrrpProtocol, 100)
		}
		b.untilMaster(0)
		b.moved()
		swaps, last, owner := 1, time.Now(), b
		for time.Since(last) < 4*time.Second { // four looks of both, and nobody took it back
			if other := owner.peer(); other.owns() {
				owner, last = other, time.Now()
				swaps++
			}
			if swaps > 8 {
				t.Fatal("they fight and fight")
			}
			time.Sleep(time.Millisecond)
		}
		if owner != a {
			t.Errorf("%s has it after %d swaps", owner.host.Name, swaps)
		}
		for _, v := range s.vms {
			v.host.Lose("ens3", vrrpProtocol, 0)
		}
		a.moved()
		a.stillMaster()
	})
}
