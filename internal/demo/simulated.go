// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// simulation is the demonstration without a network: the engine the daemon
// runs, twice, and a clock of its own that follows the real one.
type simulation struct {
	w     io.Writer
	began time.Time
	now   time.Time
	nodes []*simulated
	queue []delivery
	dark  time.Time // since when nobody serves; zero while somebody does
	worst time.Duration
}

// simulated is one router.
type simulated struct {
	name    string
	address netip.Addr
	engine  *engine.Engine // nil while it is dead
	master  bool
}

// delivery is an advert on its way to everyone else.
type delivery struct {
	from  *simulated
	frame engine.FrameReceived
}

// Simulated tells the same story on a simulated network.
func Simulated(ctx context.Context, w io.Writer) error {
	s := &simulation{w: w, began: time.Now()}
	s.now = s.began
	a := &simulated{name: "A", address: netip.MustParseAddr("192.0.2.1")}
	b := &simulated{name: "B", address: netip.MustParseAddr("192.0.2.2")}
	s.nodes = []*simulated{a, b}
	down := vrrp.MasterDownInterval(vrrp.V3, 100, interval, 0)
	skew := vrrp.SkewTime(vrrp.V3, 100, interval)
	acts := []struct {
		title   string
		do      func()
		allowed time.Duration
	}{
		{"both routers start", func() { s.start(a, 200); s.start(b, 100) }, 0},
		{"A is killed", func() { s.kill(a) }, down},
		{"A starts again and preempts", func() { s.start(a, 200) }, 0},
		{"A is stopped gracefully", func() { s.step(a, engine.Stopped{}); s.kill(a) }, skew},
	}
	var results []string
	for _, act := range acts {
		fmt.Fprintf(w, "\n%7.3f  == %s\n", s.elapsed(), act.title)
		s.worst = 0
		act.do()
		if err := s.run(ctx, 2*time.Second); err != nil {
			return err
		}
		results = append(results, fmt.Sprintf("%-30s nobody served for %6.1f ms; the protocol allows %6.1f ms",
			act.title, milliseconds(s.worst), milliseconds(act.allowed)))
	}
	fmt.Fprintln(w, "\nWhat a client would have seen:")
	for _, r := range results[1:] {
		fmt.Fprintln(w, "    "+r)
	}
	return nil
}

func (s *simulation) elapsed() float64 { return s.now.Sub(s.began).Seconds() }

// start brings a router to life.
func (s *simulation) start(n *simulated, priority uint8) {
	e, err := engine.New(engine.Config{Routers: []engine.Router{{Name: n.name, Config: vrrp.Config{
		ID: vrrp.ID{Interface: "eth0", VRID: 51, Family: vrrp.IPv4}, Version: vrrp.V3,
		Priority: priority, Interval: interval, Addresses: []netip.Addr{netip.MustParseAddr(virtualAddress)},
	}}}})
	if err != nil {
		panic("demo: its own configuration is wrong: " + err.Error())
	}
	n.engine = e
	s.step(n, engine.LinkChanged{
		Interface: "eth0", Present: true, Up: true,
		Addresses: []netip.Prefix{netip.PrefixFrom(n.address, 24)},
	})
	s.step(n, engine.Started{})
}

func (s *simulation) kill(n *simulated) {
	n.engine, n.master = nil, false
	s.serve()
}

// step tells a router a fact and carries out what it answers.
func (s *simulation) step(n *simulated, in engine.Input) {
	var done []engine.Input
	answer := func(id vrrp.ID, a vrrp.ActionID) {
		done = append(done, engine.ActionDone{Router: id, ActionFinished: vrrp.ActionFinished{ID: a}})
	}
	for _, out := range n.engine.Step(s.now, in) {
		switch a := out.Action.(type) {
		case vrrp.SendAdvert:
			s.advert(n, a)
			answer(out.Router, a.ID)
		case vrrp.SetOwnership:
			n.master = a.Own
			answer(out.Router, a.ID)
		case vrrp.Announce:
			answer(out.Router, a.ID)
		case vrrp.ReportTransition:
			fmt.Fprintf(s.w, "%7.3f  %s: %v -> %v (%v)\n", s.elapsed(), n.name, a.From, a.To, a.Cause)
		}
	}
	s.serve()
	for _, in := range done {
		s.step(n, in)
	}
}

func (s *simulation) advert(n *simulated, a vrrp.SendAdvert) {
	fmt.Fprintf(s.w, "%7.3f  advert from %s, priority %d\n", s.elapsed(), n.name, a.Priority)
	for _, p := range a.Packets {
		s.queue = append(s.queue, delivery{n, engine.FrameReceived{Interface: "eth0", Datagram: vrrp.Datagram{
			Source: p.Source, Destination: p.Destination, TTL: vrrp.TTL, Payload: slices.Clone(p.Payload),
		}}})
	}
}

// serve notes how long nobody has owned the address.
func (s *simulation) serve() {
	served := slices.ContainsFunc(s.nodes, func(n *simulated) bool { return n.master })
	switch {
	case served && !s.dark.IsZero():
		s.worst = max(s.worst, s.now.Sub(s.dark))
		s.dark = time.Time{}
	case !served && s.dark.IsZero():
		s.dark = s.now
	}
}

// run lets time pass, as fast as the real clock.
func (s *simulation) run(ctx context.Context, d time.Duration) error {
	end := s.now.Add(d)
	for {
		for len(s.queue) > 0 {
			next := s.queue[0]
			s.queue = s.queue[1:]
			for _, n := range s.nodes {
				if n != next.from && n.engine != nil {
					s.step(n, next.frame)
				}
			}
		}
		at := end
		for _, n := range s.nodes {
			if n.engine == nil {
				continue
			}
			if due, ok := n.engine.Deadline(); ok && due.Before(at) {
				at = due
			}
		}
		select {
		case <-time.After(time.Until(at)):
		case <-ctx.Done():
			return ctx.Err()
		}
		s.now = at
		if at.Equal(end) {
			return nil
		}
		for _, n := range s.nodes {
			if n.engine != nil {
				s.step(n, engine.Woke{})
			}
		}
	}
}
