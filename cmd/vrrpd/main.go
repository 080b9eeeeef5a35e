// SPDX-License-Identifier: Apache-2.0

// Command vrrpd is a VRRP daemon in keepalived's place, and the tools around
// it. Run "vrrpd demo" to see it work, "vrrpd help" for everything else.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/govrrp/vrrpd/internal/control"
)

// The exit codes. Data goes to stdout, talk to stderr.
const (
	exitFailed   = 1
	exitUsage    = 2
	exitErrors   = 3 // the configuration has errors
	exitWarnings = 4 // --strict: the configuration has warnings
)

// exitError is an error with its exit code. A nil error prints nothing: what
// there was to say has been said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// app is what every command needs.
type app struct {
	stdout, stderr io.Writer
	socket         string
}

func main() { os.Exit(run(os.Args, os.Stdout, os.Stderr)) }

// run is main without its process, for tests.
func run(args []string, stdout, stderr io.Writer) int {
	a := &app{stdout: stdout, stderr: stderr}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := a.root()
	if asKeepalived(args) {
		root = a.keepalived(filepath.Base(args[0]))
	}
	root.SetArgs(args[1:])
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	code := exitFailed
	var e *exitError
	if errors.As(err, &e) {
		code = e.code
	}
	if e == nil || e.err != nil {
		fmt.Fprintf(stderr, "vrrpd: %v\n", err)
	}
	return code
}

// asKeepalived reports whether the program was called the way keepalived is:
// under its name, or with its options and no command.
func asKeepalived(args []string) bool {
	if strings.HasPrefix(filepath.Base(args[0]), "keepalived") {
		return true
	}
	if len(args) == 1 {
		return false
	}
	switch args[1] {
	case "-h", "--help", "--version":
		return false
	}
	return strings.HasPrefix(args[1], "-")
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "vrrpd",
		Short: "VRRP in keepalived's place, and in clouds",
		Long: `vrrpd elects one of several routers MASTER by VRRPv2 or VRRPv3, on LANs and, by
unicast, in clouds. It reads keepalived.conf. Called with keepalived's own
options (vrrpd -f FILE -n -l …) it runs as keepalived would.`,
		Version:       software(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&a.socket, "socket", control.DefaultSocket, "control socket of the daemon")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{exitUsage, err} })
	root.AddCommand(
		a.demoCommand(), a.runCommand(), a.checkCommand(),
		a.statusCommand(), a.watchCommand(), a.explainCommand(),
		a.reloadCommand(), a.planCommand(), a.failoverCommand(),
		a.convertCommand(), a.decodeCommand(), a.claimCommand(), a.cloudCommand(), a.simulateCommand(), a.replayCommand(),
		a.labCommand(), a.routerCommand(),
	)
	for _, c := range root.Commands() {
		if c.Args != nil {
			c.Args = usage(c.Args)
		}
	}
	return root
}

// usage gives wrong arguments their exit code.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return &exitError{exitUsage, err}
		}
		return nil
	}
}

// software is the version of this program.
func software() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
