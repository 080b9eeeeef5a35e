// SPDX-License-Identifier: Apache-2.0

package conntrack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/notify/script"
)

// Defaults of [Config].
const (
	DefaultProgram     = "conntrackd"
	DefaultFile        = "/etc/conntrackd/conntrackd.conf"
	DefaultLockFile    = "/var/lock/conntrack.lock"
	DefaultStepTimeout = 5 * time.Second
)

// A Runner runs a command to its end. It must honour ctx.
type Runner func(ctx context.Context, argv ...string) script.Result

// A Config says how to reach conntrackd. The zero value is useful.
type Config struct {
	Program  string // empty: DefaultProgram, searched in PATH
	File     string // conntrackd's configuration; empty: DefaultFile
	LockFile string // as in that configuration; empty: DefaultLockFile
	// Start starts conntrackd when it does not run; empty means PROGRAM -C FILE -d.
	// Under systemd "systemctl restart conntrackd" is better: a conntrackd started as
	// a child belongs to the router's own unit and ends with it.
	Start []string
	// Expectations commits expectations too (for FTP, SIP and the like). It needs
	// ExpectationSync in conntrackd's configuration.
	Expectations bool
	// StepTimeout bounds each step; 0 means DefaultStepTimeout.
	StepTimeout time.Duration
	// Early says that somebody calls [Target.Commit] before the addresses come, so that
	// Notify does only the rest on MASTER.
	Early bool
	// Run runs commands; nil means package script.
	Run Runner
}

// A Target tells conntrackd which router forwards. Its methods may be called from any
// goroutine.
type Target struct{ config Config }

// New fills in the defaults.
func New(c Config) *Target {
	if c.Program == "" {
		c.Program = DefaultProgram
	}
	if c.File == "" {
		c.File = DefaultFile
	}
	if c.LockFile == "" {
		c.LockFile = DefaultLockFile
	}
	if len(c.Start) == 0 {
		c.Start = []string{c.Program, "-C", c.File, "-d"}
	}
	if c.StepTimeout <= 0 {
		c.StepTimeout = DefaultStepTimeout
	}
	if c.Run == nil {
		c.Run = func(ctx context.Context, argv ...string) script.Result {
			return script.Command{Argv: argv, Timeout: script.Forever}.Run(ctx)
		}
	}
	return &Target{config: c}
}

// Name implements notify.Target.
func (t *Target) Name() string { return "conntrack_sync" }

// Notify implements notify.Target. It reports each step with the time it took.
func (t *Target) Notify(ctx context.Context, e notify.Event) notify.Outcome {
	if !e.State.Lasts() {
		return notify.Outcome{Exit: -1}
	}
	s := &steps{config: t.config}
	switch e.State {
	case notify.Master:
		if !t.config.Early {
			s.commit(ctx)
		}
		s.do(ctx, "-f")
		s.do(ctx, "-R")
		s.do(ctx, "-B")
	case notify.Backup:
		s.ensureAlive(ctx)
		s.do(ctx, "-t")
		s.do(ctx, "-n")
	default:
		s.do(ctx, "-t")
	}
	return s.outcome()
}

// Commit gives the kernel the entries learnt from the peer, the first step on MASTER.
// Called before the addresses come, it lets entries be there when packets arrive.
func (t *Target) Commit(ctx context.Context) notify.Outcome {
	s := &steps{config: t.config}
	s.commit(ctx)
	return s.outcome()
}

// Bulk sends all entries to the peer. Call it on the MASTER when a peer has come back,
// which has learnt nothing while it was away.
func (t *Target) Bulk(ctx context.Context) error {
	s := &steps{config: t.config}
	s.do(ctx, "-B")
	return errors.Join(s.failed...)
}

// steps is one sequence of commands with what became of them.
type steps struct {
	config Config
	report []string
	failed []error
}

func (s *steps) outcome() notify.Outcome {
	return notify.Outcome{Exit: -1, Err: errors.Join(s.failed...), Output: strings.Join(s.report, "\n")}
}

func (s *steps) commit(ctx context.Context) {
	s.do(ctx, "-c")
	if s.config.Expectations {
		s.do(ctx, "-c", "exp")
	}
}

// do asks the running conntrackd for something.
func (s *steps) do(ctx context.Context, request ...string) {
	_ = s.run(ctx, append([]string{s.config.Program, "-C", s.config.File}, request...))
}

// run runs one step and notes its result. Nothing is run once ctx has ended.
func (s *steps) run(ctx context.Context, argv []string) error {
	what := strings.Join(argv, " ")
	if ctx.Err() != nil {
		err := fmt.Errorf("%s: not run: %w", what, context.Cause(ctx))
		s.failed = append(s.failed, err)
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.StepTimeout,
		fmt.Errorf("no answer in %v", s.config.StepTimeout))
	defer cancel()
	began := time.Now()
	r := s.config.Run(ctx, argv...)
	if r.Err == nil {
		s.report = append(s.report, fmt.Sprintf("%s: ok, %v", what, time.Since(began).Round(100*time.Microsecond)))
		return nil
	}
	err := fmt.Errorf("%s: %w", what, r.Err)
	if ctx.Err() != nil {
		err = fmt.Errorf("%s: %w", what, context.Cause(ctx))
	} else if r.Output != "" {
		err = fmt.Errorf("%w: %s", err, r.Output[strings.LastIndexByte(r.Output, '\n')+1:])
	}
	s.failed = append(s.failed, err)
	return err
}

// ensureAlive starts conntrackd when it does not run. One that runs but does not answer
// in time is left alone: a second one beside it would help nobody.
func (s *steps) ensureAlive(ctx context.Context) {
	probe := &steps{config: s.config}
	err := probe.run(ctx, []string{s.config.Program, "-C", s.config.File, "-s"})
	s.report = append(s.report, probe.report...)
	switch {
	case err == nil:
		return
	case !errors.Is(err, script.ErrExit):
		s.failed = append(s.failed, err)
		return
	}
	if err := os.Remove(s.config.LockFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.failed = append(s.failed, fmt.Errorf("remove the stale lock: %w", err))
	}
	if s.run(ctx, s.config.Start) == nil {
		s.report = append(s.report, "conntrackd did not run and was started")
	}
}
