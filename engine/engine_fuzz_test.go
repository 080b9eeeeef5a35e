// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// FuzzEngine plays any stream of inputs to an engine, reloads included, and
// holds it to its invariants after each one.
func FuzzEngine(f *testing.F) {
	f.Add([]byte("\x00\x00\x01\x01\x02\x01\x05\x00\x05\x00\x05\x00\x03\x11\x05\x00"))
	f.Add([]byte("\x01\x01\x02\x01\x00\x00\x05\x00\x05\x00\x08\x01\x05\x00\x08\x02\x05\x00\x09\x00\x0a\x00\x00\x00"))
	f.Add([]byte("\x08\x07\x00\x00\x01\x03\x02\x03\x07\x05\x05\x00\x04\x91\x06\x81\x06\x82\x05\xff\x08\x03\x05\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := &play{t: t, data: data, now: t0, last: map[vrrp.ID]vrrp.ActionID{}, own: map[vrrp.ID]bool{}}
		p.configure(p.next())
		e, err := engine.New(p.cfg)
		if err != nil {
			t.Fatal(err)
		}
		p.e = e
		for n := 0; len(p.data) > 0 && n < 300; n++ {
			op, arg := p.next(), p.next()
			p.step(p.input(op, arg))
		}
	})
}

type play struct {
	t       *testing.T
	e       *engine.Engine
	cfg     engine.Config
	data    []byte
	now     time.Time
	started bool
	pending []engine.ActionDone
	last    map[vrrp.ID]vrrp.ActionID
	own     map[vrrp.ID]bool
}

func (p *play) next() byte {
	if len(p.data) == 0 {
		return 0
	}
	b := p.data[0]
	p.data = p.data[1:]
	return b
}

// configure chooses one of 256 configurations of up to three routers.
func (p *play) configure(kind byte) {
	p.cfg = engine.Config{}
	for i := range 2 + int(kind&1) {
		r := engine.Router{Name: fmt.Sprintf("r%d", i), Config: vrrp.Config{
			ID:      vrrp.ID{Interface: fmt.Sprintf("eth%d", i%2), VRID: uint8(i + 1), Family: vrrp.IPv4},
			Version: vrrp.V3, Priority: 100 + uint8(i), Interval: time.Second,
		}}
		if kind&2 != 0 && i == 0 {
			r.Priority, r.Version = 255, vrrp.V2
		}
		if kind&4 != 0 && i == 1 {
			r.Source, r.Peers = address(1, 1), []vrrp.Peer{{Address: address(0, 1)}}
		}
		if kind&8 != 0 {
			r.StartDelay, r.NoPreempt = 2*time.Second, true
			r.Tracks = []engine.Tracking{{Track: scriptX}, {Track: fileX, Weight: 3}, {Track: scriptX, Weight: -40}}
		}
		p.cfg.Routers = append(p.cfg.Routers, r)
	}
	if kind&16 != 0 {
		g := engine.Group{Name: "g", Members: []string{"r0", "r1"}}
		if kind&32 != 0 {
			g.Tracks = []engine.Tracking{{Track: fileX, Reverse: true}}
		}
		p.cfg.Groups = []engine.Group{g}
	}
}

var (
	scriptX = engine.Track{Kind: engine.TrackScript, Name: "x"}
	fileX   = engine.Track{Kind: engine.TrackFile, Name: "x"}
)

func (p *play) input(op, arg byte) engine.Input {
	switch op % 12 {
	case 0:
		p.started = true
		return engine.Started{}
	case 1, 2:
		l := link(1, int(op%12)-1, arg&1 != 0)
		if arg&2 == 0 {
			l.Addresses = nil
		}
		return l
	case 3, 4:
		return p.frame(op, arg)
	case 5:
		if at, ok := p.e.Deadline(); ok && at.After(p.now) {
			p.now = at
		}
		p.now = p.now.Add(time.Duration(arg&15) * time.Duration(arg>>4) * 50 * time.Millisecond)
		return engine.Woke{}
	case 6:
		return p.result(arg)
	case 7:
		l := engine.Level{Known: arg&1 != 0, Good: arg&2 != 0, Value: int(arg>>2) * 4}
		return engine.TrackChanged{Track: []engine.Track{scriptX, fileX}[op>>7], Level: l}
	case 8:
		p.configure(arg)
		return engine.Reloaded{Config: p.cfg}
	case 9:
		return engine.FailoverRequested{Name: []string{"r0", "r1", "g", "?"}[arg&3], For: time.Duration(arg) * time.Second / 10}
	case 10:
		switch arg & 7 {
		case 0:
			p.started = false
			return engine.Stopped{}
		case 1:
			return engine.Suspended{For: time.Duration(arg) * 50 * time.Millisecond}
		}
	}
	return engine.OwnershipLost{Router: p.cfg.Routers[int(arg)%len(p.cfg.Routers)].ID}
}

