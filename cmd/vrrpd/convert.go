// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/govrrp/vrrpd/internal/config/convert"
)

func (a *app) convertCommand() *cobra.Command {
	var from string
	c := &cobra.Command{
		Use:   "convert --from vyatta|vyos|vns3 FILE",
		Short: "Write a keepalived.conf from another router's configuration",
		Long: `Reads set commands or configuration trees of Vyatta (IBM Virtual Router
Appliance) and VyOS, and the variables of VNS3's HA plug-in. The result goes to
stdout with a comment for each line it came from; what has no counterpart is
listed on stderr and in the result, and makes the exit code 1.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.convert(from, args[0]) },
	}
	var names []string
	for _, d := range convert.Dialects() {
		names = append(names, string(d))
	}
	c.Flags().StringVar(&from, "from", "", strings.Join(names, ", "))
	_ = c.MarkFlagRequired("from") // the flag exists
	return c
}

func (a *app) convert(from, file string) error {
	src, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	res, err := convert.Convert(convert.Dialect(from), file, src)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if _, err := fmt.Fprint(a.stdout, res.Text); err != nil {
		return err
	}
	for _, l := range res.Left {
		fmt.Fprintf(a.stderr, "%s:%d: not converted: %s: %s\n", file, l.Line, l.Text, l.Why)
	}
	if n := len(res.Left); n > 0 {
		return &exitError{exitFailed, fmt.Errorf("%d lines have no counterpart", n)}
	}
	return nil
}
