// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/daemon"
	"github.com/govrrp/vrrpd/internal/record"
	"github.com/govrrp/vrrpd/internal/sim"
	"github.com/govrrp/vrrpd/internal/sim/world"
)

func (a *app) simulateCommand() *cobra.Command {
	var o sim.SimulateOptions
	var confs []string
	var faults string
	var frames bool
	c := &cobra.Command{
		Use:   "simulate",
		Short: "Run a configuration through thousands of faults before you trust it",
		Long: `Each seed is one universe in virtual time: links that flap, hosts that crash or
stall, segments that lose and divide, operators who reload, hostile packets. A run
that breaks a rule is shown with the few faults that matter and the command that
replays it. With one --conf the nodes are made from it, each with a priority ten
lower; with several, each is a node's own file. --faults takes the faults from a
file, one a line: when, for how long, what, and of whom:

  20s 5s link-down node=r1 on=eth0
  40s 0s reload node=r2 on="priority VI_1 90"`,
		Example: `  vrrpd simulate --conf /etc/keepalived/keepalived.conf --seeds 1000
  vrrpd simulate --conf left.conf --conf right.conf
  vrrpd simulate --conf my.conf --seed 7 --seeds 1 --trace --frames`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.simulated(&o, confs); err != nil {
				return err
			}
			if faults != "" {
				var err error
				if o.Faults, err = readFaults(faults); err != nil {
					return &exitError{exitUsage, err}
				}
				o.Command += " --faults " + faults
			}
			if frames {
				o.Trace, o.Frames = true, world.Traffic
			}
			debug.SetGCPercent(800) // universes are small and short-lived
			o.Progress = a.progress(c.Context().Err)
			return sim.Simulate(a.stdout, o)
		},
	}
	f := c.Flags()
	f.IntVar(&o.Seeds, "seeds", 100, "how many universes")
	f.Uint64Var(&o.First, "seed", 1, "the first seed")
	f.IntVar(&o.Nodes, "nodes", 0, "routers in each, 2…16 (default: as many as files, else 2…5 by the seed)")
	f.DurationVar(&o.Duration, "duration", time.Hour, "virtual time of each")
	f.StringArrayVar(&confs, "conf", nil, "keepalived.conf of a node, repeatable (default: made from each seed)")
	f.StringVar(&faults, "faults", "", "file of faults (default: made from each seed)")
	f.BoolVar(&o.Trace, "trace", false, "print every event")
	f.BoolVar(&frames, "frames", false, "print every event and every advert")
	return c
}

func readFaults(path string) ([]world.Fault, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	faults, err := world.ParseFaults(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return faults, nil
}

// simulated loads the configurations of the nodes.
func (a *app) simulated(o *sim.SimulateOptions, confs []string) error {
	o.Command = "vrrpd simulate"
	for _, path := range confs {
		o.Command += " --conf " + path
		e, err := engineConfig(path)
		if err != nil {
			return &exitError{exitErrors, err}
		}
		o.Configs = append(o.Configs, e)
	}
	if len(o.Configs) == 1 {
		o.Nodes = max(o.Nodes, 2)
		o.Configs = sim.Spread(o.Configs[0], o.Nodes)
		o.Command += fmt.Sprintf(" --nodes %d", o.Nodes)
	}
	return nil
}

func engineConfig(path string) (engine.Config, error) {
	cfg, _, err := daemon.Load(daemon.Options{ConfigPath: path})
	if err != nil {
		return engine.Config{}, err
	}
	return daemon.EngineConfig(cfg)
}

// progress draws a bar on a terminal, and ends the simulation at Ctrl-C.
func (a *app) progress(stopped func() error) func(done, of int) bool {
	const width = 40
	draw := isTerminal(a.stderr)
	return func(done, of int) bool {
		if draw {
			full := width * done / max(of, 1)
			fmt.Fprintf(a.stderr, "\r[%s%s] %d/%d", strings.Repeat("#", full), strings.Repeat(".", width-full), done, of)
			if done == of {
				fmt.Fprintln(a.stderr)
			}
		}
		return stopped() == nil
	}
}

func (a *app) replayCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "replay FILE",
		Short: "Run what vrrpd run --record wrote through the same engine, decision by decision",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			return record.Replay(f, a.stdout)
		},
	}
}
