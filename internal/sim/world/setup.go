// SPDX-License-Identifier: Apache-2.0

package world

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// Setup is everything a [World] is made from.
type Setup struct {
	Seed   uint64
	Nodes  []Node
	Net    Impairment // of every segment, always
	Faults []Fault
	Cloud  bool // a claimant on every node makes the cloud follow the MASTER
	// Late is the most a timer is late without any fault; it is drawn anew
	// for each.
	Late time.Duration
	// Trace, when set, is told what happens, in order.
	Trace func(Event)
	// Observe, when set, sees every step of every node's machine.
	Observe func(node string, now time.Time, in engine.Input, outs []engine.Output)
	// Frames adds every frame sent and received to the trace.
	Frames Verbosity
}

// Verbosity says how much of the traffic is traced.
type Verbosity uint8

// The two verbosities.
const (
	Quiet   Verbosity = iota // what a network engineer would read first
	Traffic                  // and every frame
)

// Node is one host.
type Node struct {
	Name       string
	Config     engine.Config
	Interfaces []Interface
	// Habits makes this host run a foreign implementation of VRRP rather
	// than an engine; Config must then have neither groups nor tracks.
	Habits Habits
	// Clock is how far its clock is ahead of the world's.
	Clock time.Duration
}

// Interface attaches a host to a segment.
type Interface struct {
	Name      string
	Segment   string
	Addresses []netip.Prefix // its own, without virtual ones
}

// Impairment is what a segment does to frames. Each frame to each receiver is
// treated on its own. Without Reorder, frames of one sender arrive in order.
type Impairment struct {
	Latency   time.Duration // at least
	Jitter    time.Duration // and up to this much more
	Loss      float64       // 0…1
	Duplicate float64       // 0…1
	Reorder   float64       // 0…1: delayed by up to ten times latency and jitter
}

// bound is the longest a frame travels.
func (i Impairment) bound() time.Duration {
	d := i.Latency + i.Jitter
	if i.Reorder > 0 {
		d *= 11
	}
	return d
}

// epoch is when every world begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (s *Setup) validate() error {
	var faults []error
	names := map[string]bool{}
	for _, n := range s.Nodes {
		if n.Name == "" || names[n.Name] {
			faults = append(faults, fmt.Errorf("node name %q is empty or given twice", n.Name))
		}
		names[n.Name] = true
		if err := n.Config.Validate(); err != nil {
			faults = append(faults, fmt.Errorf("node %s: %w", n.Name, err))
		}
		if n.Habits != None && (len(n.Config.Groups) > 0 || foreignCannot(n.Config)) {
			faults = append(faults, fmt.Errorf("node %s: a foreign router has no groups, tracks or authentication", n.Name))
		}
	}
	for _, f := range s.Faults {
		if err := f.validate(s); err != nil {
			faults = append(faults, err)
		}
	}
	if len(s.Nodes) == 0 {
		faults = append(faults, errors.New("a world needs a node"))
	}
	return errors.Join(faults...)
}

func foreignCannot(c engine.Config) bool {
	for _, r := range c.Routers {
		if len(r.Tracks) > 0 || r.HMAC != nil || r.AuthType != vrrp.AuthNone {
			return true
		}
	}
	return false
}
