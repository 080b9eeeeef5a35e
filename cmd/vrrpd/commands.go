// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/internal/config/diag"
	"github.com/govrrp/vrrpd/internal/control"
)

func (a *app) reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Apply the daemon's configuration file again",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var diagnostics config.Diagnostics
			err := control.Dial(a.socket).Do(c.Context(), control.Command{Verb: "reload"}, &diagnostics)
			return a.reported(diagnostics, err)
		},
	}
}

// reported prints the diagnostics of an answer, and those of a refusal.
func (a *app) reported(diagnostics config.Diagnostics, err error) error {
	var refused *control.Refused
	if errors.As(err, &refused) {
		// A refusal without diagnostics has no detail, and none is printed.
		_ = json.Unmarshal(refused.Detail, &diagnostics)
	}
	if e := diag.Render(a.stderr, diagnostics, diag.Style{Color: isTerminal(a.stderr)}); e != nil {
		return e
	}
	if refused != nil && diagnostics.HasErrors() {
		return &exitError{exitErrors, err}
	}
	return err
}

func (a *app) planCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "plan [FILE]",
		Short: "Show what a reload would do: added, removed, changed live, and what would flap",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cmd := control.Command{Verb: "plan"}
			if len(args) == 1 {
				path, err := filepath.Abs(args[0])
				if err != nil {
					return err
				}
				cmd.File = path
			}
			var plan config.Plan
			if err := control.Dial(a.socket).Do(c.Context(), cmd, &plan); err != nil {
				return a.reported(nil, err)
			}
			if asJSON {
				return printJSON(a.stdout, plan)
			}
			return printPlan(a.stdout, plan)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the plan as JSON")
	return c
}

// printPlan prints a plan for people: one line a change, and what it does.
func printPlan(w io.Writer, p config.Plan) error {
	var b strings.Builder
	for _, name := range p.Removed {
		fmt.Fprintf(&b, "- %s: removed; a MASTER resigns\n", name)
	}
	for _, name := range p.Added {
		fmt.Fprintf(&b, "+ %s: added; starts in BACKUP\n", name)
	}
	for _, c := range p.Restarted {
		fmt.Fprintf(&b, "! %s: FLAPS, it starts anew\n", c.Name)
		printFields(&b, c)
	}
	for _, c := range p.Changed {
		fmt.Fprintf(&b, "~ %s: changed live, no transition\n", c.Name)
		printFields(&b, c)
	}
	for _, o := range p.Others {
		fmt.Fprintf(&b, "~ %s %s: %s\n", o.Block, o.Name, o.Change)
	}
	if p.Empty() {
		b.WriteString("Nothing would change.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printFields(b *strings.Builder, c config.InstanceChange) {
	if c.OldName != "" && c.OldName != c.Name {
		fmt.Fprintf(b, "    renamed from %s, keeps its state\n", c.OldName)
	}
	for _, f := range c.Fields {
		fmt.Fprintf(b, "    %s: %s -> %s", f.Keyword, f.Old, f.New)
		if f.Why != "" {
			fmt.Fprintf(b, " (%s)", f.Why)
		}
		b.WriteString("\n")
	}
}

func (a *app) failoverCommand() *cobra.Command {
	var aside time.Duration
	c := &cobra.Command{
		Use:   "failover NAME",
		Short: "Give up mastership of an instance or sync group",
		Long: `The instance, or every member of its sync group, sends priority 0 and steps
aside: for the given time it displaces no live peer. If no peer is heard it
takes mastership back after Master_Down_Interval. With nopreempt the peer keeps it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if aside <= 0 {
				return &exitError{exitUsage, errors.New("--for must be above 0")}
			}
			cmd := control.Command{Verb: "failover", Name: args[0], Seconds: aside.Seconds()}
			return control.Dial(a.socket).Do(c.Context(), cmd, &struct{}{})
		},
	}
	c.Flags().DurationVar(&aside, "for", time.Minute, "how long to stay aside")
	return c
}
