// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestRandomHistories posts random events at random times to lanes of random speed, with
// reloads in between, and checks what must hold for every history.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) { randomHistory(t, rand.New(rand.NewPCG(seed, 1))) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func randomHistory(t *testing.T, r *rand.Rand) {
	subjects := []Subject{{Instance, "A"}, {Instance, "B"}, {Group, "A"}}
	posted := map[Subject][]string{}
	told := map[string]map[Subject][]string{} // by target
	target := func(name string, yields bool, busy *atomic.Int32) Hook {
		told[name] = map[Subject][]string{}
		speed := rand.New(rand.NewPCG(r.Uint64(), 1))
		return Hook{On: Everything(), Yields: yields, Target: Func(name, func(ctx context.Context, e Event) error {
			if busy.Add(1) > 1 {
				t.Errorf("%s runs beside another hook of its lane", name)
			}
			defer busy.Add(-1)
			heard := told[name]
			heard[e.Subject()] = append(heard[e.Subject()], string(e.State))
			if !yields {
				ctx = context.Background()
			}
			select {
			case <-time.After(time.Duration(speed.IntN(3000)) * time.Millisecond):
			case <-ctx.Done():
			}
			return nil
		})}
	}
	var scripts, fifo atomic.Int32
	lanes := []Lane{
		{Name: "scripts", Hooks: []Hook{target("first", false, &scripts), target("second", r.IntN(2) == 0, &scripts)}},
		{Name: "fifo", Depth: 1000, Hooks: []Hook{target("fifo", false, &fifo)}},
	}
	d := New(nil)
	set(t, d, lanes...)
	for range r.IntN(40) {
		e := Event{State: Everything()[r.IntN(len(Everything()))]}
		s := subjects[r.IntN(len(subjects))]
		e.Kind, e.Name = s.Kind, s.Name
		posted[s] = append(posted[s], string(e.State))
		d.Post(e)
		if r.IntN(10) == 0 {
			set(t, d, lanes...)
		}
		time.Sleep(time.Duration(r.IntN(1000)) * time.Millisecond)
	}
	closeAll(t, d)
	checkHistory(t, subjects, posted, told, d.Results())
}

func checkHistory(t *testing.T, subjects []Subject, posted map[Subject][]string, told map[string]map[Subject][]string, results []Result) {
	for _, s := range subjects {
		if !slices.Equal(told["fifo"][s], posted[s]) {
			t.Errorf("fifo: %v: got %v, want %v", s, told["fifo"][s], posted[s])
		}
		for _, name := range []string{"first", "second"} {
			if got, want := lastLasting(told[name][s]), lastLasting(posted[s]); got != want {
				t.Errorf("%s: %v: ends with %q, want %q", name, s, got, want)
			}
		}
	}
	for _, r := range results {
		if r.Running || r.Runs != uint64(len(told[r.Target][r.Subject])) || r.Runs+r.Superseded != uint64(len(posted[r.Subject])) {
			t.Errorf("%v told, %v posted, but %s", told[r.Target][r.Subject], posted[r.Subject], fmt.Sprintf("%+v", r))
		}
	}
}

func lastLasting(states []string) string {
	for _, s := range slices.Backward(states) {
		if State(s).Lasts() {
			return s
		}
	}
	return ""
}
