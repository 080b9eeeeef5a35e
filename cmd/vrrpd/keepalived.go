// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/syslog"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/internal/config/diag"
	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/internal/daemon"
)

// keepalivedOptions are keepalived(8)'s.
type keepalivedOptions struct {
	file, pid, vrrpPID, configID, facility string
	configTest, signum                     string
	foreground, console, noSyslog, dump    bool
	keep                                   bool
	detail                                 int
}

// keepalived is the command line of keepalived(8).
func (a *app) keepalived(name string) *cobra.Command {
	var o keepalivedOptions
	c := &cobra.Command{
		Use:           name + " [keepalived's options]",
		Short:         "Run as keepalived would",
		Version:       software(),
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,

		PersistentPreRunE: a.understand,
	}
	f := c.Flags()
	f.StringVarP(&o.file, "use-file", "f", "/etc/keepalived/keepalived.conf", "configuration file")
	f.BoolVarP(&o.foreground, "dont-fork", "n", false, "stay in the foreground")
	f.BoolVarP(&o.console, "log-console", "l", false, "log to the console")
	f.CountVarP(&o.detail, "log-detail", "D", "log more; twice for even more")
	f.StringVarP(&o.facility, "log-facility", "S", "daemon", "syslog facility: 0-7, local0-7, user or daemon")
	f.BoolVarP(&o.noSyslog, "no-syslog", "G", false, "do not log to syslog")
	f.BoolP("vrrp", "P", false, "only VRRP: always so")
	f.StringVarP(&o.configTest, "config-test", "t", "", "check the configuration and exit")
	f.Lookup("config-test").NoOptDefVal = "-"
	f.StringVarP(&o.pid, "pid", "p", "", "pid file")
	f.StringVarP(&o.vrrpPID, "vrrp_pid", "r", "", "second pid file, with the same content")
	f.StringVarP(&o.configID, "config-id", "i", "", "selects lines marked @ID")
	f.BoolVarP(&o.dump, "dump-conf", "d", false, "log the configuration")
	f.BoolVarP(&o.keep, "dont-release-vrrp", "V", false, "at the end keep addresses and send no priority 0")
	f.BoolP("help", "h", false, "help")
	f.BoolP("version", "v", false, "version")
	f.StringVar(&a.socket, "socket", control.DefaultSocket, "control socket")
	f.StringVar(&o.signum, "signum", "", "print the number of a signal: STOP, RELOAD, DATA, STATS, JSON")
	for _, x := range []struct{ long, short string }{
		{"release-vips", "X"}, {"dont-respawn", "R"}, {"no_bfd", "B"}, {"snmp", "x"}, {"core-dump", "m"}, {"all", ""},
	} {
		f.BoolP(x.long, x.short, false, "accepted, without effect here")
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		if o.signum != "" {
			return a.signum(o.signum)
		}
		if o.configTest != "" {
			return a.configTest(o)
		}
		return a.runAsKeepalived(c.Context(), name, o)
	}
	return c
}

// The result codes keepalived(8) documents for --config-test.
const (
	testCannotRun = 3
	testProblems  = 4
	testScripts   = 5
)

// configTest is keepalived -t.
func (a *app) configTest(o keepalivedOptions) error {
	out := a.stderr
	if o.configTest != "-" {
		f, err := os.Create(o.configTest)
		if err != nil {
			return &exitError{exitFailed, err}
		}
		defer f.Close()
		out = f
	}
	_, diagnostics, err := config.Load(o.file, config.Options{ConfigID: o.configID, Environ: os.Environ()})
	if err != nil {
		return &exitError{testCannotRun, err}
	}
	if err := diag.Render(out, diagnostics, diag.Style{}); err != nil {
		return &exitError{exitFailed, err}
	}
	scripts := false
	for _, d := range diagnostics {
		scripts = scripts || strings.HasPrefix(d.Rule, "script-security")
	}
	switch {
	case diagnostics.HasErrors():
		return &exitError{code: testCannotRun}
	case diagnostics.Count(diag.Warning) > 0 && scripts && diagnostics.Count(diag.Warning) == 1:
		return &exitError{code: testScripts}
	case diagnostics.Count(diag.Warning) > 0:
		return &exitError{code: testProblems}
	}
	return nil
}

