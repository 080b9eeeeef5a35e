// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// scene is one way for a MASTER of two segments to lose one of its links.
type scene struct {
	version    vrrp.Version
	interval   time.Duration
	priorities [2]uint8 // of node 0, the MASTER, and node 1
	grouped    bool     // node 0 is a sync-group as well
	slow       bool     // node 1 keeps keepalived's rule
	dead       int      // the segment
	noticed    bool     // by node 0, which then resigns
	phase      time.Duration
	lost       int // how many adverts of node 0 on the living segment get lost after that, −1: its priority 0s
}

func (s scene) String() string {
	return fmt.Sprintf("v%d %v priorities %v grouped=%v slow=%v dead=eth%d noticed=%v phase %v lost %d",
		s.version, s.interval, s.priorities, s.grouped, s.slow, s.dead, s.noticed, s.phase, s.lost)
}

// scenes enumerates them.
func scenes(f func(scene)) {
	for _, timing := range []scene{{version: vrrp.V2, interval: time.Second}, {version: vrrp.V3, interval: 100 * time.Millisecond}} {
		for _, priorities := range [][2]uint8{{200, 100}, {100, 100}, {100, 200}, {254, 253}, {101, 254}, {2, 1}} {
			for bits := range 16 {
				for step := range 10 {
					for lost := -1; lost <= 2; lost++ {
						s := timing
						s.priorities, s.lost = priorities, lost
						s.grouped, s.slow, s.dead, s.noticed = bits&1 != 0, bits&2 != 0, bits>>2&1, bits&8 != 0
						s.phase = time.Duration(step)*s.interval/10 + s.interval/50
						f(s)
					}
				}
			}
		}
	}
}

const hop = time.Millisecond

func (s scene) configs() (c [2]engine.Config) {
	for node := range c {
		for segment := range 2 {
			c[node].Routers = append(c[node].Routers, engine.Router{
				Name: fmt.Sprintf("r%d", segment),
				Config: vrrp.Config{
					ID:      vrrp.ID{Interface: fmt.Sprintf("eth%d", segment), VRID: uint8(segment + 1), Family: vrrp.IPv4},
					Version: s.version, Interval: s.interval, Priority: s.priorities[node],
					// Node 1 must let node 0 be MASTER, whatever the priorities.
					NoPreempt: true, WaitsForSlowMember: node == 1 && s.slow,
				},
			})
		}
		if node == 1 || s.grouped {
			c[node].Groups = []engine.Group{{Name: "g", Members: []string{"r0", "r1"}}}
		}
	}
	return c
}

// TestFastGroupTakeover proves the rule of docs/deviations.md, "fast group
// takeover", for two nodes, two segments and one dead link:
//
//   - the group takes over within an interval and Skew_Time of hearing the
//     MASTER resign, whichever link is dead and whenever it dies;
//   - it never makes two MASTERs that last: not with a MASTER that is no
//     group and goes on at the other segment, nor when adverts get lost;
//   - with the switch for keepalived's rule, nothing happens earlier than
//     Master_Down_Interval.
func TestFastGroupTakeover(t *testing.T) {
	played := 0
	scenes(func(s scene) {
		if played++; played%stride != 0 {
			return
		}
		n := start(t, hop, s.configs())
		n.run(20*s.interval, never)
		if n.isMaster[1][0] || n.isMaster[1][1] {
			s.handOver(n)
		}
		n.run(10*s.interval+s.phase, never)
		if got := n.isMaster; got != [2][2]bool{{true, true}, {false, false}} {
			t.Fatalf("%v: before: masters %v", s, got)
		}
		s.playDeath(t, n)
	})
	t.Logf("%d scenes", played/stride)
}

// handOver makes node 0 the MASTER when node 1 was elected.
func (s scene) handOver(n *network) {
	n.tell(1, engine.FailoverRequested{Name: "g", For: time.Hour})
	n.run(20*s.interval, func() bool { return n.masters() == [2]int{1, 1} && n.isMaster[0][0] && n.isMaster[0][1] })
	n.heard0 = time.Time{}
}

func (s scene) playDeath(t *testing.T, n *network) {
	t.Helper()
	down := vrrp.MasterDownInterval(s.version, s.priorities[1], s.interval, 0)
	skew := vrrp.SkewTime(s.version, s.priorities[1], s.interval)
	alive, toLose := 1-s.dead, s.lost
	n.worst = 0
	n.lose = func(from, segment int, priority uint8) bool {
		if from != 0 || segment != alive {
			return false
		}
		if s.lost < 0 {
			return priority == vrrp.PriorityResign
		}
		if priority == vrrp.PriorityResign || toLose == 0 {
			return false
		}
		toLose--
		return true
	}
	// Frames in flight when the link dies are judged by the cut alone.
	died := n.now
	n.kill(s.dead, s.noticed)
	taken := func() bool { return n.isMaster[1][0] && n.isMaster[1][1] }
	n.run(3*down, taken)
	resigned := s.grouped && s.noticed
	switch {
	case resigned && s.lost < 0: // as if it had crashed
		if !taken() || n.now.Sub(died) > down+hop {
			t.Errorf("%v: taken %v after %v, want %v", s, taken(), n.now.Sub(died), down)
		}
	case resigned && !s.slow:
		if after := n.now.Sub(n.heard0); !taken() || after > s.interval+skew {
			t.Errorf("%v: taken %v %v after the resignation was heard, want %v", s, taken(), after, s.interval+skew)
		}
	case resigned:
		if early := n.now.Sub(died) < down-s.interval; !taken() || early {
			t.Errorf("%v: taken %v %v after the death: not keepalived's rule", s, taken(), n.now.Sub(died))
		}
	}
	n.lose = nil
	n.run(6*down, never)
	s.judge(t, n)
	n.heal(s.dead)
	n.run(8*down, never)
	if got := n.masters(); got != [2]int{1, 1} {
		t.Errorf("%v: healed: masters %v", s, n.isMaster)
	}
	if n.isMaster[1][0] != n.isMaster[1][1] {
		t.Errorf("%v: healed: the group is divided: %v", s, n.isMaster[1])
	}
}

// judge wants one MASTER on the living segment, the group undivided, and no
// two MASTERs there for longer than it takes the second to hear the first.
func (s scene) judge(t *testing.T, n *network) {
	t.Helper()
	alive := 1 - s.dead
	if n.masters()[alive] != 1 {
		t.Errorf("%v: settled: masters %v", s, n.isMaster)
	}
	if n.isMaster[1][0] != n.isMaster[1][1] {
		t.Errorf("%v: settled: the group is divided: %v", s, n.isMaster[1])
	}
	if n.worst > s.interval+2*hop {
		t.Errorf("%v: two MASTERs for %v", s, n.worst)
	}
}
