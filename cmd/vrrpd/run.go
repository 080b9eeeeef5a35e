// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/internal/config/diag"
	"github.com/govrrp/vrrpd/internal/daemon"
	"github.com/govrrp/vrrpd/linux"
)

// runOptions are the daemon's, however it was called.
type runOptions struct {
	daemon.Options
	pidFile   string
	logFormat string // text, json or keepalived
	log       io.Writer
	debug     bool
}

func (a *app) runCommand() *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run -f FILE",
		Short: "Run the daemon in the foreground",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Socket, o.log = a.socket, a.stderr
			return a.runDaemon(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVarP(&o.ConfigPath, "file", "f", "/etc/keepalived/keepalived.conf", "configuration file")
	f.StringVar(&o.ConfigID, "config-id", "", "selects lines marked @ID (default: the host name)")
	f.StringVar(&o.Node, "node", "", "this node's name in the status (default: the host name)")
	f.StringVar(&o.pidFile, "pid-file", "", "write the process id there")
	f.StringVar(&o.logFormat, "log-format", "text", "text, json or keepalived")
	f.StringVar(&o.StateDir, "state-dir", "", "where cloud claims remember their generation and learned routes, and log every write (default: nowhere)")
	f.StringVar(&o.Record, "record", "", "record every input there, bounded and without secrets, for vrrpd replay")
	f.BoolVar(&o.debug, "debug", false, "log more")
	f.BoolVar(&o.KeepAddresses, "keep-addresses", false, "at the end leave addresses in place and send no priority 0")
	return c
}

// minProcs keeps the loop running beside a goroutine that computes: with one
// or two the runtime could let it wait for tens of milliseconds.
const minProcs = 4

// load reads the configuration and prints what it finds.
func (a *app) load(o daemon.Options) (*config.Config, config.Diagnostics, error) {
	cfg, diagnostics, err := daemon.Load(o)
	if renderErr := diag.Render(a.stderr, diagnostics, diag.Style{Brief: true}); renderErr != nil {
		return nil, nil, renderErr
	}
	if err != nil {
		return nil, nil, &exitError{exitErrors, err}
	}
	return cfg, diagnostics, nil
}

// runDaemon runs until SIGTERM or SIGINT.
func (a *app) runDaemon(ctx context.Context, o runOptions) error {
	cfg, diagnostics, err := a.load(o.Options)
	if err != nil {
		return err
	}
	if o.Node == "" {
		o.Node, _ = os.Hostname()
	}
	o.Software, o.Warnings = software(), diagnostics.Count(diag.Warning)
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), minProcs))
	queue := daemon.NewLogQueue(o.log)
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		queue.Close(ctx)
	}()
	if o.Log, err = logger(queue, o); err != nil {
		return &exitError{exitUsage, err}
	}
	if o.pidFile != "" {
		if err := os.WriteFile(o.pidFile, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
			return err
		}
		defer os.Remove(o.pidFile)
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	o.Ready = func() {
		if p := cfg.Global.RTPriority; p > 0 {
			if err := linux.SetRealtime(p); err != nil {
				o.Log.Warn("no real-time priority", "err", err)
			}
		}
		_, _ = sd.SdNotify(false, sd.SdNotifyReady) // not under systemd: nobody to tell
	}
	err = daemon.Run(ctx, cfg, o.Options, reload)
	switch {
	case errors.Is(err, context.Canceled):
		return nil
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		return fmt.Errorf("%w (needs root, or CAP_NET_ADMIN and CAP_NET_RAW)", err)
	}
	return err
}

func logger(w io.Writer, o runOptions) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	if o.debug {
		options.Level = slog.LevelDebug
	}
	switch o.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	case "keepalived":
		return slog.New(daemon.NewPlainHandler(w, options.Level.Level())), nil
	}
	return nil, fmt.Errorf("log format %q is not text, json or keepalived", o.logFormat)
}
