// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/internal/cloudtest"
	"github.com/govrrp/vrrpd/cloud/memory"
)

// soak drives two nodes through random trouble, in rounds: a minute or so of
// faults, then a minute of quiet, then the invariant.
type soak struct {
	*lab
	rng     *rand.Rand
	mu      sync.Mutex // guards what claims and guards ask for: the next three
	up      map[*node]bool
	dice    *rand.Rand
	rate    float64 // of faulty requests, during trouble
	cutoff  bool    // adverts are lost both ways
	foreign []cloud.Item

	rounds, writes int
	worst          time.Duration // longest time to converge, after the end of trouble
	// Late writes of the other node in peace, and the longest time that one had
	// its way: over a node that had just become MASTER, and over others.
	robberies         int
	robbed, robbedOld time.Duration
}

// elect is the stand-in for VRRP: the highest node that is up is MASTER; while
// adverts are lost, every node that is up is.
func (s *soak) elect() *node {
	var master *node
	for _, n := range []*node{s.a, s.b} {
		switch {
		case !s.isUp(n):
		case master == nil || s.cutoff:
			n.Master(cloud.Cause(s.rng.IntN(4)))
			master = n
		default:
			n.Backup()
		}
	}
	return master
}

// peerGuard asks the other node, as the real guard's status probe would.
type peerGuard struct {
	s     *soak
	other func() *node
}

func (g peerGuard) Run(context.Context) cloud.Verdict {
	o := g.other()
	if g.s.isUp(o) && o.Claim().Status().State.Acting() {
		return cloud.Verdict{Decision: cloud.Hold, Reason: "peer is MASTER and well"}
	}
	return cloud.Verdict{Decision: cloud.ClaimNow, Reason: "peer is not MASTER"}
}

func (s *soak) roll(p float64) bool { return s.rng.Float64() < p }

// request decides the fate of one request while there is trouble.
func (s *soak) request(r memory.Request) memory.Fault {
	var f memory.Fault
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dice.Float64() >= s.rate {
		return f
	}
	switch s.dice.IntN(9) {
	case 0:
		f.Lost = true
	case 1:
		f.ReplyLost = true
	case 2:
		f.Delay = time.Duration(s.dice.IntN(4000)) * time.Millisecond
	case 3:
		f.Stale = time.Duration(s.dice.IntN(4000)) * time.Millisecond
	case 4:
		f.Late = time.Duration(s.dice.IntN(2500)) * time.Millisecond
	default:
		classes := []cloud.Class{
			cloud.ClassThrottle, cloud.ClassBusy, cloud.ClassCredentials, cloud.ClassDenied, cloud.ClassAbsent, cloud.ClassUnknown,
		}
		f.Class, f.Hint = classes[s.dice.IntN(len(classes))], time.Second
		f.Lost = f.Class == cloud.ClassUnknown
	}
	return f
}

// trouble does one random thing.
func (s *soak) trouble() {
	n := s.a
	if s.roll(0.5) {
		n = s.b
	}
	switch s.rng.IntN(7) {
	case 0:
		if s.isUp(n) {
			s.stop(n)
			s.setUp(n, false)
		} else {
			s.boot(n)
		}
	case 1:
		s.cutoff = !s.cutoff
	case 2:
		n.Freeze(s.roll(0.7))
	case 3:
		it := s.a.Items[s.rng.IntN(len(s.a.Items))]
		holders := []string{"a/0", "b/0", "console/0", ""}
		if it.Kind == cloud.Route {
			holders = holders[:3] // a deleted route is meant to stay deleted
		}
		s.w.Set(it, holders[s.rng.IntN(len(holders))])
	case 4:
		n.Backup()
		s.wait(time.Duration(s.rng.IntN(100)) * time.Millisecond)
	default:
		s.mu.Lock()
		s.rate = []float64{0, 0.1, 0.5, 1}[s.rng.IntN(4)]
		s.mu.Unlock()
	}
	s.elect()
}

func (s *soak) boot(n *node) {
	s.start(n, s.rng.Uint64())
	s.setUp(n, true)
}

func (s *soak) isUp(n *node) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up[n]
}

func (s *soak) setUp(n *node, up bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up[n] = up
}

