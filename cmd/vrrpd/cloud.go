// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/internal/cloudprovider"
	"github.com/govrrp/vrrpd/internal/daemon"
)

func (a *app) cloudCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "cloud", Short: "Look at this node's cloud: check, plan, policy, status", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.cloudCheckCommand(), a.cloudPlanCommand(), a.cloudPolicyCommand(), a.cloudStatusCommand())
	return c
}

// reached is a cloud that a command talks to, and the items that it names.
type reached struct {
	cloud.Provider
	name  string
	items []cloud.Item
	json  bool
}

// cloudSubcommand makes a command that reaches the cloud that its argument and
// flags name, within the time they give.
func cloudSubcommand(name, short string, run func(ctx context.Context, to reached) error) *cobra.Command {
	var o claimOptions
	c := &cobra.Command{
		Use: name + " oci|aws|azure|auto", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), o.timeout)
			defer cancel()
			o.Provider = args[0]
			items, err := o.items()
			if err != nil {
				return &exitError{exitUsage, err}
			}
			p, err := cloudprovider.New(ctx, o.Options)
			if err != nil {
				return err
			}
			ctx = cloud.WithLimiter(ctx, cloud.NewLimiterWithRates(nil, cloudprovider.Rates(o.Provider)))
			return run(ctx, reached{p, args[0], items, o.json})
		},
	}
	o.flags(c)
	return c
}

func (a *app) cloudCheckCommand() *cobra.Command {
	var probe bool
	var peer string
	c := cloudSubcommand("check", "Look for what would make a takeover fail, changing nothing", func(ctx context.Context, to reached) error {
		checker, ok := to.Provider.(cloud.Checker)
		if !ok {
			return fmt.Errorf("%s has no preflight", to.name)
		}
		opts, err := preflightOptions(peer, probe)
		if err != nil {
			return err
		}
		return a.printFindings(checker.Check(ctx, to.items, opts), to.json)
	})
	c.Flags().BoolVar(&probe, "probe-writes", false, "also send writes that the cloud must refuse after it has authorised them")
	c.Flags().StringVar(&peer, "peer", "", "the other node's private address")
	return c
}

// printFindings prints what a preflight found; a failure is exit code 1.
func (a *app) printFindings(findings []cloud.Finding, asJSON bool) error {
	worst := cloud.SeverityOK
	for _, f := range findings {
		worst = max(worst, f.Severity)
	}
	if asJSON {
		if err := printJSON(a.stdout, findings); err != nil {
			return err
		}
	} else {
		t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
		for _, f := range findings {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.Severity, f.Check, f.Item, f.Text)
			if f.Fix != "" {
				fmt.Fprintf(t, "\t\t\tfix: %s\n", strings.ReplaceAll(strings.TrimSpace(f.Fix), "\n", "\n\t\t\t     "))
			}
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if worst == cloud.SeverityFail {
		return &exitError{code: exitFailed}
	}
	return nil
}

func (a *app) cloudPlanCommand() *cobra.Command {
	return cloudSubcommand("plan", "Show who owns what, and which writes a claim would send", func(ctx context.Context, to reached) error {
		node, err := to.Discover(ctx)
		if err != nil {
			return err
		}
		observed := to.Observe(ctx, node, to.items)
		steps := to.Plan(node, observed)
		if to.json {
			return printJSON(a.stdout, planOf(observed, steps))
		}
		t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
		for _, x := range observed {
			fmt.Fprintf(t, "%s\t%s\t%s\n", x.Item.Key(), x.Owner, orDash(x.Holder))
			if x.Err != nil {
				fmt.Fprintf(t, "\t\t%v\n", x.Err)
			}
		}
		for _, s := range steps {
			fmt.Fprintf(t, "would %s\t%s\t\n", s.Op, s.Resource)
		}
		return t.Flush()
	})
}

// cloudPlan is what cloud plan --json prints.
type cloudPlan struct {
	Items  []daemon.ItemView `json:"items"`
	Writes []plannedWrite    `json:"writes"`
}

type plannedWrite struct {
	Op       string   `json:"op"`
	Resource string   `json:"resource"`
	Items    []string `json:"items"`
}

func planOf(observed []cloud.Observed, steps []cloud.Step) cloudPlan {
	out := cloudPlan{Items: []daemon.ItemView{}, Writes: []plannedWrite{}}
	for _, x := range observed {
		v := daemon.ItemView{Key: x.Item.Key(), Owner: x.Owner.String(), Holder: x.Holder}
		if x.Err != nil {
			v.Error = x.Err.Error()
		}
		out.Items = append(out.Items, v)
	}
	for _, s := range steps {
		w := plannedWrite{Op: s.Op, Resource: s.Resource}
		for _, it := range s.Items {
			w.Items = append(w.Items, it.Key())
		}
		out.Writes = append(out.Writes, w)
	}
	return out
}

// policyRenderer is a provider that can say which permissions it needs.
type policyRenderer interface {
	Policy(ctx context.Context, items []cloud.Item, opts cloud.CheckOptions) (string, error)
}

func (a *app) cloudPolicyCommand() *cobra.Command {
	var peer string
	c := cloudSubcommand("policy", "Print the least permissions a claim needs, with the ids found here", func(ctx context.Context, to reached) error {
		r, ok := to.Provider.(policyRenderer)
		if !ok {
			return fmt.Errorf("%s renders no policy: see docs/clouds", to.name)
		}
		opts, err := preflightOptions(peer, false)
		if err != nil {
			return err
		}
		text, err := r.Policy(ctx, to.items, opts)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(a.stdout, text)
		return err
	})
	c.Flags().StringVar(&peer, "peer", "", "the other node's private address")
	return c
}

func preflightOptions(peer string, probe bool) (opts cloud.CheckOptions, err error) {
	opts = cloud.CheckOptions{ProbeWrites: probe, Now: time.Now}
	if peer == "" {
		return opts, nil
	}
	if opts.Peer, err = netip.ParseAddr(peer); err != nil {
		return opts, &exitError{exitUsage, err}
	}
	return opts, nil
}
