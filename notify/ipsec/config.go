// SPDX-License-Identifier: Apache-2.0

package ipsec

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/notify/script"
)

// A Stack is a kind of IKE daemon.
type Stack string

// The stacks.
const (
	Auto       Stack = "auto" // found out at each event, see [New]
	StrongSwan Stack = "strongswan"
	Libreswan  Stack = "libreswan"
	Systemd    Stack = "systemd"
)

// Defaults of [Config].
const (
	DefaultTimeout = 20 * time.Second
	DefaultSocket  = "/run/charon.vici"
)

// A Runner runs a command to its end. It must honour ctx.
type Runner func(ctx context.Context, argv ...string) script.Result

// A Config says which tunnels follow which addresses.
type Config struct {
	// Stack is the kind of IKE daemon; empty means Auto.
	Stack Stack
	// Unit is the systemd unit: the one to handle for Systemd, and the one that the
	// fallback restarts for StrongSwan (empty: strongswan.service).
	Unit string
	// Connections are names in the IKE daemon's configuration. With strongSwan they
	// may be left out: then it is every connection whose local_addrs holds one of
	// Addresses, and without Addresses every connection there is.
	Connections []string
	// Addresses are the virtual addresses the tunnels start from. An SA that starts
	// from another one is not good. Without Addresses any local address is good.
	Addresses []netip.Addr
	// Socket is strongSwan's VICI socket; empty means DefaultSocket.
	Socket string
	// Load is the command that makes strongSwan read its configuration; empty means
	// swanctl --load-all --noprompt.
	Load []string
	// Timeout bounds everything done for one event; 0 means DefaultTimeout.
	Timeout time.Duration
	// Ready returns when the addresses are in the kernel and not tentative, or when
	// ctx ends. Nil means that they always are.
	Ready func(ctx context.Context, addresses []netip.Addr) error
	// Wait bounds Ready: then the tunnels are tried all the same. 0 means all of Timeout,
	// and no try.
	Wait time.Duration
	// Run runs commands; nil means package script.
	Run Runner
}

// A stack brings tunnels up and down. The text it returns is for people.
type stack interface {
	up(ctx context.Context) (string, error)
	down(ctx context.Context) (string, error)
}

// New checks the configuration and returns the target. With Auto, a VICI socket that
// exists means strongSwan; otherwise the ipsec command is asked who it is.
func New(c Config) (notify.Target, error) {
	if c.Stack == "" {
		c.Stack = Auto
	}
	if c.Socket == "" {
		c.Socket = DefaultSocket
	}
	if len(c.Load) == 0 {
		c.Load = []string{"swanctl", "--load-all", "--noprompt", "--uri", "unix://" + c.Socket}
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Run == nil {
		c.Run = func(ctx context.Context, argv ...string) script.Result {
			return script.Command{Argv: argv, Timeout: script.Forever}.Run(ctx)
		}
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("notify_ipsec: %w", err)
	}
	return &target{config: c}, nil
}

func (c Config) validate() error {
	switch c.Stack {
	case Auto, StrongSwan:
	case Libreswan:
		if len(c.Connections) == 0 {
			return errors.New("libreswan needs the names of the connections")
		}
	case Systemd:
		if c.Unit == "" {
			return errors.New("systemd needs the name of a unit")
		}
	default:
		return fmt.Errorf("unknown stack %q: use auto, strongswan, libreswan or systemd UNIT", c.Stack)
	}
	for _, word := range append([]string{c.Unit}, c.Connections...) {
		if strings.HasPrefix(word, "-") {
			return fmt.Errorf("%q would be taken for an option", word)
		}
	}
	return nil
}

type target struct {
	config Config
	up     bool // the last event was MASTER, and it went well
}

// Name implements notify.Target.
func (t *target) Name() string { return "notify_ipsec" }

// Notify implements notify.Target: MASTER brings the tunnels up, any other lasting
// state takes them down.
func (t *target) Notify(ctx context.Context, e notify.Event) notify.Outcome {
	if !e.State.Lasts() {
		return notify.Outcome{Exit: -1}
	}
	ctx, cancel := context.WithTimeout(ctx, t.config.Timeout)
	defer cancel()
	report, err := t.handle(ctx, e.State)
	t.up = err == nil && e.State == notify.Master
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w (%w)", err, context.Cause(ctx))
	}
	return notify.Outcome{Exit: -1, Err: err, Output: report}
}

func (t *target) handle(ctx context.Context, state notify.State) (string, error) {
	s, err := t.stack(ctx)
	if err != nil {
		return "", err
	}
	if state != notify.Master {
		return s.down(ctx)
	}
	late, err := t.await(ctx)
	if err != nil {
		return "", fmt.Errorf("wait for the addresses: %w", err)
	}
	report, err := s.up(ctx)
	return late + report, err
}

// await waits for the addresses. The text says that it did not wait to the end.
func (t *target) await(ctx context.Context) (late string, err error) {
	if t.config.Ready == nil {
		return "", nil
	}
	waiting := ctx
	if t.config.Wait > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, t.config.Wait)
		defer cancel()
	}
	err = t.config.Ready(waiting, t.config.Addresses)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return fmt.Sprintf("addresses not usable after %v: %v\n", t.config.Wait, err), nil
	}
	return "", err
}

func (t *target) stack(ctx context.Context) (stack, error) {
	kind := t.config.Stack
	if kind == Auto {
		var err error
		if kind, err = t.detect(ctx); err != nil {
			return nil, err
		}
	}
	switch kind {
	case Libreswan:
		return libreswan{t.config}, nil
	case Systemd:
		return systemd{t.config, t.up}, nil
	}
	return strongSwan{t.config}, nil
}

func (t *target) detect(ctx context.Context) (Stack, error) {
	if st, err := os.Stat(t.config.Socket); err == nil && st.Mode().Type() == os.ModeSocket {
		return StrongSwan, nil
	}
	r := t.config.Run(ctx, "ipsec", "--version")
	text := strings.ToLower(r.Output)
	switch {
	case strings.Contains(text, "libreswan") && len(t.config.Connections) > 0:
		return Libreswan, nil
	case strings.Contains(text, "libreswan"):
		return "", errors.New("libreswan needs the names of the connections")
	case strings.Contains(text, "strongswan"):
		return StrongSwan, nil
	}
	return "", fmt.Errorf("no IKE daemon found: no socket %s, and ipsec --version says %q", t.config.Socket, r.Output)
}

// pause waits between two attempts; false means that ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// command runs argv and turns a failure into an error that names it.
func (c Config) command(ctx context.Context, argv ...string) (string, error) {
	r := c.Run(ctx, argv...)
	if r.Err == nil {
		return r.Output, nil
	}
	err := fmt.Errorf("%s: %w", strings.Join(argv, " "), r.Err)
	if last := lastLine(r.Output); last != "" {
		err = fmt.Errorf("%w: %s", err, last)
	}
	return r.Output, err
}

func lastLine(s string) string {
	return s[strings.LastIndexByte(s, '\n')+1:]
}
