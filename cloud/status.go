// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"errors"
	"fmt"
	"time"
)

// State is where a claim is.
type State uint8

// The states of a claim.
const (
	StateIdle      State = iota // not MASTER: nothing is wanted, nothing is released
	StateGuard                  // MASTER, and looking whether the old MASTER is really gone
	StateSuspect                // MASTER, but the peer says it is MASTER and well: held back for a while
	StateCutOff                 // MASTER, but this node is the one that is cut off: nothing is written
	StateClaiming               // taking what is wanted, for the first time in this generation
	StateHeld                   // everything was read to be ours
	StateRepairing              // something was lost again and is being taken back
	StateDegraded               // some items cannot be taken without a person; the rest is ours
	StateYielded                // another node of higher rank fights for the same items: not writing
	StateWould                  // dry run: everything but the writes was done
	StateOff                    // switched off
)

var stateNames = [...]string{
	"idle", "guard", "suspect", "cut_off", "claiming", "held", "repairing", "degraded", "yielded", "would_claim", "off",
}

// String returns the word used in status.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// MarshalText implements encoding.TextMarshaler with the word of [State.String].
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Acting reports whether a node in this state acts as MASTER towards the
// cloud: a load balancer's health probe should be answered exactly then.
func (s State) Acting() bool {
	switch s {
	case StateClaiming, StateHeld, StateRepairing, StateDegraded:
		return true
	default:
		return false
	}
}

// Status is a copy of what a claim knows, for people and for the "claim"
// object of the status JSON.
type Status struct {
	Name       string        `json:"name"`
	Provider   string        `json:"provider,omitempty"`
	Node       string        `json:"node,omitempty"`
	Region     string        `json:"region,omitempty"`
	Mode       Mode          `json:"mode"`
	State      State         `json:"state"`
	Since      time.Time     `json:"since"`
	Generation uint64        `json:"generation"`
	Reason     string        `json:"reason,omitempty"`
	Owner      string        `json:"owner"` // of all items: self, other, none, unknown or mixed
	Items      []ItemStatus  `json:"items"`
	LastError  string        `json:"last_error,omitempty"`
	Guard      string        `json:"guard,omitempty"`
	ClaimTime  time.Duration `json:"claim_time_ns,omitempty"` // from MASTER to held, once it is known
	Late       bool          `json:"late,omitempty"`          // not held long after it should be
	Findings   []Finding     `json:"findings,omitempty"`
}

// ItemStatus is the status of one item.
type ItemStatus struct {
	Key    string    `json:"key"`
	Kind   Kind      `json:"kind"`
	Owner  Owner     `json:"owner"` // as of the last read; unknown if that failed
	Known  Owner     `json:"known"` // as of the last read that succeeded
	Holder string    `json:"holder,omitempty"`
	Since  time.Time `json:"since"`
	// Verified is when the last read succeeded; zero: none has.
	Verified time.Time `json:"verified,omitzero"`
	Class    Class     `json:"class"` // of the last error
	Error    string    `json:"error,omitempty"`
	Tries    int       `json:"tries,omitempty"` // failures in a row
	Losses   int       `json:"losses,omitempty"`
}

// snapshot builds the status. wall turns a machine time into a wall clock time.
func (m *machine) snapshot(wall func(time.Duration) time.Time) Status {
	s := Status{
		Provider: m.node.Provider, Node: m.node.ID, Region: m.node.Region, Mode: m.mode,
		State: m.state, Since: wall(m.since), Generation: m.gen, Reason: m.want.Reason,
		Guard: m.guard.verdict.Reason, Late: m.late, Items: make([]ItemStatus, 0, len(m.tracks)),
	}
	if m.claimed {
		s.ClaimTime = m.claimedAt - m.begun
	}
	if m.discoverErr != nil {
		s.LastError = m.discoverErr.Error()
	}
	for i, t := range m.tracks {
		is := ItemStatus{
			Key: t.key, Kind: t.item.Kind, Owner: t.obs.Owner, Known: t.was, Holder: t.obs.Holder,
			Since: wall(t.since), Verified: t.verified(wall), Class: t.class, Tries: t.tries, Losses: len(t.lost),
		}
		if t.err != nil {
			is.Error = t.err.Error()
			s.LastError = is.Error
			if t.blocked {
				s.Findings = append(s.Findings, finding(t))
			}
		}
		s.Items = append(s.Items, is)
		switch o := t.was.String(); {
		case i == 0:
			s.Owner = o
		case s.Owner != o:
			s.Owner = "mixed"
		}
	}
	return s
}

func (t *track) verified(wall func(time.Duration) time.Time) time.Time {
	if !t.read {
		return time.Time{}
	}
	return wall(t.readAt)
}

func finding(t *track) Finding {
	f := Finding{Severity: SeverityFail, Check: t.class.String(), Item: t.key, Text: t.err.Error()}
	var e *Error
	if errors.As(t.err, &e) {
		f.Permission = e.Permission
	}
	return f
}
