// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// FuzzRouter plays any stream of events to a router and holds it to its
// invariants after each one.
func FuzzRouter(f *testing.F) {
	f.Add([]byte("\x00\x00\x01\x10\x01\x20\x01\x30"))
	f.Add([]byte("\x0f\x64\x00\x02\x01\x03\x02\x04\x03\x05\x04\x06\x05\x07\x06\x08\x07\x09\x08\x0a\x09\x0b\x0a\x0c\x0b"))
	f.Add([]byte("\x06\xff\x00\x00\x0d\x01\x0d\x02\x02\xc8\x01\x00\x01\x00\x0c\x00\x01\x00\x01\x00\x01\x00"))
	f.Fuzz(func(t *testing.T, data []byte) { newPlay(t, data).run() })
}

// play turns bytes into events: each event is an operation and an argument.
type play struct {
	*lab
	data    []byte
	running bool
	own     bool // last ordered
	last    vrrp.ActionID
	pending []vrrp.ActionID
}

func newPlay(t *testing.T, data []byte) *play {
	p := &play{data: data}
	kind, priority := p.next(), p.next()
	d := dialect{vrrp.V3, vrrp.IPv4}
	if kind&1 != 0 {
		d.version = vrrp.V2
	}
	if kind&2 != 0 {
		d.family = vrrp.IPv6
	}
	p.lab = newLab(t, d, max(priority, 1), func(c *vrrp.Config) { shape(c, kind) })
	return p
}

// shape sets what a reload may change.
func shape(c *vrrp.Config, kind byte) {
	c.Grouped, c.NoPreempt, c.OwnerWaits = kind&4 != 0, kind&8 != 0, kind&16 != 0
	c.PreemptDelay, c.StartDelay = time.Duration(kind>>5&1)*3*time.Second, time.Duration(kind>>6&1)*2*time.Second
	if kind&128 != 0 {
		c.StrictAddresses, c.HigherSendsAdvert, c.WaitsForSlowMember = true, true, true
		c.Announce = vrrp.Announcing{Delay: time.Second, Refresh: 700 * time.Millisecond, Elsewhere: 900 * time.Millisecond, LowerRepeat: 2, LowerDelay: time.Second}
	}
}

func (p *play) next() byte {
	if len(p.data) == 0 {
		return 0
	}
	b := p.data[0]
	p.data = p.data[1:]
	return b
}

func (p *play) run() {
	for n := 0; len(p.data) > 0 && n < 500; n++ {
		ev := p.event(p.next(), p.next())
		before := p.r.Status()
		actions := p.r.Step(p.now, ev)
		p.check(ev, before, actions)
	}
}

// event makes the next one; arg chooses among its variants.
func (p *play) event(op, arg byte) vrrp.Event {
	switch op % 16 {
	case 0:
		p.running = true
		return vrrp.Started{}
	case 1: // to the next deadline, at times late
		if at, ok := p.r.Deadline(); ok && at.After(p.now) {
			p.now = at
		}
		p.wait(time.Duration(arg&15) * time.Duration(arg>>4) * 50 * time.Millisecond)
		return vrrp.TimerExpired{}
	case 2, 3, 4:
		p.wait(time.Duration(op>>4) * 100 * time.Millisecond)
		return p.heard(op, arg)
	case 5:
		return vrrp.FaultsChanged{Faults: []string{"x", "y", "z"}[:arg%4]}
	case 6:
		return vrrp.PriorityChanged{Effective: max(arg, 1)}
	case 7:
		return vrrp.VerdictReached{Verdict: vrrp.Verdict(arg % 3)}
	case 8:
		if arg&1 != 0 {
			return vrrp.Suspended{For: time.Duration(arg) * 50 * time.Millisecond}
		}
		return vrrp.PartnerResigned{}
	case 9:
		return vrrp.SteppedAside{Until: p.now.Add(time.Duration(arg) * 100 * time.Millisecond)}
	case 10:
		p.cfg.Priority, p.cfg.Interval = max(arg, 1), time.Duration(arg>>6+1)*time.Second
		shape(&p.cfg, op&0xf0|arg&0xc)
		return vrrp.Reconfigured{Config: p.cfg}
	case 11:
		return vrrp.OwnershipLost{}
	case 12, 13:
		return p.result(arg)
	case 14:
		p.running = false
		return vrrp.Stopped{}
	}
	src := netip.Addr{}
	if arg&1 != 0 {
		src = p.d.host(arg)
	}
	return vrrp.SourceChanged{Source: src}
}

