// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"errors"
	"fmt"
	"io"
	"strings"
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
	// --seed and --duration.
	Command string
	// Progress, when set, is called after every run; false ends the simulation.
	Progress func(done, of int) (goOn bool)
}

// ErrViolated is returned when a run broke a rule. What and when has been
// written.
var ErrViolated = errors.New("sim: a rule was broken")

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

// traceLines is how much of a trace an explanation shows.
const traceLines = 40

// Explain writes how run r of o broke a rule: the command that replays it,
// the few faults that are enough, and the last events of the run with those.
func Explain(w io.Writer, o Options, r Result, command string) error {
	small, err := Shrink(o, r)
	if err != nil {
		return err
	}
	var b strings.Builder
	if o.Nodes > 0 {
		command += fmt.Sprintf(" --nodes %d", o.Nodes)
	}
	fmt.Fprintf(&b, "seed %d broke a rule: %v\nreplay: %s --seed %d --duration %v\n", r.Seed, r.Violations[0], command, r.Seed, o.Duration)
	fmt.Fprintf(&b, "%d of its %d faults are enough:\n", len(small.Faults), len(r.Faults))
	for _, f := range small.Faults {
		fmt.Fprintf(&b, "  %v\n", f)
	}
	var log tail
	o.Log, o.Faults, o.Calm = &log, small.Faults, true
	if _, err := Run(o); err != nil {
		return err
	}
	fmt.Fprintf(&b, "and this is what happens then:\n%s\n", strings.Join(log.lines, ""))
	_, err = io.WriteString(w, b.String())
	return err
}

// tail keeps the last lines written to it.
type tail struct{ lines []string }

func (t *tail) Write(p []byte) (int, error) {
	t.lines = append(t.lines, string(p))
	if len(t.lines) > traceLines {
		t.lines = t.lines[1:]
	}
	return len(p), nil
}
