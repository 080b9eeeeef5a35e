// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/govrrp/vrrpd/internal/control"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain NAME",
		Short: "Say why an instance or sync group is in the state it is in",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			client := control.Dial(a.socket)
			s, err := client.Status(c.Context())
			if err != nil {
				return err
			}
			decisions, err := client.Decisions(c.Context(), args[0])
			if err != nil {
				return err
			}
			var b strings.Builder
			if i, ok := s.Instance(args[0]); ok {
				explain(&b, i, time.Now())
			} else {
				explainGroup(&b, s, args[0], time.Now())
			}
			b.WriteString("Decisions, newest last:\n")
			for _, d := range decisions {
				fmt.Fprintf(&b, "  %s  %-10s  %s", d.At.Format("15:04:05.000"), d.What, d.Text)
				if d.Source != "" {
					fmt.Fprintf(&b, "  [%s]", d.Source)
				}
				b.WriteByte('\n')
			}
			_, err = io.WriteString(a.stdout, b.String())
			return err
		},
	}
}

// explain says in words what the status says in fields.
func explain(w io.Writer, i *control.Instance, now time.Time) {
	fmt.Fprintf(w, "%s is %s for %s.\n", i.Name, i.State, age(now, i.Since))
	for _, f := range i.Faults {
		fmt.Fprintf(w, "  It cannot serve: %s (for %s).\n", f.Reason, age(now, f.Since))
	}
	if i.HeldUntil != nil {
		fmt.Fprintf(w, "  Its start delay holds it for another %s.\n", i.HeldUntil.Sub(now).Round(time.Millisecond))
	}
	if i.AsideUntil != nil && i.AsideUntil.After(now) {
		fmt.Fprintf(w, "  It has stepped aside for another %s.\n", i.AsideUntil.Sub(now).Round(time.Second))
	}
	if i.Waiting {
		fmt.Fprintln(w, "  It waits for the first result of a tracked object.")
	}
	if i.SyncGroup != "" {
		fmt.Fprintf(w, "  It moves with sync group %s.\n", i.SyncGroup)
	}
	switch {
	case i.State == "BACKUP" && i.Master != nil && i.Master.LastHeard != nil:
		left := i.MasterDown - now.Sub(*i.Master.LastHeard).Seconds()
		fmt.Fprintf(w, "  It hears %s with priority %d; if that falls silent it takes over in %.3f s.\n", i.Master.Address, i.Master.Priority, max(left, 0))
	case i.State == "BACKUP":
		fmt.Fprintf(w, "  It has heard no MASTER and takes over %.3f s after it began to listen.\n", i.MasterDown)
	}
	for _, p := range i.Peers {
		if i.State == "MASTER" && p.LastHeard == nil {
			fmt.Fprintf(w, "  It has never heard %s: right while that is BACKUP, for only the MASTER speaks.\n", p.Address)
		}
	}
	fmt.Fprintf(w, "  Priority %d = %d configured", i.Priority.Effective, i.Priority.Configured)
	for _, t := range i.Priority.Terms {
		if t.Delta != 0 {
			fmt.Fprintf(w, " %+d (%s %s)", t.Delta, t.Kind, t.Name)
		}
	}
	fmt.Fprintln(w, ".")
	for _, t := range i.Priority.Terms {
		fmt.Fprintf(w, "  %s %s is %s, weight %d.\n", t.Kind, t.Name, judgement(t), t.Weight)
	}
}

// explainGroup says what each member has to do with the group's state.
func explainGroup(w io.Writer, s *control.Status, name string, now time.Time) {
	for _, g := range s.SyncGroups {
		if g.Name != name {
			continue
		}
		fmt.Fprintf(w, "%s is %s for %s.\n", g.Name, g.State, age(now, g.Since))
		for _, m := range g.Members {
			if i, ok := s.Instance(m); ok {
				explain(w, i, now)
			}
		}
	}
}

func judgement(t control.Term) string {
	switch {
	case !t.Known:
		return "not known yet"
	case t.Good:
		return "good"
	}
	if t.Detail == "" {
		return "bad"
	}
	return "bad: " + t.Detail
}
