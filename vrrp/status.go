// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"slices"
	"time"
)

// Status is a copy of what a router knows.
type Status struct {
	ID           ID
	Version      Version
	State        State
	Since        time.Time // of State
	Priority     uint8     // effective
	Source       netip.Addr
	Master       MasterInfo // zero Address = none known
	Interval     time.Duration
	MasterDown   time.Duration // the Master_Down_Interval in force
	Deadline     time.Time     // of the next timer; zero = none
	Addresses    []netip.Addr
	Faults       []string
	AsideUntil   time.Time // manual failover; zero = not aside
	StartDelayed time.Time // held in INIT until then; zero = not held
	Vote         Vote      // grouped routers
	Peers        []PeerStatus
	Counters     Counters
}

// PeerStatus is what was heard from one sender.
type PeerStatus struct {
	Address         netip.Addr
	LastHeard       time.Time // zero: configured, never heard
	Adverts         uint64
	Priority        uint8
	Interval        time.Duration
	Checksum        Checksum
	AddressesDiffer bool
	EqualPriority   bool
	ClockSkew       time.Duration // HMAC by time: how far its clock was behind ours
}

// Counters count since the router was made.
type Counters struct {
	AdvertsSent, AdvertsReceived           uint64
	PriorityZeroSent, PriorityZeroReceived uint64
	BecameMaster, ReleasedMaster           uint64
	Transitions                            uint64
	Announcements                          uint64
	SendErrors, ActionErrors               uint64
	OwnershipLost                          uint64        // addresses removed by something else
	LateWakeups                            uint64        // timers more than one interval late
	MaxLateness                            time.Duration // the worst of those
	Suspensions                            uint64        // of the machine
	SuspendedFor                           time.Duration // all of them
	Refused                                RefusalCounts
}

// Status returns a copy of the router's state.
func (r *Router) Status() Status {
	at, _ := r.timers.next()
	s := Status{
		ID:           r.cfg.ID,
		Version:      r.cfg.Version,
		State:        r.state,
		Since:        r.since,
		Priority:     r.priority(),
		Source:       r.source(),
		Master:       r.master,
		Interval:     r.interval,
		MasterDown:   r.masterDownInterval(),
		Deadline:     at,
		Addresses:    slices.Clone(r.cfg.Addresses),
		Faults:       r.liveFaults(),
		StartDelayed: r.timers[timerStart],
		Vote:         r.vote,
		Counters:     r.counters,
	}
	if r.aside() {
		s.AsideUntil = r.asideUntil
	}
	for _, p := range r.cfg.Peers {
		if _, known := r.peers.find(p.Address); !known {
			s.Peers = append(s.Peers, PeerStatus{Address: p.Address})
		}
	}
	s.Peers = append(s.Peers, r.peers.slots...)
	slices.SortFunc(s.Peers, func(a, b PeerStatus) int { return a.Address.Compare(b.Address) })
	return s
}

// peerTable remembers the senders that were heard, at most maxPeers of them:
// the one silent longest makes room.
type peerTable struct {
	slots []PeerStatus
	last  int // index of the one heard last
}

const maxPeers = 64

func (t *peerTable) find(a netip.Addr) (int, bool) {
	i := slices.IndexFunc(t.slots, func(p PeerStatus) bool { return p.Address == a })
	return i, i >= 0
}

// heard returns the entry of sender a, making one if needed.
func (t *peerTable) heard(a netip.Addr) (p *PeerStatus, first bool) {
	i, known := t.find(a)
	switch {
	case known:
	case len(t.slots) < maxPeers:
		t.slots = append(t.slots, PeerStatus{Address: a})
		i = len(t.slots) - 1
	default:
		for j := range t.slots {
			if i < 0 || t.slots[j].LastHeard.Before(t.slots[i].LastHeard) {
				i = j
			}
		}
		t.slots[i] = PeerStatus{Address: a}
	}
	t.last = i
	return &t.slots[i], !known
}

// dialect returns the checksum dialect of peer a, or of the sender heard last
// when a is not valid.
func (t *peerTable) dialect(a netip.Addr) Checksum {
	if !a.IsValid() {
		if len(t.slots) == 0 {
			return ChecksumUnknown
		}
		return t.slots[t.last].Checksum
	}
	if i, known := t.find(a); known {
		return t.slots[i].Checksum
	}
	return ChecksumUnknown
}
