// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/sim/world"
	"github.com/govrrp/vrrpd/vrrp"
)

// traceLines is how much of a trace an explanation shows.
const traceLines = 40

// Explain writes how run r of o broke a rule: the command that replays it, the
// routers, the few faults that are enough, and the last events of the run with
// those.
func Explain(w io.Writer, o Options, r Result, command string) error {
	small, err := Shrink(o, r)
	if err != nil {
		return err
	}
	var b strings.Builder
	if o.Nodes > 0 {
		command += fmt.Sprintf(" --nodes %d", o.Nodes)
	}
	fmt.Fprintf(&b, "seed %d broke a rule: %v\nreplay: %s --seed %d --seeds 1 --duration %v --trace\n", r.Seed, r.Violations[0], command, r.Seed, o.Duration)
	o.Faults, o.Calm, o.Log = small.Faults, true, nil
	s, err := o.setup()
	if err != nil {
		return err
	}
	b.WriteString("the routers:\n")
	if err := writeNodes(&b, s.Nodes); err != nil {
		return err
	}
	fmt.Fprintf(&b, "%d of its %d faults are enough; --faults FILE takes them:\n", len(small.Faults), len(r.Faults))
	for _, f := range small.Faults {
		fmt.Fprintf(&b, "  %v\n", f)
	}
	var log tail
	o.Log = &log
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

// writeNodes writes a line for each router of each node.
func writeNodes(w io.Writer, nodes []world.Node) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, n := range nodes {
		for _, r := range n.Config.Routers {
			c := &r.Config
			fmt.Fprintf(t, "  %s\t%s\t%s\tvrid %d\tVRRPv%d, %v\tpriority %d\tevery %v\t%s\n",
				n.Name, r.Name, c.ID.Interface, c.ID.VRID, c.Version, c.ID.Family, c.Priority, c.Interval, strings.Join(traits(&n, &r), ", "))
		}
	}
	return t.Flush()
}

// traits are what is special about a router.
func traits(n *world.Node, r *engine.Router) (all []string) {
	add := func(yes bool, format string, args ...any) {
		if yes {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	add(n.Habits != world.None, "behaves like %s", n.Habits)
	add(r.Unicast(), "unicast")
	add(r.NoPreempt, "nopreempt")
	add(r.PreemptDelay > 0, "preempt delay %v", r.PreemptDelay)
	add(r.StartDelay > 0, "start delay %v", r.StartDelay)
	add(r.AuthType == vrrp.AuthPass, "password")
	add(r.HMAC != nil, "HMAC")
	for _, g := range n.Config.Groups {
		for _, m := range g.Members {
			add(m == r.Name, "in group %s", g.Name)
		}
	}
	for _, t := range r.Tracks {
		add(true, "tracks %s %s (%d)", t.Kind, t.Name, t.Weight)
	}
	return all
}
