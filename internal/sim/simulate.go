// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"errors"
	"io"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/sim/world"
)

// SimulateOptions say what [Simulate] runs.
type SimulateOptions struct {
	First    uint64          // seed of the first run
	Seeds    int             // runs; 0 = 1
	Nodes    int             // see [Options]
	Duration time.Duration   // virtual, of each; 0 = 1 hour
	Configs  []engine.Config // one a node; none = made from each seed
	Faults   []world.Fault   // instead of those made from each seed
	Trace    bool            // write every event of every run
	Frames   world.Verbosity // of Trace

	// Command is how the user came here, for the line that replays a run:
	// "vrrpd simulate --conf FILE". What names the run is added: --nodes,
	// --seed, --seeds and --duration.
	Command string
	// Progress, when set, is called after every run; false ends the simulation.
	Progress func(done, of int) (goOn bool)
}

// ErrViolated is returned when a run broke a rule. What and when has been
// written.
var ErrViolated = errors.New("a rule was broken")

// maxExplained is how many broken runs are shrunk and shown.
const maxExplained = 3

// Simulate runs many universes and writes what became of them: each run that
// broke a rule with the few faults that matter and its last events, then the
// times without a MASTER and with two.
func Simulate(w io.Writer, o SimulateOptions) error {
	if o.Duration == 0 {
		o.Duration = time.Hour
	}
	o.Seeds = max(o.Seeds, 1)
	if o.Command == "" {
		o.Command = "vrrpd simulate"
	}
	var sum Summary
	for i := range o.Seeds {
		run := o.options(o.First + uint64(i))
		if o.Trace {
			run.Log = w
		}
		r, err := Run(run)
		if err != nil {
			return err
		}
		lived := o.Duration
		if len(r.Violations) > 0 {
			lived = r.Violations[0].At
		}
		sum.Add(r, lived)
		if len(r.Violations) > 0 && len(sum.Failed) <= maxExplained {
			if err := Explain(w, o.options(r.Seed), r, o.Command); err != nil {
				return err
			}
		}
		if o.Progress != nil && !o.Progress(i+1, o.Seeds) {
			break
		}
	}
	if err := sum.Write(w); err != nil {
		return err
	}
	if len(sum.Failed) > 0 {
		return ErrViolated
	}
	return nil
}

func (o *SimulateOptions) options(seed uint64) Options {
	return Options{Seed: seed, Nodes: o.Nodes, Duration: o.Duration, Configs: o.Configs, Faults: o.Faults, Frames: o.Frames}
}