// runAsKeepalived runs in the foreground with -n, else detached.
func (a *app) runAsKeepalived(ctx context.Context, name string, o keepalivedOptions) error {
	run := runOptions{logFormat: "keepalived", debug: o.detail > 1, pidFile: o.pid}
	run.ConfigPath, run.ConfigID, run.Socket, run.KeepAddresses = o.file, o.configID, a.socket, o.keep
	if !o.foreground && os.Getenv(detached) == "" {
		// What is wrong with the file is said while somebody can read it.
		if _, _, err := a.load(run.Options); err != nil {
			return err
		}
		return detach()
	}
	var err error
	if run.log, err = a.keepalivedLog(name, o); err != nil {
		return err
	}
	if run.pidFile == "" && strings.HasPrefix(name, "keepalived") {
		run.pidFile = "/run/keepalived.pid"
	}
	if o.vrrpPID != "" {
		if err := os.WriteFile(o.vrrpPID, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
			return err
		}
		defer os.Remove(o.vrrpPID)
	}
	dumps := make(chan daemon.Dump, 1)
	defer serveSignals(dumps)()
	run.Dumps = dumps
	if o.dump {
		if err := a.dump(run.log, o); err != nil {
			return err
		}
	}
	return a.runDaemon(ctx, run)
}

// signals are keepalived's, and the files it writes for them.
var signals = map[os.Signal]daemon.Dump{
	syscall.SIGUSR1: daemon.DumpData, syscall.SIGUSR2: daemon.DumpStats, sigJSON: daemon.DumpJSON,
}

// sigJSON is SIGRTMIN+2 as the C library counts.
const sigJSON = syscall.Signal(36)

// serveSignals asks for dumps as signals come, until the returned function is called.
func serveSignals(dumps chan<- daemon.Dump) (stop func()) {
	got := make(chan os.Signal, 4)
	signal.Notify(got, syscall.SIGUSR1, syscall.SIGUSR2, sigJSON)
	go func() {
		for s := range got {
			select {
			case dumps <- signals[s]:
			default: // one is under way
			}
		}
	}()
	return func() {
		signal.Stop(got)
		close(got)
	}
}

// signum prints the number of a signal, as keepalived --signum does.
func (a *app) signum(name string) error {
	n, ok := map[string]int{"STOP": 15, "RELOAD": 1, "DATA": 10, "STATS": 12, "JSON": int(sigJSON)}[name]
	if !ok {
		return &exitError{exitUsage, fmt.Errorf("no signal %q: STOP, RELOAD, DATA, STATS or JSON", name)}
	}
	_, err := fmt.Fprintln(a.stdout, n)
	return err
}

func (a *app) dump(log io.Writer, o keepalivedOptions) error {
	cfg, _, err := config.Load(o.file, config.Options{ConfigID: o.configID, Environ: os.Environ()})
	if err != nil {
		return &exitError{exitErrors, err}
	}
	return printJSON(log, config.Model(cfg))
}

// keepalivedLog is where keepalived would log: syslog unless told otherwise.
func (a *app) keepalivedLog(name string, o keepalivedOptions) (io.Writer, error) {
	var to []io.Writer
	if o.console {
		to = append(to, a.stderr)
	}
	if !o.noSyslog {
		facility, ok := facilities[strings.TrimPrefix(o.facility, "local")]
		if !ok {
			return nil, fmt.Errorf("syslog facility %q is not 0-7, local0-7, user or daemon", o.facility)
		}
		w, err := syslog.New(facility|syslog.LOG_INFO, name)
		switch {
		case err == nil:
			to = append(to, w)
		case !o.console:
			to = append(to, a.stderr) // no syslog here: better on the console than nowhere
		}
	}
	if len(to) == 0 {
		return io.Discard, nil
	}
	return io.MultiWriter(to...), nil
}

var facilities = map[string]syslog.Priority{
	"daemon": syslog.LOG_DAEMON, "user": syslog.LOG_USER,
	"0": syslog.LOG_LOCAL0, "1": syslog.LOG_LOCAL1, "2": syslog.LOG_LOCAL2, "3": syslog.LOG_LOCAL3,
	"4": syslog.LOG_LOCAL4, "5": syslog.LOG_LOCAL5, "6": syslog.LOG_LOCAL6, "7": syslog.LOG_LOCAL7,
}

// detached marks the process that detach started.
const detached = "VRRPD_DETACHED"

// detach starts this program again in a session of its own and leaves it: a
// Go process cannot fork.
func detach() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.Command(self, os.Args[1:]...)
	c.Args[0] = os.Args[0]
	c.Env = append(os.Environ(), detached+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		return errors.Join(errors.New("cannot go into the background"), err)
	}
	return c.Process.Release()
}
