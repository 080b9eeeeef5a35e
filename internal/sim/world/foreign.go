// SPDX-License-Identifier: Apache-2.0

package world

import (
	"net/netip"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// Habits names the implementation a foreign router behaves like: what it
// accepts, and how it answers.
type Habits string

// The habits.
const (
	None       Habits = ""           // an engine of our own
	Keepalived Habits = "keepalived" // refuses an advert whose addresses are not its own; answers lower adverts
	FRR        Habits = "frr"        // takes any address list; is silent at lower adverts
)

// foreign is a host with another implementation of VRRP, for as much of it as
// others can see. It is written from RFC 3768 and RFC 5798 with the
// installed base's checksum, and stands in for it in no other respect.
type foreign struct {
	habits  Habits
	routers []*foreignRouter
	outs    []engine.Output
	now     time.Time
}

type foreignRouter struct {
	cfg      engine.Router
	state    vrrp.State
	up       bool
	started  bool
	source   netip.Addr
	interval time.Duration
	down     time.Time // Master_Down_Timer; zero = off
	advert   time.Time // Adver_Timer; zero = off
	ids      vrrp.ActionID
}

func newForeign(h Habits, c engine.Config) *foreign {
	f := &foreign{habits: h}
	for _, r := range c.Routers {
		f.routers = append(f.routers, &foreignRouter{cfg: r, source: r.Source})
	}
	return f
}

// Step takes the facts such a host has; it knows nothing of the others.
func (f *foreign) Step(now time.Time, in engine.Input) []engine.Output {
	f.now, f.outs = now, nil
	for _, r := range f.routers {
		switch in := in.(type) {
		case engine.Started:
			r.started = true
			f.look(r)
		case engine.Stopped:
			r.started = false
			f.look(r)
		case engine.LinkChanged:
			if in.Interface == r.cfg.ID.Interface {
				r.up = in.Up
				r.readAddress(in.Addresses)
				f.look(r)
			}
		case engine.FrameReceived:
			if in.Interface == r.cfg.ID.Interface {
				f.receive(r, in)
			}
		case engine.Woke:
			f.wake(r)
		}
	}
	return f.outs
}

// Deadline is the earliest timer.
func (f *foreign) Deadline() (at time.Time, ok bool) {
	for _, r := range f.routers {
		for _, d := range []time.Time{r.down, r.advert} {
			if !d.IsZero() && (!ok || d.Before(at)) {
				at, ok = d, true
			}
		}
	}
	return at, ok
}

func (r *foreignRouter) readAddress(all []netip.Prefix) {
	r.source = netip.Addr{}
	if own := r.cfg.Source; own.IsValid() {
		if slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Addr() == own }) {
			r.source = own
		}
		return
	}
	for _, p := range all {
		a := p.Addr()
		if a.Is4() == (r.cfg.ID.Family == vrrp.IPv4) && (a.Is4() || a.IsLinkLocalUnicast()) && !slices.Contains(r.cfg.Addresses, a) {
			r.source = a
			return
		}
	}
}

// look moves between running and not.
func (f *foreign) look(r *foreignRouter) {
	runs := r.started && r.up && r.source.IsValid()
	idle := vrrp.Init
	if r.started {
		idle = vrrp.Fault
	}
	switch {
	case runs && (r.state == vrrp.Init || r.state == vrrp.Fault):
		r.interval = r.cfg.Interval
		f.backup(r, vrrp.CauseStarted)
	case !runs && r.state != idle:
		if r.state == vrrp.Master {
			f.send(r, vrrp.PriorityResign)
			f.own(r, false)
		}
		r.down, r.advert = time.Time{}, time.Time{}
		f.move(r, idle, vrrp.CauseFault)
	}
}

func (f *foreign) receive(r *foreignRouter, in engine.FrameReceived) {
	a, err := vrrp.Parse(in.Datagram)
	if err != nil || a.VRID != r.cfg.ID.VRID || a.Family != r.cfg.ID.Family || !f.accepts(r, &a, in) {
		return
	}
	own := r.cfg.Priority
	better := a.Priority > own || a.Priority == own && in.Source.Compare(r.source) > 0
	switch {
	case r.state == vrrp.Master && a.Priority == 0:
		f.advertise(r)
	case r.state == vrrp.Master && better:
		r.advert = time.Time{}
		f.own(r, false)
		r.learn(&a)
		f.backup(r, vrrp.CauseBetterHeard)
	case r.state == vrrp.Master && f.habits == Keepalived:
		f.send(r, own)
	case r.state == vrrp.Backup && a.Priority == 0:
		r.down = f.now.Add(skew(r.cfg.Version, own, r.interval))
	case r.state == vrrp.Backup && (a.Priority >= own || r.cfg.NoPreempt):
		r.learn(&a)
		r.down = f.now.Add(masterDown(&r.cfg.Config, own, r.interval))
	}
}

