// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/govrrp/vrrpd/internal/demo"
)

func (a *app) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Two routers on this machine, failing over before your eyes",
		Long: `Two routers and a client in network namespaces of their own, if this user may
make some, else the same engine on a simulated network. It ends by itself within
30 seconds and leaves nothing behind.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			err := demo.Run(c.Context(), a.stdout)
			if !errors.Is(err, demo.ErrNoNamespaces) {
				return err
			}
			fmt.Fprintf(a.stdout, "%v; the same engine on a simulated network instead:\n\n", err)
			return demo.Simulated(c.Context(), a.stdout)
		},
	}
}

// labCommand and routerCommand are the processes of the demonstration.
func (a *app) labCommand() *cobra.Command {
	return &cobra.Command{
		Use: demo.LabCommand + " DIR", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			err := demo.Lab(c.Context(), args[0], a.stdout)
			var none interface{ ExitCode() int }
			if errors.As(err, &none) {
				return &exitError{none.ExitCode(), nil}
			}
			return err
		},
	}
}

func (a *app) routerCommand() *cobra.Command {
	return &cobra.Command{
		Use: demo.RouterCommand + " CONFIG SOCKET ADDRESS", Hidden: true, Args: cobra.ExactArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			return demo.Router(args[2], os.Stdin, func() error {
				o := runOptions{logFormat: "text", log: a.stderr}
				o.ConfigPath, o.Socket = args[0], args[1]
				o.Node = strings.TrimSuffix(args[0], ".conf")
				return a.runDaemon(c.Context(), o)
			})
		},
	}
}
