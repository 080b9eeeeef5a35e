// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
)

// Trouble is what happens to one request.
type Trouble uint8

// The troubles that every cloud can have.
const (
	NoTrouble   Trouble = iota
	LostRequest         // it never arrives
	LostReply           // it is carried out, and nobody hears of it
	Slow                // it arrives half a second later
	Throttled           // it is refused for its rate
	Broken              // the answer is an internal error
)

// World is a cloud with two machines; everything that can be claimed is at A.
type World struct {
	A, B *Machine
	// Holds fails the test unless a machine has the items, as the cloud knows.
	Holds func(m *Machine, items ...cloud.Item)
	// Writes counts the requests of a machine that asked for a change.
	Writes func(m *Machine) int
	// Trouble scripts what happens to writes and to reads.
	Trouble func(Script)
}

// Script says what happens to each write and each read; nil: nothing.
type Script struct{ Writes, Reads func() Trouble }

// Next is what happens to the next request.
func (s Script) Next(write bool) Trouble {
	script := s.Reads
	if write {
		script = s.Writes
	}
	if script == nil {
		return NoTrouble
	}
	return script()
}

// Lab is where the core scenarios are played.
type Lab struct {
	// Items are claimed, with Writes requests if none is lost, within Long.
	Items  []cloud.Item
	Writes int
	Long   time.Duration
	// In plays a scenario in a world of its own, in virtual time.
	In func(t *testing.T, items []cloud.Item, scenario func(World))
}

// always makes a script of one trouble.
func always(x Trouble) func() Trouble { return func() Trouble { return x } }

// first makes a script of n troubles, and none after them.
func first(n int, x Trouble) func() Trouble {
	return func() Trouble {
		if n--; n >= 0 {
			return x
		}
		return NoTrouble
	}
}

// met fails the test unless a script has made trouble.
func met(t *testing.T, script func() Trouble) func() Trouble {
	t.Helper()
	n := 0
	t.Cleanup(func() {
		if n == 0 {
			t.Error("there was no trouble: the scenario shows nothing")
		}
	})
	return func() Trouble {
		x := script()
		if x != NoTrouble {
			n++
		}
		return x
	}
}

// Core plays the scenarios that every provider must pass, whatever its cloud's
// dialect. Their numbers are those of docs/clouds/scenarios.md.
func Core(t *testing.T, l Lab) {
	for name, scenario := range map[string]func(*testing.T, Lab, World){
		"01 clean takeover": clean, "02 already owned": owned, "04 reply lost after the write": replyLost,
		"05 request lost": requestLost, "07 throttled": throttled, "08 errors are unknown": errorsAreUnknown,
		"09 API dead for ten minutes": deadAPI, "15 demoted in flight": demotedInFlight,
	} {
		t.Run(name, func(t *testing.T) { l.In(t, l.Items, func(w World) { scenario(t, l, w) }) })
	}
}

func clean(t *testing.T, l Lab, w World) {
	a, b := w.A, w.B
	a.Stop()
	b.Master(cloud.CausePriorityZero)
	Wait(l.Long)
	w.Holds(b, l.Items...)
	b.State(t, cloud.StateHeld)
	if n := w.Writes(b); n != l.Writes {
		t.Errorf("%d writes, want %d", n, l.Writes)
	}
	for _, it := range b.Status().Items {
		if it.Owner != cloud.Self || time.Since(it.Verified) > time.Minute {
			t.Errorf("not verified: %s", JSON(it))
		}
	}
}

func owned(t *testing.T, _ Lab, w World) {
	a := w.A
	a.Master(cloud.CauseMasterDown)
	Wait(10 * time.Minute)
	a.State(t, cloud.StateHeld)
	if n := w.Writes(a); n != 0 {
		t.Errorf("%d writes of what was ours already: %s", n, a.Audit)
	}
}

func replyLost(t *testing.T, l Lab, w World) {
	b := w.B
	w.Trouble(Script{Writes: met(t, always(LostReply))})
	b.Master(cloud.CausePriorityZero)
	Wait(time.Minute)
	w.Holds(b, l.Items...)
	b.State(t, cloud.StateHeld)
	if n := w.Writes(b); n != l.Writes {
		t.Errorf("%d writes, want %d: what is read to be done is not done again", n, l.Writes)
	}
}

func requestLost(t *testing.T, l Lab, w World) {
	b := w.B
	w.Trouble(Script{Writes: met(t, first(3, LostRequest))})
	b.Master(cloud.CausePriorityZero)
	Wait(45 * time.Second)
	w.Holds(b, l.Items...)
	b.State(t, cloud.StateHeld)
}

func throttled(t *testing.T, l Lab, w World) {
	b := w.B
	w.Trouble(Script{Writes: met(t, first(5, Throttled))})
	b.Master(cloud.CausePriorityZero)
	Wait(time.Minute)
	w.Holds(b, l.Items...)
	b.State(t, cloud.StateHeld)
	if n := w.Writes(b); n > l.Writes+7 {
		t.Errorf("%d writes: throttling was not answered by waiting", n)
	}
}

func errorsAreUnknown(t *testing.T, _ Lab, w World) {
	a := w.A
	a.Master(cloud.CausePriorityZero)
	Wait(time.Minute)
	for _, x := range []Trouble{Broken, LostRequest, LostReply} {
		w.Trouble(Script{always(x), met(t, always(x))})
		Wait(2 * time.Minute)
		s := a.Status()
		if s.State != cloud.StateHeld || s.LastError == "" {
			t.Errorf("%s", JSON(s))
		}
		for _, it := range s.Items {
			if it.Owner != cloud.Unknown || it.Known != cloud.Self || it.Losses != 0 {
				t.Errorf("what cannot be read must stay ours until somebody says otherwise: %s", JSON(it))
			}
		}
	}
	if n := w.Writes(a); n != 0 {
		t.Errorf("%d writes on the strength of an unreadable reply", n)
	}
}

func deadAPI(t *testing.T, l Lab, w World) {
	b := w.B
	w.Trouble(Script{always(LostRequest), met(t, always(LostRequest))})
	b.Master(cloud.CausePriorityZero)
	Wait(10 * time.Minute)
	b.State(t, cloud.StateClaiming)
	if !b.Status().Late {
		t.Error("a claim that takes ten minutes is not called late")
	}
	w.Trouble(Script{})
	Wait(15*time.Second + l.Long)
	w.Holds(b, l.Items...)
	b.State(t, cloud.StateHeld)
}

func demotedInFlight(t *testing.T, l Lab, w World) {
	a, b := w.A, w.B
	w.Trouble(Script{Writes: met(t, always(Slow))})
	b.Master(cloud.CausePriorityZero)
	Wait(100 * time.Millisecond)
	b.Backup()
	Wait(10 * time.Minute)
	w.Holds(a, l.Items...)
}
