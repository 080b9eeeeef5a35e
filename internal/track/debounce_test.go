// SPDX-License-Identifier: Apache-2.0

package track

import (
	"net/netip"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/engine"
)

// clock turns seconds into times.
func clock(seconds float64) time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

func link(name string, up bool) engine.LinkChanged {
	return engine.LinkChanged{Interface: name, Present: true, Up: up}
}

func TestDebounceHoldsUpAndDown(t *testing.T) {
	d := NewDebounce(map[string]Delays{"eth0": {Up: 5 * time.Second, Down: 2 * time.Second}})
	steps := []struct {
		at   float64
		in   *bool // nil: ask what is due
		want bool
	}{
		{0, new(true), true},  // the first state passes
		{1, new(false), true}, // held for 2 s
		{2.5, new(true), true},
		{2.6, nil, true}, // the dip was too short
		{10, new(false), true},
		{11.9, nil, true},
		{12, nil, false}, // it lasted
		{13, new(true), false},
		{17.9, nil, false},
		{17.95, new(true), false}, // told again: the time does not start anew
		{18, nil, true},
	}
	up := false
	for _, s := range steps {
		if s.in != nil {
			up = d.Step(clock(s.at), link("eth0", *s.in)).Up
		}
		for _, ev := range d.Due(clock(s.at)) {
			if ev.Up == up {
				t.Errorf("at %v: told what was known", s.at)
			}
			up = ev.Up
		}
		if up != s.want {
			t.Errorf("at %v: up=%v", s.at, up)
		}
	}
}

func TestDebounceDeadlineIsTheEarliest(t *testing.T) {
	d := NewDebounce(map[string]Delays{"a": {Down: 3 * time.Second}, "b": {Down: 2 * time.Second}})
	if _, ok := d.Deadline(); ok {
		t.Error("a deadline without anything held")
	}
	for _, name := range []string{"a", "b"} {
		d.Step(clock(0), link(name, true))
		d.Step(clock(1), link(name, false))
	}
	if at, ok := d.Deadline(); !ok || !at.Equal(clock(3)) {
		t.Errorf("deadline %v, %v", at, ok)
	}
	due := d.Due(clock(10))
	if len(due) != 2 || due[0].Interface != "a" || due[1].Interface != "b" || due[0].Up || due[1].Up {
		t.Errorf("due %+v", due)
	}
	if _, ok := d.Deadline(); ok {
		t.Error("a deadline after everything passed")
	}
}

func TestDebouncePassesTheRest(t *testing.T) {
	d := NewDebounce(map[string]Delays{"eth0": {Up: time.Minute, Down: time.Minute}})
	d.Step(clock(0), link("eth0", true))
	d.Step(clock(1), link("eth0", false))
	ev := link("eth0", false)
	ev.Addresses = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}
	if got := d.Step(clock(2), ev); !got.Up || len(got.Addresses) != 1 {
		t.Errorf("addresses must pass while the link is held up: %+v", got)
	}
	if got := d.Step(clock(3), engine.LinkChanged{Interface: "eth0"}); got.Up || got.Present {
		t.Errorf("an interface that is gone must pass: %+v", got)
	}
	if got := d.Step(clock(4), link("eth0", true)); got.Up || !got.Present {
		t.Errorf("one that came back must wait: %+v", got)
	}
	if at, ok := d.Deadline(); !ok || !at.Equal(clock(64)) {
		t.Errorf("deadline %v, %v", at, ok)
	}
	if got := d.Step(clock(5), link("eth1", false)); got.Up {
		t.Errorf("eth1 has no delay: %+v", got)
	}
	if got := d.Step(clock(5), link("eth1", true)); !got.Up {
		t.Errorf("eth1 has no delay: %+v", got)
	}
}

func TestDebounceReload(t *testing.T) {
	d := NewDebounce(map[string]Delays{"a": {Down: time.Minute}, "b": {Down: time.Minute}})
	for _, name := range []string{"a", "b"} {
		d.Step(clock(0), link(name, true))
		d.Step(clock(1), link(name, false))
	}
	out := d.SetDelays(clock(2), map[string]Delays{"b": {Down: time.Hour}})
	if len(out) != 1 || out[0].Interface != "a" || out[0].Up {
		t.Errorf("the delay of a was removed: %+v", out)
	}
	if at, ok := d.Deadline(); !ok || !at.Equal(clock(61)) {
		t.Errorf("b keeps its time: %v, %v", at, ok)
	}
}
