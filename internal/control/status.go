// SPDX-License-Identifier: Apache-2.0

package control

import (
	"encoding/json"
	"time"
)

// Status is the answer to GET /v1/status and the output of vrrpd status
// --json. It is stable: fields are added, never renamed.
type Status struct {
	Version    int        `json:"version"` // of this format: 1
	Node       string     `json:"node"`
	PID        int        `json:"pid"`
	Since      time.Time  `json:"since"`    // the daemon started
	Software   string     `json:"software"` // the daemon's version
	Config     Config     `json:"config"`
	Instances  []Instance `json:"instances"`
	SyncGroups []Group    `json:"sync_groups"`
	Trackers   []Tracker  `json:"trackers"`
	// Refused counts packets for no instance here, by interface and reason.
	Refused map[string]map[string]uint64 `json:"refused"`
	// FramesDropped counts frames that came faster than they could be heard.
	FramesDropped uint64 `json:"frames_dropped"`
	// FramesFiltered counts frames for no instance here, from no peer or not
	// well-formed, that stayed in the kernel because they were too many.
	FramesFiltered uint64 `json:"frames_filtered"`
}

// Config says which configuration runs.
type Config struct {
	Path     string    `json:"path"`
	LoadedAt time.Time `json:"loaded_at"`
	Warnings int       `json:"warnings"`
	// LastReload is the error of the last reload, or "".
	LastReload string `json:"last_reload_error"`
}

// Instance is one virtual router.
type Instance struct {
	Name        string          `json:"name"`
	State       string          `json:"state"`
	Since       time.Time       `json:"since"`
	Interface   string          `json:"interface"`
	VRID        int             `json:"vrid"`
	Family      string          `json:"family"`
	VRRPVersion int             `json:"vrrp_version"`
	Priority    Priority        `json:"priority"`
	Interval    float64         `json:"interval_seconds"`    // the MASTER's, as learnt
	MasterDown  float64         `json:"master_down_seconds"` // Master_Down_Interval in force
	Source      string          `json:"source"`
	Master      *Master         `json:"master"` // null when none is known
	Addresses   []string        `json:"addresses"`
	Peers       []Peer          `json:"peers"`
	SyncGroup   string          `json:"sync_group,omitempty"`
	Fingerprint string          `json:"fingerprint,omitempty"` // of the configuration both nodes must share
	Faults      []Fault         `json:"faults"`
	Waiting     bool            `json:"waiting,omitempty"` // for a tracker's first result
	HeldUntil   *time.Time      `json:"held_until,omitempty"`
	AsideUntil  *time.Time      `json:"aside_until,omitempty"`
	Transitions uint64          `json:"transitions"`
	Counters    Counters        `json:"counters"`
	Notify      []Notification  `json:"notify"`
	Claim       json.RawMessage `json:"claim,omitempty"`
}

// Priority is shown term by term.
type Priority struct {
	Configured int    `json:"configured"`
	Effective  int    `json:"effective"`
	Terms      []Term `json:"terms"`
}

// Term is one tracked object's part in the priority.
type Term struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Weight int    `json:"weight"`
	Good   bool   `json:"good"`
	Known  bool   `json:"known"`
	Delta  int    `json:"delta"`
	Detail string `json:"detail,omitempty"`
}

// Master is the router that is MASTER now.
type Master struct {
	Address   string     `json:"address"`
	Priority  int        `json:"priority"`
	LastHeard *time.Time `json:"last_heard,omitempty"`
}

// Peer is a sender that was heard, or a configured peer that was not.
type Peer struct {
	Address         string     `json:"address"`
	LastHeard       *time.Time `json:"last_heard"` // null: never
	Adverts         uint64     `json:"adverts"`
	Priority        int        `json:"priority"`
	Interval        float64    `json:"interval_seconds"`
	Checksum        string     `json:"checksum"`
	AddressesDiffer bool       `json:"addresses_differ,omitempty"`
	EqualPriority   bool       `json:"equal_priority,omitempty"`
}

// Fault is a live reason why an instance cannot serve.
type Fault struct {
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
}

// Counters count since the instance exists.
type Counters struct {
	AdvertsSent          uint64            `json:"adverts_sent"`
	AdvertsReceived      uint64            `json:"adverts_received"`
	PriorityZeroSent     uint64            `json:"priority_zero_sent"`
	PriorityZeroReceived uint64            `json:"priority_zero_received"`
	BecameMaster         uint64            `json:"became_master"`
	ReleasedMaster       uint64            `json:"released_master"`
	Announcements        uint64            `json:"announcements"`
	SendErrors           uint64            `json:"send_errors"`
	ActionErrors         uint64            `json:"action_errors"`
	OwnershipLost        uint64            `json:"ownership_lost"`
	LateWakeups          uint64            `json:"late_wakeups"`
	MaxLateness          float64           `json:"max_lateness_seconds"`
	Suspensions          uint64            `json:"suspensions"` // of the machine
	SuspendedFor         float64           `json:"suspended_seconds"`
	Refused              map[string]uint64 `json:"refused"`
}

// Notification is the last call of one notification target.
type Notification struct {
	Target     string    `json:"target"`
	State      string    `json:"state"`
	Result     string    `json:"result"` // ok, running, or the error
	At         time.Time `json:"at"`
	Seconds    float64   `json:"seconds"`
	Exit       int       `json:"exit"`
	Output     string    `json:"output,omitempty"`
	Runs       uint64    `json:"runs"`
	Failures   uint64    `json:"failures"`
	Superseded uint64    `json:"superseded"`
}

// Group is one sync-group.
type Group struct {
	Name    string          `json:"name"`
	State   string          `json:"state"`
	Since   time.Time       `json:"since"`
	Members []string        `json:"members"`
	Notify  []Notification  `json:"notify"`
	Claim   json.RawMessage `json:"claim,omitempty"`
}

// Tracker is one tracked script, process, file or check.
type Tracker struct {
	Kind    string    `json:"kind"`
	Name    string    `json:"name"`
	Known   bool      `json:"known"`
	Good    bool      `json:"good"`
	Value   int       `json:"value"`
	Detail  string    `json:"detail,omitempty"`
	At      time.Time `json:"at"`
	Seconds float64   `json:"seconds"`
	Exit    int       `json:"exit"`
	Output  string    `json:"output,omitempty"`
}

// Decision is one entry of an instance's decision log.
type Decision struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"` // transition, notice or refusal
	Text   string    `json:"text"`
	Source string    `json:"source,omitempty"`
}

// Instance returns the instance of that name.
func (s *Status) Instance(name string) (*Instance, bool) {
	for i := range s.Instances {
		if s.Instances[i].Name == name {
			return &s.Instances[i], true
		}
	}
	return nil, false
}
