// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/netip"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/internal/cloudprovider"
)

func (a *app) cloudCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "cloud", Short: "Look at this node's cloud: check, plan, policy", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.cloudCheckCommand(), a.cloudPlanCommand(), a.cloudPolicyCommand())
	for _, sub := range c.Commands() {
		sub.Args = cobra.ExactArgs(1)
	}
	return c
}

// connect reaches the cloud the flags name.
func (o *claimOptions) connect(ctx context.Context, name string) (cloud.Provider, []cloud.Item, error) {
	o.Provider = name
	items, err := o.items()
	if err != nil {
		return nil, nil, &exitError{exitUsage, err}
	}
	p, err := cloudprovider.New(ctx, o.Options)
	return p, items, err
}

func (a *app) cloudCheckCommand() *cobra.Command {
	var o claimOptions
	var probe bool
	var peer string
	c := &cobra.Command{
		Use:   "check oci|aws|azure|auto",
		Short: "Look for what would make a takeover fail, changing nothing",
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), o.timeout)
			defer cancel()
			p, items, err := o.connect(ctx, args[0])
			if err != nil {
				return err
			}
			checker, ok := p.(cloud.Checker)
			if !ok {
				return fmt.Errorf("%s has no preflight", args[0])
			}
			opts, err := preflightOptions(peer, probe)
			if err != nil {
				return err
			}
			return a.printFindings(checker.Check(ctx, items, opts), o.json)
		},
	}
	o.flags(c)
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
				fmt.Fprintf(t, "\t\t\tfix: %s\n", f.Fix)
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
	var o claimOptions
	c := &cobra.Command{
		Use:   "plan oci|aws|azure|auto",
		Short: "Show who owns what, and which writes a claim would send",
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), o.timeout)
			defer cancel()
			p, items, err := o.connect(ctx, args[0])
			if err != nil {
				return err
			}
			node, err := p.Discover(ctx)
			if err != nil {
				return err
			}
			observed := p.Observe(ctx, node, items)
			for _, x := range observed {
				fmt.Fprintf(a.stdout, "%s\t%s\t%s\n", x.Item.Key(), x.Owner, x.Holder)
			}
			for _, s := range p.Plan(node, observed) {
				fmt.Fprintf(a.stdout, "would %s\t%s\n", s.Op, s.Resource)
			}
			return nil
		},
	}
	o.flags(c)
	return c
}

// policyRenderer is a provider that can say which permissions it needs.
type policyRenderer interface {
	Policy(ctx context.Context, items []cloud.Item, opts cloud.CheckOptions) (string, error)
}

func (a *app) cloudPolicyCommand() *cobra.Command {
	var o claimOptions
	var peer string
	c := &cobra.Command{
		Use:   "policy oci|aws|azure|auto",
		Short: "Print the least permissions a claim needs, with the ids found here",
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), o.timeout)
			defer cancel()
			p, items, err := o.connect(ctx, args[0])
			if err != nil {
				return err
			}
			r, ok := p.(policyRenderer)
			if !ok {
				return fmt.Errorf("%s renders no policy: see docs/clouds", args[0])
			}
			opts, err := preflightOptions(peer, false)
			if err != nil {
				return err
			}
			text, err := r.Policy(ctx, items, opts)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.stdout, text)
			return err
		},
	}
	o.flags(c)
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
