// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"io"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/sim/world"
)

// Options say what [Run] runs. The zero value of each field but Seed and
// Duration is a default.
type Options struct {
	Seed     uint64
	Nodes    int             // 1…16; 0 = as many as Configs, else 2…5 by the seed
	Duration time.Duration   // virtual
	Configs  []engine.Config // one a node; none = made from the seed. See [Spread].
	Faults   []world.Fault   // instead of those made from the seed
	Calm     bool            // no faults, not even made ones
	Log      io.Writer       // every event, one a line
	Frames   world.Verbosity // of Log

	// Observe, when set, sees every step of every node; outs are valid
	// during the call.
	Observe func(node string, now time.Time, in engine.Input, outs []engine.Output)
}

// Result is what became of a run.
type Result struct {
	Seed   uint64
	Faults []world.Fault // that were in force
	world.Result
}

// Run lives through one universe, or as much of it as passes before a rule is
// broken. Errors are in the options; broken rules are in the result.
func Run(o Options) (Result, error) {
	s, err := o.setup()
	if err != nil {
		return Result{}, err
	}
	w, err := world.New(s)
	if err != nil {
		return Result{}, fmt.Errorf("sim: %w", err)
	}
	w.RunUntil(o.Duration)
	return Result{Seed: o.Seed, Faults: s.Faults, Result: w.Result()}, nil
}

// setup makes the universe of the options.
func (o Options) setup() (s world.Setup, err error) {
	g := newGenerator(o.Seed)
	if len(o.Configs) > 0 {
		s, err = given(o)
	} else {
		s = g.universe(o.Nodes)
	}
	if err != nil {
		return s, err
	}
	s.Seed, s.Observe = o.Seed, o.Observe
	switch {
	case o.Faults != nil || o.Calm:
		s.Faults = o.Faults
	default:
		s.Faults = g.faults(s, o.Duration)
	}
	if o.Log != nil {
		s.Frames = o.Frames
		s.Trace = func(e world.Event) { fmt.Fprintln(o.Log, e) }
	}
	return s, nil
}

// Universe returns what [Run] makes of a seed alone, without its faults.
func Universe(seed uint64) (world.Setup, error) {
	return Options{Seed: seed, Calm: true}.setup()
}
