// SPDX-License-Identifier: Apache-2.0

package explore

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	interval = time.Second
	// bound is the longest a frame travels, and the most a timer is late. It
	// is below the difference of any two skews.
	bound = 50 * time.Millisecond
)

// network is one history in progress.
type network struct {
	o       Options
	now     time.Time
	nodes   []*host
	mail    []letter
	losses  int // left
	events  int // left
	broken  string
	history []string // filled when told
	tells   bool
}

type host struct {
	engine *engine.Engine
	links  []bool // by segment: up
	on     bool
	states []vrrp.State // by segment
}

// letter is a frame on its way.
type letter struct {
	from, to, segment int
	packet            vrrp.Packet
	sent              time.Time
}

func newNetwork(o Options) *network {
	w := &network{o: o, now: epoch, losses: o.Losses, events: o.Events}
	for i := range o.Nodes {
		w.nodes = append(w.nodes, &host{links: slices.Repeat([]bool{true}, o.Segments)})
		w.start(i)
	}
	return w
}

func (w *network) config(i int) (c engine.Config) {
	var members []string
	for s := range w.o.Segments {
		name := fmt.Sprintf("vr%d", s)
		members = append(members, name)
		c.Routers = append(c.Routers, engine.Router{Name: name, Config: vrrp.Config{
			ID:      vrrp.ID{Interface: fmt.Sprintf("eth%d", s), VRID: 1, Family: vrrp.IPv4},
			Version: w.o.Version, Priority: w.priority(i), Interval: interval,
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, byte(s), 0, 100})},
		}})
	}
	if w.o.Segments > 1 {
		c.Groups = []engine.Group{{Name: "all", Members: members}}
	}
	return c
}

// priority of node i: 200, 150, 100 … or all the same.
func (w *network) priority(i int) uint8 {
	if w.o.Equal {
		return 100
	}
	return uint8(200 - 50*i)
}

func address(segment, node int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(segment), 0, byte(10 - node)})
}

func (w *network) start(i int) {
	h := w.nodes[i]
	e, err := engine.New(w.config(i))
	if err != nil {
		panic("explore: " + err.Error())
	}
	h.engine, h.on = e, true
	h.states = make([]vrrp.State, w.o.Segments)
	for s := range w.o.Segments {
		w.step(i, w.link(i, s))
	}
	w.step(i, engine.Started{})
}

func (w *network) link(i, s int) engine.LinkChanged {
	return engine.LinkChanged{
		Interface: fmt.Sprintf("eth%d", s), Present: true, Up: w.nodes[i].links[s],
		Addresses: []netip.Prefix{netip.PrefixFrom(address(s, i), 24)},
	}
}

// step tells one engine a fact, posts what it sends and answers its actions.
func (w *network) step(i int, in engine.Input) {
	h := w.nodes[i]
	before := slices.Clone(h.states)
	var done []engine.Input
	for _, o := range h.engine.Step(w.now, in) {
		segment := 0
		if o.Action != nil {
			segment = int(o.Router.Interface[3] - '0')
		}
		switch a := o.Action.(type) {
		case vrrp.SendAdvert:
			w.post(i, segment, a.Packets)
			done = append(done, engine.ActionDone{Router: o.Router, ActionFinished: vrrp.ActionFinished{ID: a.ID}})
		case vrrp.SetOwnership:
			done = append(done, engine.ActionDone{Router: o.Router, ActionFinished: vrrp.ActionFinished{ID: a.ID}})
		case vrrp.Announce:
			done = append(done, engine.ActionDone{Router: o.Router, ActionFinished: vrrp.ActionFinished{ID: a.ID}})
		case vrrp.ReportTransition:
			if h.states[segment] != a.From {
				w.fail("node %d reports a change from %v, it was %v", i, a.From, h.states[segment])
			}
			h.states[segment] = a.To
		case vrrp.ReportNotice:
			if a.Notice == engine.NoticeBug {
				w.fail("node %d: %s", i, a.Detail)
			}
		}
		if w.tells && o.Action != nil {
			w.history = append(w.history, fmt.Sprintf("    node %d: %v", i, o))
		}
	}
	w.check(i, before, in)
	for _, d := range done {
		w.step(i, d)
	}
}

func (w *network) post(i, segment int, packets []vrrp.Packet) {
	if !w.nodes[i].links[segment] {
		return
	}
	for _, p := range packets {
		p.Payload = slices.Clone(p.Payload)
		for to := range w.nodes {
			if to != i {
				w.mail = append(w.mail, letter{i, to, segment, p, w.now})
			}
		}
	}
}

func (w *network) fail(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
	}
}

// check is the safety of one step.
func (w *network) check(i int, before []vrrp.State, in engine.Input) {
	h := w.nodes[i]
	if f, ok := in.(engine.FrameReceived); ok && f.Payload[2] != 0 {
		s := int(f.Interface[3] - '0')
		better := f.Payload[2] > w.priority(i) || f.Payload[2] == w.priority(i) && f.Source.Compare(address(s, i)) > 0
		if better && h.states[s] == vrrp.Master {
			w.fail("node %d stays MASTER at a better advert", i)
		}
		if !better && before[s] == vrrp.Master && h.states[s] != vrrp.Master {
			w.fail("node %d yields to a lower advert", i)
		}
	}
	for s := range h.states {
		if h.states[s] != h.states[0] {
			w.fail("node %d: its group is of two minds: %v", i, h.states)
		}
		if h.states[s] == vrrp.Master && !h.links[s] {
			w.fail("node %d is MASTER without a link", i)
		}
	}
	if at, ok := h.engine.Deadline(); ok && !at.After(w.now) {
		if _, woke := in.(engine.Woke); woke {
			w.fail("node %d: the deadline does not move", i)
		}
	}
}