// frame is an advert of a neighbour, at times a spoilt one.
func (p *play) frame(op, arg byte) engine.Input {
	r := p.cfg.Routers[int(op>>4)%len(p.cfg.Routers)]
	segment := int(r.ID.Interface[3] - '0')
	a := vrrp.Advertisement{Version: r.Version, Family: vrrp.IPv4, VRID: r.ID.VRID, Priority: arg, Interval: r.Interval}
	src, dst := address(int(op>>7)*2, segment), vrrp.GroupIPv4
	if r.Unicast() {
		dst = r.Source
	}
	payload := a.AppendTo(nil, src, dst, vrrp.ChecksumPseudo)
	if op&64 != 0 {
		payload[int(arg)%len(payload)] ^= arg
		payload = payload[:len(payload)-int(arg&1)]
	}
	return &engine.FrameReceived{Interface: r.ID.Interface, Datagram: vrrp.Datagram{Source: src, Destination: dst, TTL: 255, Payload: payload}}
}

func (p *play) result(arg byte) engine.Input {
	if len(p.pending) == 0 {
		return engine.Woke{}
	}
	i := int(arg) % len(p.pending)
	in := p.pending[i]
	p.pending = slices.Delete(p.pending, i, i+1)
	if arg&128 != 0 {
		in.Err = errors.New("failed")
	}
	return in
}

func (p *play) step(in engine.Input) {
	out := p.e.Step(p.now, in)
	st := p.e.Status()
	states := map[vrrp.ID]vrrp.State{}
	for _, r := range st.Routers {
		states[r.ID] = r.State
	}
	number := func(o engine.Output, id vrrp.ActionID) {
		if id != p.last[o.Router]+1 {
			p.t.Fatalf("%T: %v: #%d after #%d", in, o.Router, id, p.last[o.Router])
		}
		p.last[o.Router] = id
		p.pending = append(p.pending, engine.ActionDone{Router: o.Router, ActionFinished: vrrp.ActionFinished{ID: id}})
	}
	for _, o := range out {
		switch a := o.Action.(type) {
		case vrrp.SendAdvert:
			number(o, a.ID)
			if a.Priority > 0 && states[o.Router] != vrrp.Master {
				p.t.Fatalf("%T: %v sends an advert in %v", in, o.Router, states[o.Router])
			}
		case vrrp.SetOwnership:
			number(o, a.ID)
			p.own[o.Router] = a.Own
		case vrrp.Announce:
			number(o, a.ID)
		case vrrp.ReportNotice:
			if a.Notice == engine.NoticeBug {
				p.t.Fatalf("%T: %v", in, a)
			}
		}
	}
	_, woke := in.(engine.Woke)
	if at, ok := p.e.Deadline(); woke && ok && !at.After(p.now) {
		p.t.Fatalf("deadline %v has not moved at %v", at, p.now)
	}
	p.checkRouters(in, st)
	p.checkGroups(in, st)
}

func (p *play) checkRouters(in engine.Input, st engine.Status) {
	for _, r := range st.Routers {
		if p.own[r.ID] != (r.State == vrrp.Master) {
			p.t.Fatalf("%T: %s is %v and owns: %v", in, r.Name, r.State, p.own[r.ID])
		}
		sum := int(r.Configured)
		for _, term := range r.Terms {
			sum += term.Delta
		}
		if r.Configured < 255 {
			sum = max(1, min(sum, 254))
		}
		if int(r.Priority) != sum {
			p.t.Fatalf("%T: %s has priority %d, its terms make %d", in, r.Name, r.Priority, sum)
		}
		if r.State == vrrp.Fault && len(r.Faults) == 0 || r.State != vrrp.Fault && r.State != vrrp.Init && len(r.Faults) > 0 {
			p.t.Fatalf("%T: %s is %v with faults %v", in, r.Name, r.State, r.Faults)
		}
	}
}

// checkGroups: a group is uniform after every step.
func (p *play) checkGroups(in engine.Input, st engine.Status) {
	for _, g := range st.Groups {
		for _, r := range st.Routers {
			if r.Group != g.Name || r.State == vrrp.Init {
				continue
			}
			if r.State != g.State {
				p.t.Fatalf("%T: %s is %v in group %v", in, r.Name, r.State, g.State)
			}
		}
	}
}
