// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// Event is a fact told to a [Router]. Facts about the world are levels, not
// edges: a lost or repeated one heals itself.
type Event interface{ event() }

// Started brings a router out of INIT (RFC 9568 §6.4.1). It is ignored when
// the router already runs.
type Started struct{}

// Stopped is the protocol's Shutdown event: a MASTER resigns with priority 0
// and releases its addresses (RFC 9568 §6.4.2, §6.4.3).
type Stopped struct{}

// TimerExpired says that time has passed; it fires whatever is due at now.
// Early or repeated ones are no-ops.
type TimerExpired struct{}

// Suspended says that the machine stood still, and with it the clock that now
// is taken from: so much more time has passed for everybody else. It fires
// nothing; TimerExpired comes after what the sockets hold has been heard.
type Suspended struct{ For time.Duration }

// AdvertReceived is an advertisement that passed [Parse] and carries this
// router's VRID. A pointer to one is an event too and saves an allocation; the
// router does not keep it.
type AdvertReceived struct {
	Advert              Advertisement
	Source, Destination netip.Addr
	TTL                 int
}

// PacketRefused says that a packet for this router was discarded before it
// became an [AdvertReceived], because [Parse] refused it. A pointer to one is
// an event too.
type PacketRefused struct {
	Reason Refusal
	Source netip.Addr
}

// FaultsChanged replaces the set of live reasons why the router cannot serve.
// Faults are sorted and unique; nil means none.
type FaultsChanged struct{ Faults []string }

// SourceChanged gives the address adverts are sent from when [Config] names
// none: the interface's primary IPv4 or link-local IPv6 address. The zero
// Addr means there is none.
type SourceChanged struct{ Source netip.Addr }

// PriorityChanged replaces the effective priority, 1…255 (tracking applied).
type PriorityChanged struct{ Effective uint8 }

// VerdictReached is the sync-group's ruling for a grouped router.
type VerdictReached struct{ Verdict Verdict }

// PartnerResigned tells a grouped BACKUP that another member of its group
// heard its MASTER resign; see docs/deviations.md, "fast group takeover".
type PartnerResigned struct{}

// SteppedAside is a manual failover: the router resigns and does not claim
// mastership before Until, unless no peer is heard.
type SteppedAside struct{ Until time.Time }

// Reconfigured replaces the configuration. ID, Version and the choice between
// unicast and multicast must be unchanged: those make another router, and Step
// panics on one, as it does on a configuration that is not valid.
type Reconfigured struct{ Config Config }

// OwnershipLost tells a MASTER that something else removed one of its virtual
// addresses or routes; it orders them back and announces them, and stays.
type OwnershipLost struct{ Detail string }

// ActionFinished reports the result of the action with that ID. Each action
// that carries an ID gets exactly one.
type ActionFinished struct {
	ID  ActionID
	Err error
}

func (Started) event()         {}
func (Stopped) event()         {}
func (TimerExpired) event()    {}
func (Suspended) event()       {}
func (AdvertReceived) event()  {}
func (PacketRefused) event()   {}
func (FaultsChanged) event()   {}
func (SourceChanged) event()   {}
func (PriorityChanged) event() {}
func (VerdictReached) event()  {}
func (PartnerResigned) event() {}
func (SteppedAside) event()    {}
func (Reconfigured) event()    {}
func (OwnershipLost) event()   {}
func (ActionFinished) event()  {}
