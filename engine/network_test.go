// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// network is two nodes on two segments, in virtual time: just enough to let
// two engines play against each other. Node n has address n+1 on segment s,
// and a router with VRID s+1 there.
type network struct {
	t     *testing.T
	now   time.Time
	nodes [2]*engine.Engine
	delay time.Duration
	cut   [2]bool // segment: no frame passes
	lose  func(from, segment int, priority uint8) bool
	wire  []frame

	isMaster [2][2]bool // node, segment
	both     [2]time.Time
	worst    time.Duration // two MASTERs on one connected segment, at most so long
	heard0   time.Time     // node 1 heard priority 0 for the first time
}

type frame struct {
	at      time.Time
	to      int
	segment int
	in      engine.FrameReceived
}

func start(t *testing.T, delay time.Duration, configs [2]engine.Config) *network {
	t.Helper()
	n := &network{t: t, delay: delay, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	for i, c := range configs {
		e, err := engine.New(c)
		if err != nil {
			t.Fatal(err)
		}
		n.nodes[i] = e
		for s := range 2 {
			n.tell(i, link(i, s, true))
		}
	}
	for i := range n.nodes {
		n.tell(i, engine.Started{})
	}
	return n
}

func address(node, segment int) netip.Addr {
	return netip.AddrFrom4([4]byte{198, 51, byte(segment), byte(node + 1)})
}

func link(node, segment int, up bool) engine.LinkChanged {
	return engine.LinkChanged{
		Interface: fmt.Sprintf("eth%d", segment), Present: true, Up: up,
		Addresses: []netip.Prefix{netip.PrefixFrom(address(node, segment), 24)},
	}
}

// run plays until no more than d has passed or stop says so.
func (n *network) run(d time.Duration, stop func() bool) {
	until := n.now.Add(d)
	for !stop() {
		at, node := until, -1
		for i, e := range n.nodes {
			if due, ok := e.Deadline(); ok && due.Before(at) {
				at, node = due, i
			}
		}
		// Frames go before timers of the same instant.
		if len(n.wire) > 0 && !n.wire[0].at.After(at) {
			f := n.wire[0]
			n.wire = n.wire[1:]
			n.now = f.at
			n.tell(f.to, f.in)
			continue
		}
		n.now = at
		if node < 0 {
			return
		}
		n.tell(node, engine.Woke{})
	}
}

func never() bool { return false }

func (n *network) tell(node int, in engine.Input) {
	outputs := slices.Clone(n.nodes[node].Step(n.now, in))
	var done []engine.ActionDone
	for _, o := range outputs {
		segment := int(o.Router.VRID) - 1
		switch a := o.Action.(type) {
		case vrrp.SendAdvert:
			n.send(node, segment, a)
			done = append(done, engine.ActionDone{Router: o.Router, ActionFinished: vrrp.ActionFinished{ID: a.ID}})
		case vrrp.SetOwnership:
			done = append(done, engine.ActionDone{Router: o.Router, ActionFinished: vrrp.ActionFinished{ID: a.ID}})
		case vrrp.ReportTransition:
			n.isMaster[node][segment] = a.To == vrrp.Master
			n.count(segment)
		case vrrp.ReportNotice:
			if a.Notice == vrrp.NoticeMasterResigned && node == 1 && n.heard0.IsZero() {
				n.heard0 = n.now
			}
			if a.Notice == engine.NoticeBug {
				n.t.Fatal(a)
			}
		}
	}
	for _, d := range done {
		n.tell(node, d)
	}
}

func (n *network) send(node, segment int, a vrrp.SendAdvert) {
	if n.cut[segment] || n.lose != nil && n.lose(node, segment, a.Priority) {
		return
	}
	for _, p := range a.Packets {
		n.wire = append(n.wire, frame{n.now.Add(n.delay), 1 - node, segment, engine.FrameReceived{
			Interface: fmt.Sprintf("eth%d", segment),
			Datagram:  vrrp.Datagram{Source: p.Source, Destination: p.Destination, TTL: 255, Payload: slices.Clone(p.Payload)},
		}})
	}
}

// count keeps the longest time of two MASTERs on one connected segment.
func (n *network) count(segment int) {
	two := n.isMaster[0][segment] && n.isMaster[1][segment] && !n.cut[segment]
	switch {
	case two && n.both[segment].IsZero():
		n.both[segment] = n.now
	case !two && !n.both[segment].IsZero():
		n.worst = max(n.worst, n.now.Sub(n.both[segment]))
		n.both[segment] = time.Time{}
	}
}

// masters returns how many MASTERs each segment has.
func (n *network) masters() (count [2]int) {
	for _, node := range n.isMaster {
		for s, is := range node {
			if is {
				count[s]++
			}
		}
	}
	return count
}

// kill takes a segment's link away from node 0, which notices it or not.
func (n *network) kill(segment int, noticed bool) {
	n.cut[segment] = true
	n.wire = slices.DeleteFunc(n.wire, func(f frame) bool { return f.segment == segment })
	if noticed {
		n.tell(0, link(0, segment, false))
	}
}

func (n *network) heal(segment int) {
	n.cut[segment] = false
	n.tell(0, link(0, segment, true))
}
