// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/internal/daemon"
)

func (a *app) cloudStatusCommand() *cobra.Command {
	var conf string
	var asJSON bool
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "status",
		Short: "Show what is claimed, who holds it, since when, and when that was last read",
		Long: `Asks the daemon. With --conf, no daemon is asked: the claims of the file are read
from the cloud itself, once.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			claims, err := a.cloudClaims(ctx, conf)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.stdout, claims)
			}
			return printClaims(a.stdout, claims, time.Now())
		},
	}
	c.Flags().StringVar(&conf, "conf", "", "read the claims of this file from the cloud, without a daemon")
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	c.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "give up after")
	return c
}

func (a *app) cloudClaims(ctx context.Context, conf string) ([]daemon.ClaimView, error) {
	if conf == "" {
		s, err := control.Dial(a.socket).Status(ctx)
		if err != nil {
			return nil, err
		}
		return daemon.Claims(s)
	}
	o := daemon.Options{ConfigPath: conf}
	cfg, _, err := daemon.Load(o)
	if err != nil {
		return nil, err
	}
	return daemon.ObserveClaims(ctx, cfg, o)
}

// printClaims prints a table for each claim and, below it, what deserves a look.
func printClaims(w io.Writer, claims []daemon.ClaimView, now time.Time) error {
	if len(claims) == 0 {
		_, err := fmt.Fprintln(w, "no claims")
		return err
	}
	for n, c := range claims {
		if n > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, claimHeader(c, now))
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		if len(c.Items) > 0 {
			fmt.Fprintln(t, "  ITEM\tOWNER\tHOLDER\tSINCE\tVERIFIED")
		}
		for _, it := range c.Items {
			verified := "never"
			if !it.Verified.IsZero() {
				verified = age(now, it.Verified) + " ago"
			}
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\n", it.Key, it.Owner, orDash(it.Holder), age(now, it.Since), verified)
		}
		if err := t.Flush(); err != nil {
			return err
		}
		for _, line := range claimRemarks(c) {
			fmt.Fprintln(w, "  ! "+line)
		}
	}
	return nil
}

func claimHeader(c daemon.ClaimView, now time.Time) string {
	parts := []string{c.Name, c.Mode}
	if c.State != "" {
		parts = append(parts, c.State+" for "+age(now, c.Since))
	}
	if where := strings.TrimSpace(c.Provider + " " + c.Node); where != "" {
		parts = append(parts, where)
	}
	if c.Probe != nil {
		open := "closed"
		if c.Probe.Open {
			open = "open"
		}
		parts = append(parts, fmt.Sprintf("port %d %s", c.Probe.Port, open))
	}
	if c.Capture != nil {
		parts = append(parts, fmt.Sprintf("%d routes learned", c.Capture.Routes))
	}
	return strings.Join(parts, ", ")
}

func claimRemarks(c daemon.ClaimView) (lines []string) {
	add := func(text string) {
		if text != "" {
			lines = append(lines, text)
		}
	}
	add(c.Fault)
	for _, it := range c.Items {
		if it.Error != "" {
			add(it.Key + ": " + it.Error)
		}
	}
	for _, f := range c.Findings {
		text := f.Text
		if f.Item != "" && !strings.Contains(text, f.Item) {
			text = f.Item + ": " + text
		}
		if f.Fix != "" {
			text += " (" + f.Fix + ")"
		}
		add(text)
	}
	if c.Probe != nil {
		add(c.Probe.Error)
	}
	if len(lines) == 0 {
		add(c.LastError)
	}
	return lines
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
