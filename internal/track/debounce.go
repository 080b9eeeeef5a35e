// SPDX-License-Identifier: Apache-2.0

package track

import (
	"slices"
	"time"

	"github.com/govrrp/vrrpd/engine"
)

// hold lets a change through once it has lasted. The first value passes at once.
type hold struct {
	up, down time.Duration
	known    bool
	in, out  bool
	due      time.Time // when in becomes out, if they differ
}

// set takes the present value.
func (h *hold) set(now time.Time, v bool) {
	switch {
	case !h.known:
		h.known, h.in, h.out = true, v, v
	case v != h.in:
		h.in = v
		h.due = now.Add(h.delay())
	}
	h.settle(now)
}

// settle lets a change through that has lasted.
func (h *hold) settle(now time.Time) {
	if h.in != h.out && !now.Before(h.due) {
		h.out = h.in
	}
}

// deadline is when settle will have something to do.
func (h *hold) deadline() (time.Time, bool) { return h.due, h.in != h.out }

func (h *hold) delay() time.Duration {
	if h.in {
		return h.up
	}
	return h.down
}

// Delays are how long an interface must be up, or down, before that counts
// (interface_up_down_delays). 0 means at once.
type Delays struct{ Up, Down time.Duration }

// Debounce delays the ups and downs of interfaces on their way to the engine. It is
// a pure function of what it is told: no clock, no goroutine, not safe for
// concurrent use.
//
// Only Up is held back. Addresses pass at once, with the Up that holds at the moment,
// and so does the disappearance of the interface: nothing can be sent through what
// is not there. The first state told of an interface passes as it is; one that
// comes back later waits.
type Debounce struct {
	delays map[string]Delays
	links  map[string]*heldLink
}

type heldLink struct {
	last engine.LinkChanged // as it came
	up   hold
}

// NewDebounce returns a Debounce for the named interfaces. Others pass.
func NewDebounce(delays map[string]Delays) *Debounce {
	return &Debounce{delays: delays, links: map[string]*heldLink{}}
}

// Step takes one observation and returns what the engine is to be told now,
// which may be nothing new.
func (d *Debounce) Step(now time.Time, ev engine.LinkChanged) engine.LinkChanged {
	l := d.links[ev.Interface]
	if l == nil {
		l = &heldLink{}
		d.links[ev.Interface] = l
	}
	delays := d.delays[ev.Interface]
	l.last = ev
	l.up.up, l.up.down = delays.Up, delays.Down
	if ev.Present {
		l.up.set(now, ev.Up)
	} else {
		l.up.known, l.up.in, l.up.out = true, false, false
	}
	return l.report()
}

// Due returns, sorted by name, the changes that have lasted by now.
func (d *Debounce) Due(now time.Time) []engine.LinkChanged {
	var out []engine.LinkChanged
	for _, name := range d.names() {
		l := d.links[name]
		before := l.up.out
		l.up.settle(now)
		if l.up.out != before {
			out = append(out, l.report())
		}
	}
	return out
}

// Deadline returns when to call Due, if anything is held back.
func (d *Debounce) Deadline() (time.Time, bool) {
	var first time.Time
	found := false
	for _, l := range d.links {
		if at, ok := l.up.deadline(); ok && (!found || at.Before(first)) {
			first, found = at, true
		}
	}
	return first, found
}

// SetDelays replaces the delays, as a reload does. A change that is held back
// keeps the time it was given, unless its interface has no delay any more.
func (d *Debounce) SetDelays(now time.Time, delays map[string]Delays) []engine.LinkChanged {
	d.delays = delays
	for _, name := range d.names() {
		l := d.links[name]
		l.up.up, l.up.down = delays[name].Up, delays[name].Down
		if at, held := l.up.deadline(); held && l.up.delay() == 0 && at.After(now) {
			l.up.due = now
		}
	}
	return d.Due(now)
}

func (d *Debounce) names() []string {
	names := make([]string, 0, len(d.links))
	for name := range d.links {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (l *heldLink) report() engine.LinkChanged {
	ev := l.last
	ev.Up = l.up.out
	return ev
}
