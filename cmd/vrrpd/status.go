// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/govrrp/vrrpd/internal/control"
)

func (a *app) statusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Show what the daemon knows",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := control.Dial(a.socket).Status(c.Context())
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if err := only(s, args[0]); err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(a.stdout, s)
			}
			return printStatus(a.stdout, s, time.Now())
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the whole status as JSON")
	return c
}

// only keeps one instance, or one sync-group and its members.
func only(s *control.Status, name string) error {
	keep := map[string]bool{name: true}
	var groups []control.Group
	for _, g := range s.SyncGroups {
		if g.Name == name {
			groups = append(groups, g)
			for _, m := range g.Members {
				keep[m] = true
			}
		}
	}
	var instances []control.Instance
	for _, i := range s.Instances {
		if keep[i.Name] {
			instances = append(instances, i)
		}
	}
	if len(instances)+len(groups) == 0 {
		return fmt.Errorf("no instance or sync group %q", name)
	}
	s.Instances, s.SyncGroups = instances, groups
	return nil
}

// printStatus prints a table and, below it, what deserves a look.
func printStatus(w io.Writer, s *control.Status, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "INSTANCE\tSTATE\tFOR\tPRIORITY\tINTERFACE\tVRID\tMASTER\tADDRESSES")
	for _, i := range s.Instances {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", i.Name, i.State, age(now, i.Since), priority(i.Priority),
			i.Interface, i.VRID, master(i), strings.Join(i.Addresses, " "))
	}
	if len(s.SyncGroups) > 0 {
		fmt.Fprintln(t, "\nGROUP\tSTATE\tFOR\tMEMBERS")
		for _, g := range s.SyncGroups {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", g.Name, g.State, age(now, g.Since), strings.Join(g.Members, " "))
		}
	}
	if claims := allClaims(s); len(claims) > 0 {
		fmt.Fprintln(t, "\nCLAIM\tSTATE\tFOR\tOWNER")
		for _, c := range claims {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", c.Name, c.State, age(now, c.Since), c.Owner)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, line := range findings(s, now) {
		fmt.Fprintln(w, line)
	}
	return nil
}

// allClaims are the claims of instances and groups. They bear the names of both.
func allClaims(s *control.Status) (all []control.Claim) {
	add := func(field json.RawMessage) {
		claims, _ := control.Claims(field) // what cannot be read is in the JSON
		all = append(all, claims...)
	}
	for _, i := range s.Instances {
		add(i.Claim)
	}
	for _, g := range s.SyncGroups {
		add(g.Claim)
	}
	return all
}

// findings is everything in the status that an operator should not miss.
func findings(s *control.Status, now time.Time) (lines []string) {
	say := func(who, format string, args ...any) {
		lines = append(lines, "! "+who+": "+fmt.Sprintf(format, args...))
	}
	failed := func(who string, calls []control.Notification) {
		for _, n := range calls {
			if n.Result != "ok" && n.Result != "running" && n.Runs > 0 {
				say(who, "%s for %s: %s", n.Target, n.State, n.Result)
			}
		}
	}
	for _, i := range s.Instances {
		for _, f := range i.Faults {
			say(i.Name, "%s (for %s)", f.Reason, age(now, f.Since))
		}
		if i.AsideUntil != nil && i.AsideUntil.After(now) {
			say(i.Name, "stepped aside for another %s", i.AsideUntil.Sub(now).Round(time.Second))
		}
		for _, p := range i.Peers {
			if p.AddressesDiffer {
				say(i.Name, "%s advertises other addresses", p.Address)
			}
			if i.State == "MASTER" && p.LastHeard != nil && p.Priority > 0 && now.Sub(*p.LastHeard).Seconds() < i.MasterDown && p.LastHeard.After(i.Since) {
				say(i.Name, "%s sends adverts too: two MASTERs", p.Address)
			}
		}
		for _, reason := range slices.Sorted(maps.Keys(i.Counters.Refused)) {
			if n := i.Counters.Refused[reason]; n > 0 {
				say(i.Name, "%d packets refused: %s", n, reason)
			}
		}
		failed(i.Name, i.Notify)
	}
	for _, g := range s.SyncGroups {
		failed(g.Name, g.Notify)
	}
	for _, c := range allClaims(s) {
		if c.LastError != "" && !c.Held() {
			say(c.Name, "%s", c.LastError)
		}
		if c.Late {
			say(c.Name, "not held long after it should be")
		}
		if c.Fault != "" {
			say(c.Name, "%s", c.Fault)
		}
	}
	if s.Config.LastReload != "" {
		say("configuration", "the last reload was refused: %s", s.Config.LastReload)
	}
	return lines
}

func priority(p control.Priority) string {
	if p.Configured == p.Effective {
		return fmt.Sprint(p.Effective)
	}
	return fmt.Sprintf("%d (of %d)", p.Effective, p.Configured)
}

func master(i control.Instance) string {
	switch {
	case i.Master == nil:
		return "-"
	case i.State == "MASTER":
		return "this node"
	}
	return i.Master.Address
}

func age(now, since time.Time) string {
	if since.IsZero() {
		return "-"
	}
	d := now.Sub(since)
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func (a *app) watchCommand() *cobra.Command {
	var every time.Duration
	c := &cobra.Command{
		Use:   "watch",
		Short: "Show the status live",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return a.watch(c.Context(), every) },
	}
	c.Flags().DurationVar(&every, "every", 500*time.Millisecond, "refresh period, at least 100ms")
	return c
}

// watch redraws on a terminal; elsewhere it prints one status after the other.
func (a *app) watch(ctx context.Context, every time.Duration) error {
	client := control.Dial(a.socket)
	tick := time.NewTicker(max(every, 100*time.Millisecond))
	defer tick.Stop()
	for {
		s, err := client.Status(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if isTerminal(a.stdout) {
			fmt.Fprint(a.stdout, "\x1b[H\x1b[2J")
		}
		fmt.Fprintf(a.stdout, "%s  %s\n\n", s.Node, time.Now().Format(time.TimeOnly))
		if err := printStatus(a.stdout, s, time.Now()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
