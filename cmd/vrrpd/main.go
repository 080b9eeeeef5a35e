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
	understood     bool // the command line is right: what fails now is no matter of usage
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
	c, err := root.ExecuteContextC(ctx)
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
	if !a.understood {
		fmt.Fprintf(stderr, "Run '%s --help' for usage.\n", c.CommandPath())
		code = exitUsage
	}
	return code
}

// asKeepalived reports whether the program was called the way keepalived is:
// under its name, or with its options and no command.
func asKeepalived(args []string) bool {
	if strings.HasPrefix(filepath.Base(args[0]), "keepalived") {
		return true
	}
	args = args[1:]
	switch {
	case len(args) == 0:
		return false
	case args[0] == "--socket" && len(args) > 2:
		args = args[2:]
	case strings.HasPrefix(args[0], "--socket=") && len(args) > 1:
		args = args[1:]
	}
	switch args[0] {
	case "-h", "--help", "--version":
		return false
	}
	return strings.HasPrefix(args[0], "-")
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

		PersistentPreRunE: a.understand,
	}
	root.PersistentFlags().StringVar(&a.socket, "socket", control.DefaultSocket, "control socket of the daemon")
	root.AddCommand(
		a.demoCommand(), a.runCommand(), a.checkCommand(),
		a.statusCommand(), a.watchCommand(), a.explainCommand(),
		a.reloadCommand(), a.planCommand(), a.failoverCommand(),
		a.convertCommand(), a.decodeCommand(), a.claimCommand(), a.cloudCommand(), a.witnessCommand(), a.simulateCommand(), a.replayCommand(),
		a.labCommand(), a.routerCommand(),
	)
	return root
}

// understand runs when flags and arguments have been found right.
func (a *app) understand(c *cobra.Command, _ []string) error {
	if err := c.ValidateRequiredFlags(); err != nil {
		return err
	}
	a.understood = true
	return nil
}

// software is the version of this program.
func software() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
