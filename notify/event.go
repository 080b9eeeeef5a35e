// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"cmp"
	"strconv"
	"time"
)

// A Kind tells an instance from a group, in keepalived's spelling.
type Kind string

// The two kinds of subjects.
const (
	Instance Kind = "INSTANCE"
	Group    Kind = "GROUP"
)

// A State is what a subject has become, in keepalived's spelling.
type State string

// The lasting states. Of these the newest wins; a lane may skip an older one.
const (
	Master State = "MASTER" // RFC 9568 says Active
	Backup State = "BACKUP"
	Fault  State = "FAULT"
	Stop   State = "STOP" // the daemon ends
	// Deleted: a reload took the instance away, and notify_deleted is configured.
	Deleted State = "DELETED"
	// Removed is the same without notify_deleted. Programs are told FAULT, as
	// keepalived does, but notify_fault is not run.
	Removed State = "REMOVED"
)

// The passing remarks. They never replace a lasting state.
const (
	Init           State = "INIT" // start delay; told only to hooks that ask for it
	RxLowerPri     State = "MASTER_RX_LOWER_PRI"
	MasterPriority State = "MASTER_PRIORITY" // the priority changed in MASTER
	BackupPriority State = "BACKUP_PRIORITY" // the priority changed in another state
)

// Everything lists all states, for a [Hook] that wants to hear all of them.
func Everything() []State {
	return []State{Master, Backup, Fault, Stop, Deleted, Removed, RxLowerPri, MasterPriority, BackupPriority}
}

// Lasts reports whether the state stays until the next one, and so replaces older ones.
func (s State) Lasts() bool {
	switch s {
	case Master, Backup, Fault, Stop, Deleted, Removed:
		return true
	}
	return false
}

// Word is the state as programs are told it.
func (s State) Word() string {
	if s == Removed {
		return string(Fault)
	}
	return string(s)
}

// An Event says that a subject has reached a state.
type Event struct {
	Kind     Kind
	Name     string
	State    State
	Previous State  // may be empty
	Priority int    // effective priority of an instance, 0…255
	Reason   string // for people; may be empty
	At       time.Time
}

// Subject returns whom the event is about.
func (e Event) Subject() Subject { return Subject{Kind: e.Kind, Name: e.Name} }

// priority is the last argument of notify and the last word of a FIFO line.
func (e Event) priority() string {
	if e.Kind == Group {
		return "0"
	}
	return strconv.Itoa(e.Priority)
}

// A Subject is an instance or a group. In a [Lane], an empty field means any.
type Subject struct {
	Kind Kind
	Name string
}

func (s Subject) covers(other Subject) bool {
	return cmp.Or(s.Kind, other.Kind) == other.Kind && cmp.Or(s.Name, other.Name) == other.Name
}
