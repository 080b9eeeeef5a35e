// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/internal/config/diag"
)

func (a *app) checkCommand() *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "check FILE [PEER-FILE]",
		Short: "Validate a configuration; with two files compare the two nodes",
		Args:  cobra.RangeArgs(1, 2),
		RunE:  func(_ *cobra.Command, args []string) error { return a.check(args, o) },
	}
	f := c.Flags()
	f.BoolVar(&o.json, "json", false, "print the diagnostics as JSON")
	f.BoolVar(&o.model, "model", false, "print the validated model as JSON on stdout")
	f.BoolVar(&o.strict, "strict", false, "exit 4 if there are warnings")
	f.BoolVar(&o.host, "host", false, "check this host too: interfaces, addresses, scripts")
	f.StringVar(&o.configID, "config-id", "", "selects lines marked @ID (default: the host name)")
	return c
}

type checkOptions struct {
	json, model, strict, host bool
	configID                  string
}

func (a *app) check(files []string, o checkOptions) error {
	load := config.Options{ConfigID: o.configID, Environ: os.Environ()}
	if o.host {
		load.Host = config.LocalHost{}
	}
	var all config.Diagnostics
	var cfgs []*config.Config
	for _, file := range files {
		cfg, diagnostics, err := config.Load(file, load)
		all = append(all, diagnostics...)
		if err != nil {
			return &exitError{exitErrors, err}
		}
		cfgs = append(cfgs, cfg)
	}
	if len(cfgs) == 2 {
		all = append(all, config.Compare(cfgs[0], cfgs[1])...)
	}
	if err := a.printDiagnostics(cfgs, all, o); err != nil {
		return err
	}
	if o.model {
		if err := printJSON(a.stdout, config.Model(cfgs[0])); err != nil {
			return err
		}
	}
	switch {
	case all.HasErrors():
		return &exitError{code: exitErrors}
	case o.strict && all.Count(diag.Warning) > 0:
		return &exitError{code: exitWarnings}
	}
	return nil
}

// printDiagnostics prints findings as JSON on stdout or, for people, on stderr.
func (a *app) printDiagnostics(cfgs []*config.Config, all config.Diagnostics, o checkOptions) error {
	if o.json && !o.model {
		if all == nil {
			all = config.Diagnostics{}
		}
		return printJSON(a.stdout, all)
	}
	if err := diag.Render(a.stderr, all, diag.Style{Color: isTerminal(a.stderr)}); err != nil {
		return err
	}
	instances, groups := 0, 0
	for _, c := range cfgs {
		instances += len(c.Instances)
		groups += len(c.SyncGroups)
	}
	fmt.Fprintf(a.stderr, "%s, %s: %s, %s, %s\n", count(instances, "instance"), count(groups, "sync-group"),
		count(all.Count(diag.Error), "error"), count(all.Count(diag.Warning), "warning"), count(all.Count(diag.Hint), "hint"))
	return nil
}

// count says how many there are, in English.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// isTerminal reports whether w shows colours to a person.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
