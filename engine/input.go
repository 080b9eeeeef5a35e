// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"net/netip"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// Input is a fact told to the [Engine].
type Input interface{ input() }

// Started ends the time of listing: every interface and tracked object that
// is known has been told. Routers start, each once its trackers of weight 0
// have had their first result.
type Started struct{}

// Woke says that time has passed; whatever is due at now fires.
type Woke struct{}

// Suspended says that the machine, and the clock that now is taken from, stood
// still for so long. It comes before the frames that were received since, and
// those before [Woke].
type Suspended struct{ For time.Duration }

// FrameReceived is one VRRP datagram as it came from a socket. A pointer to
// one is an input too and saves an allocation; the engine does not keep it.
type FrameReceived struct {
	Interface string // the interface it arrived on; for a virtual MAC, its parent
	vrrp.Datagram
}

// LinkChanged is the whole observed state of one interface.
type LinkChanged struct {
	Interface string
	Present   bool           // the interface exists
	Up        bool           // administratively up and running
	Addresses []netip.Prefix // every address on it, virtual ones included
}

// TrackChanged is the level of one tracked object.
type TrackChanged struct {
	Track Track
	Level Level
}

// Track names a tracked object other than an interface.
type Track struct {
	Kind TrackKind
	Name string
}

// TrackKind is the sort of a tracked object.
type TrackKind string

// The kinds. Interfaces are tracked through [LinkChanged].
const (
	TrackInterface TrackKind = "interface"
	TrackScript    TrackKind = "script"
	TrackFile      TrackKind = "file"
	TrackProcess   TrackKind = "process"
	TrackBFD       TrackKind = "bfd"
	TrackCheck     TrackKind = "check"
	TrackAddress   TrackKind = "address" // a virtual address or route that must stay in place
)

// Level is what a tracked object says now. A script, process, BFD session or
// check is Good or not; a file has a Value. Known is false until the first
// result.
type Level struct {
	Known  bool
	Good   bool
	Value  int    // files: the number read, multiplied by the weight
	Detail string // for people: "exit 1", "timed out", "no such file"
}

// ActionDone carries the result of an action with an ID back to its router.
type ActionDone struct {
	Router vrrp.ID
	vrrp.ActionFinished
}

// OwnershipLost says that something else removed a virtual address or route
// this host wants to own; the host is putting it back.
type OwnershipLost struct {
	Router vrrp.ID
	Detail string
}

// FailoverRequested is a manual failover of one router or sync-group by name.
// Unknown names are ignored; see [Engine.Has].
type FailoverRequested struct {
	Name string
	For  time.Duration // do not displace a live peer for so long
}

// Reloaded replaces the configuration. Step panics on one that is not valid:
// call [Config.Validate] first.
type Reloaded struct{ Config Config }

// Stopped ends every router: MASTERs resign and release.
type Stopped struct{}

func (Started) input()           {}
func (Woke) input()              {}
func (Suspended) input()         {}
func (FrameReceived) input()     {}
func (LinkChanged) input()       {}
func (TrackChanged) input()      {}
func (ActionDone) input()        {}
func (OwnershipLost) input()     {}
func (FailoverRequested) input() {}
func (Reloaded) input()          {}
func (Stopped) input()           {}