func (r *foreignRouter) learn(a *vrrp.Advertisement) {
	if r.cfg.Version == vrrp.V3 {
		r.interval = a.Interval
	}
}

// accepts is the reception the installed base is known for.
func (f *foreign) accepts(r *foreignRouter, a *vrrp.Advertisement, in engine.FrameReceived) bool {
	c := &r.cfg.Config
	switch {
	case a.Version != c.Version, in.Source == r.source, a.Trailer != nil:
		return false
	case in.Destination.IsMulticast() == c.Unicast(), !c.Unicast() && in.TTL != vrrp.TTL:
		return false
	case a.Version == vrrp.V2 && (a.Interval != c.Interval || a.AuthType != vrrp.AuthNone):
		return false
	case a.Version == vrrp.V3 && a.Family == vrrp.IPv4 && a.Checksum != vrrp.ChecksumPseudo:
		return false
	}
	if f.habits != Keepalived {
		return true
	}
	heard := slices.Collect(a.Addresses.All())
	return len(heard) == len(c.Addresses) && !slices.ContainsFunc(c.Addresses, func(own netip.Addr) bool { return !slices.Contains(heard, own) })
}

func (f *foreign) wake(r *foreignRouter) {
	if !r.down.IsZero() && !r.down.After(f.now) {
		r.down = time.Time{}
		f.advertise(r)
		f.own(r, true)
		f.move(r, vrrp.Master, vrrp.CauseMasterDown)
	}
	if !r.advert.IsZero() && !r.advert.After(f.now) {
		f.advertise(r)
	}
}

func (f *foreign) advertise(r *foreignRouter) {
	f.send(r, r.cfg.Priority)
	r.advert = f.now.Add(r.cfg.Interval)
}

func (f *foreign) backup(r *foreignRouter, why vrrp.CauseCode) {
	r.down = f.now.Add(masterDown(&r.cfg.Config, r.cfg.Priority, r.interval))
	f.move(r, vrrp.Backup, why)
}

func (f *foreign) move(r *foreignRouter, to vrrp.State, why vrrp.CauseCode) {
	f.put(r, vrrp.ReportTransition{From: r.state, To: to, Cause: vrrp.Cause{Code: why}, Priority: r.cfg.Priority})
	r.state = to
}

func (f *foreign) own(r *foreignRouter, own bool) {
	r.ids++
	f.put(r, vrrp.SetOwnership{ID: r.ids, Own: own})
}

func (f *foreign) send(r *foreignRouter, priority uint8) {
	c := &r.cfg.Config
	a := vrrp.Advertisement{
		Version: c.Version, Family: c.ID.Family, VRID: c.ID.VRID, Priority: priority,
		Interval: c.Interval, Addresses: vrrp.MakeAddressList(c.ID.Family, c.Addresses),
	}
	to := []netip.Addr{vrrp.GroupIPv4}
	if c.ID.Family == vrrp.IPv6 {
		to[0] = vrrp.GroupIPv6
	}
	if c.Unicast() {
		to = nil
		for _, p := range c.Peers {
			to = append(to, p.Address)
		}
	}
	var packets []vrrp.Packet
	for _, dst := range to {
		if r.source.IsValid() {
			packets = append(packets, vrrp.Packet{Source: r.source, Destination: dst, Payload: a.AppendTo(nil, r.source, dst, vrrp.ChecksumPseudo)})
		}
	}
	r.ids++
	f.put(r, vrrp.SendAdvert{ID: r.ids, Priority: priority, Packets: packets})
}

func (f *foreign) put(r *foreignRouter, a vrrp.Action) {
	f.outs = append(f.outs, engine.Output{Router: r.cfg.ID, Name: r.cfg.Name, Action: a})
}