func (p *play) heard(op, arg byte) vrrp.Event {
	a := p.advert(arg, time.Duration(op>>4&3+1)*time.Second)
	if op&64 != 0 {
		a.Addresses = vrrp.AddressList{}
	}
	ev := &vrrp.AdvertReceived{Advert: a, Source: p.d.host(arg%4 + 48), Destination: vrrp.GroupIPv4, TTL: 255 - int(op>>7)}
	if p.d.family == vrrp.IPv6 {
		ev.Destination = vrrp.GroupIPv6
	}
	return ev
}

// result answers a pending action, well or not; each one once.
func (p *play) result(arg byte) vrrp.Event {
	if len(p.pending) == 0 {
		return vrrp.TimerExpired{}
	}
	i := int(arg) % len(p.pending)
	ev := vrrp.ActionFinished{ID: p.pending[i]}
	p.pending = append(p.pending[:i:i], p.pending[i+1:]...)
	if arg&128 != 0 {
		ev.Err = errors.New("failed")
	}
	return ev
}

func (p *play) check(ev vrrp.Event, before vrrp.Status, actions []vrrp.Action) {
	p.t.Helper()
	after, state := p.r.Status(), before.State
	number := func(id vrrp.ActionID) {
		if id != p.last+1 {
			p.t.Fatalf("action #%d after #%d", id, p.last)
		}
		p.last = id
		p.pending = append(p.pending, id)
	}
	for _, a := range actions {
		switch a := a.(type) {
		case vrrp.SendAdvert:
			number(a.ID)
			if before.State != vrrp.Master && after.State != vrrp.Master {
				p.t.Fatalf("%T in %v: advert", ev, before.State)
			}
		case vrrp.SetOwnership:
			number(a.ID)
			p.own = a.Own
		case vrrp.Announce:
			number(a.ID)
			if after.State != vrrp.Master || a.Repeat < 1 {
				p.t.Fatalf("%T: announce x%d in %v", ev, a.Repeat, after.State)
			}
		case vrrp.ReportTransition:
			if a.From != state || a.From == a.To {
				p.t.Fatalf("%T: %v -> %v in %v", ev, a.From, a.To, state)
			}
			state = a.To
		case vrrp.CastVote:
			if a.Vote != after.Vote || a.Vote == before.Vote || !p.cfg.Grouped {
				p.t.Fatalf("%T: vote %v, was %v, is %v", ev, a.Vote, before.Vote, after.Vote)
			}
		}
	}
	if state != after.State || p.own != (state == vrrp.Master) {
		p.t.Fatalf("%T: told %v own=%v, is %v", ev, state, p.own, after.State)
	}
	if p.running != (state != vrrp.Init || after.StartDelayed != time.Time{}) || (state == vrrp.Fault) != (p.running && len(after.Faults) > 0) {
		p.t.Fatalf("%T: running %v in %v with faults %q", ev, p.running, state, after.Faults)
	}
	if _, fired := ev.(vrrp.TimerExpired); fired && !after.Deadline.IsZero() && !after.Deadline.After(p.now) {
		p.t.Fatalf("deadline %v has not moved at %v", after.Deadline, p.now)
	}
	if after.Counters.Refused != before.Counters.Refused {
		before.Counters.Refused = after.Counters.Refused
		before.AsideUntil = after.AsideUntil // runs out by itself
		if !reflect.DeepEqual(before, after) {
			p.t.Fatalf("a refused packet changed\n%+v to\n%+v", before, after)
		}
	}
}