// overtake replaces the MASTER while it takes an item back from somebody: its
// write is on its way, and arrives when it is MASTER no more.
func (s *soak) overtake() {
	old := s.elect()
	if old == nil {
		return
	}
	s.fault(func(r memory.Request) memory.Fault {
		if r.Node != old.name || !isWrite(r.Op) {
			return memory.Fault{}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return memory.Fault{Late: time.Duration(s.dice.IntN(2500)) * time.Millisecond}
	})
	s.w.Set(old.Items[s.rng.IntN(len(old.Items))], "console/0")
	old.Claim().Kick()
	s.wait(time.Duration(s.rng.IntN(1000)) * time.Millisecond)
	if old == s.b {
		s.boot(s.a)
		return
	}
	s.stop(s.a)
	s.setUp(s.a, false)
	if !s.isUp(s.b) {
		s.boot(s.b)
	}
}

// round is one spell of trouble, and then peace.
func (s *soak) round() {
	s.t.Helper()
	s.fault(s.request)
	for end := time.Now().Add(time.Duration(10+s.rng.IntN(120)) * time.Second); time.Now().Before(end); {
		s.trouble()
		s.wait(time.Duration(s.rng.IntN(20_000)) * time.Millisecond)
	}
	s.cutoff = false
	for _, n := range []*node{s.a, s.b} {
		n.Freeze(false)
	}
	if s.roll(0.5) {
		s.overtake()
	}
	s.fault(nil)
	if !s.up[s.a] && !s.up[s.b] {
		s.boot(s.b)
	}
	s.peace()
}

// peace lasts a minute, and then everything must be at the MASTER.
func (s *soak) peace() {
	s.t.Helper()
	before := map[*node]uint64{s.a: s.a.Claim().Status().Generation, s.b: s.b.Claim().Status().Generation}
	master := s.elect()
	synctest.Wait()
	p := peace{master: master, began: time.Now(), fresh: master.Claim().Status().Generation != before[master], home: map[string]bool{}}
	for _, it := range master.Items {
		p.home[it.Key()] = s.w.Holder(it) == master.name+"/0"
	}
	s.wait(time.Minute)
	s.rounds++
	s.holds(master, master.Items...)
	s.state(master, cloud.StateHeld)
	if other := s.a; other != master && s.up[other] {
		s.t.Fatal("the election is wrong")
	}
	for _, it := range s.foreign {
		if h := s.w.Holder(it); h != "foreign/0" {
			s.t.Errorf("undeclared %s is held by %q", it.Key(), h)
		}
	}
	s.look(s.w.Writes()[s.writes:], p)
}

// peace is what was true when it began.
type peace struct {
	master *node
	began  time.Time
	fresh  bool            // the node became MASTER then
	home   map[string]bool // items that it holds
}

// How long a write of a node that is not MASTER any more may have its way once
// the item was where it belongs: after a take-over, until the next settle
// check; a MASTER of long standing looks every Drift ± 20 %, or paces a fight.
const (
	lateWins        = 5 * time.Second
	lateWinsOverOld = 36*time.Second + lateWins
)

// look goes through the writes of a round, in the order of their effects.
func (s *soak) look(writes []memory.Write, p peace) {
	s.t.Helper()
	lost := map[string]time.Time{}
	robbed, limit := &s.robbed, lateWins
	if !p.fresh {
		robbed, limit = &s.robbedOld, lateWinsOverOld
	}
	for _, w := range writes {
		s.writes++
		if w.Node != "console" && w.Node != "a" && w.Node != "b" {
			s.t.Errorf("written by %q", w.Node)
		}
		switch {
		case w.At.Before(p.began):
		case w.To == p.master.name+"/0":
			s.worst = max(s.worst, w.At.Sub(p.began))
			if at, ok := lost[w.Item]; ok {
				*robbed = max(*robbed, w.At.Sub(at))
			}
			p.home[w.Item] = true
			delete(lost, w.Item)
		case p.home[w.Item] && w.Node != p.master.name:
			s.robberies++
			p.home[w.Item], lost[w.Item] = false, w.At
		}
	}
	if *robbed > limit {
		s.t.Errorf("a late write had its way for %v, more than %v", *robbed, limit)
	}
}

var soakSeeds = flag.Uint64("soakseeds", 2, "runs of scenario 75 in each dialect, each with a seed of its own")

// Ten hours of random faults: whenever there has been peace for a minute, the
// MASTER holds every item, and nothing undeclared ever changed.
func TestScenario75_RandomFaultsForTenHours(t *testing.T) {
	hours := 10 * time.Hour
	if testing.Short() {
		hours = time.Hour
	}
	for name, d := range dialects {
		for seed := uint64(1); seed <= *soakSeeds; seed++ {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { runSoak(t, d, seed, hours) })
			})
		}
	}
}

func runSoak(t *testing.T, d memory.Dialect, seed uint64, long time.Duration) {
	l := &lab{t: t, w: memory.New(d)}
	a, b := cloudtest.Pair(all5, addrA, addrB)
	s := &soak{lab: l, rng: rand.New(rand.NewPCG(seed, 75)), dice: rand.New(rand.NewPCG(seed, 57)), up: map[*node]bool{}}
	l.a = &node{Machine: a, name: "a", p: l.w.Node("a", addrA)}
	l.b = &node{Machine: b, name: "b", p: l.w.Node("b", addrB)}
	l.a.Options = func(c *cloud.Config) { c.Guard = peerGuard{s, func() *node { return l.b }} }
	l.b.Options = func(c *cloud.Config) { c.Guard = peerGuard{s, func() *node { return l.a }} }
	for _, it := range all5 {
		l.w.Add(it, "a/0")
	}
	neighbour := rt1
	neighbour.Dest = vip1Prefix
	for _, it := range []cloud.Item{cloud.VIP(addrB.Next().Next().Next().Next()), neighbour} {
		s.foreign = append(s.foreign, l.w.Add(it, "foreign/0"))
	}
	s.boot(l.a)
	s.boot(l.b)
	for end := time.Now().Add(long); time.Now().Before(end) && !t.Failed(); {
		s.round()
	}
	for n, up := range s.up {
		if up {
			l.stop(n)
		}
	}
	time.Sleep(time.Minute) // late writes that are still on their way
	t.Logf("seed %d: %d rounds, %d writes, slowest convergence %v; %d late writes in peace, the longest had its way for %v after a take-over, %v else",
		seed, s.rounds, s.writes, s.worst, s.robberies, s.robbed, s.robbedOld)
}
