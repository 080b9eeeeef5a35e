// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/vrrp"
)

// at is the time of everything in the fixture, shifted by some seconds.
func at(seconds int) time.Time {
	return time.Date(2026, 3, 1, 12, 0, seconds, 0, time.UTC)
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// backend is a daemon that knows one status.
type backend struct {
	status *control.Status
	err    error
	got    control.Command // the last command
}

func (b *backend) Status(context.Context) (*control.Status, error) { return b.status, b.err }

func (b *backend) Decisions(name string) ([]control.Decision, error) {
	if b.err != nil {
		return nil, b.err
	}
	if _, ok := b.status.Instance(name); !ok {
		return nil, fmt.Errorf("no instance %q: %w", name, control.ErrNotFound)
	}
	return []control.Decision{{At: at(1), What: "transition", Text: "BACKUP -> MASTER", Source: "192.0.2.2"}}, nil
}

func (b *backend) Do(_ context.Context, c control.Command) (any, error) {
	b.got = c
	switch c.Verb {
	case "failover":
		return struct{}{}, b.err
	case "reload":
		return []string{"line 3: unknown word"}, b.err
	}
	return nil, fmt.Errorf("command %q: %w", c.Verb, control.ErrNotFound)
}

// full is a status in which every field has a value.
func full() *control.Status {
	s := &control.Status{
		Node: "r1", PID: 4711, Since: at(0), Software: "1.2.3",
		Config: control.Config{Path: "/etc/keepalived/keepalived.conf", LoadedAt: at(0), Warnings: 2, LastReload: "line 7: …"},
		Trackers: []control.Tracker{{
			Kind: "script", Name: "chk", Known: true, Good: true, Value: 1, Detail: "exit 0", At: at(4),
			Seconds: 0.25, Exit: 1, Output: "fine",
		}},
	}
	s.Fill(control.Snapshot{
		Engine: engine.Status{
			Routers: []engine.RouterStatus{router()},
			Groups:  []engine.GroupStatus{{Name: "VG", State: vrrp.Master, Since: at(2), Members: []string{"VI_1"}}},
			Refused: []engine.InterfaceRefusals{{Interface: "ens3", Counts: vrrp.RefusalCounts{vrrp.RefusedVRID: 3}}},
		},
		Notify:        results(),
		FramesDropped: 6, FramesFiltered: 7,
	})
	s.Instances[0].Fingerprint = "c0ffee"
	s.Instances[0].Claim = json.RawMessage(`[{"name":"VI_1/oci","state":"held","owner":"self"}]`)
	s.SyncGroups[0].Claim = json.RawMessage(`[{"name":"VG/oci","state":"claiming","owner":"other","late":true}]`)
	return s
}

func router() engine.RouterStatus {
	r := engine.RouterStatus{
		Name: "VI_1", Group: "VG", Configured: 100, Waiting: true, Broken: "state 9",
		Terms: []engine.Term{{
			Tracking: engine.Tracking{Track: engine.Track{Kind: engine.TrackScript, Name: "chk"}, Weight: 20},
			Level:    engine.Level{Known: true, Good: true, Detail: "exit 0"}, Delta: 20,
		}},
		Faults: []engine.Fault{{Reason: "interface ens3 is down", Since: at(3)}},
	}
	r.Status = vrrp.Status{
		ID:      vrrp.ID{Interface: "ens3", VRID: 51, Family: vrrp.IPv4},
		Version: vrrp.V3, State: vrrp.Master, Since: at(2), Priority: 120, Source: addr("192.0.2.1"),
		Master:   vrrp.MasterInfo{Address: addr("192.0.2.1"), Priority: 120, LastHeard: at(1)},
		Interval: 250 * time.Millisecond, MasterDown: 900 * time.Millisecond,
		Addresses: []netip.Addr{addr("192.0.2.10")}, AsideUntil: at(50), StartDelayed: at(40),
		Peers: []vrrp.PeerStatus{
			{
				Address: addr("192.0.2.2"), LastHeard: at(1), Adverts: 7, Priority: 90, Interval: 250 * time.Millisecond,
				Checksum: vrrp.ChecksumMessage, AddressesDiffer: true, EqualPriority: true,
			},
			{Address: addr("192.0.2.3")},
		},
		Counters: vrrp.Counters{
			AdvertsSent: 1, AdvertsReceived: 2, PriorityZeroSent: 3, PriorityZeroReceived: 4, BecameMaster: 5,
			ReleasedMaster: 6, Transitions: 7, Announcements: 8, SendErrors: 9, ActionErrors: 10, OwnershipLost: 11,
			LateWakeups: 12, MaxLateness: 13 * time.Millisecond,
			Suspensions: 15, SuspendedFor: 16 * time.Second, Refused: vrrp.RefusalCounts{vrrp.RefusedChecksum: 14},
		},
	}
	return r
}

// results are calls of an instance's and a group's targets; two pipes are
// targets of one name.
func results() []notify.Result {
	vi := notify.Subject{Kind: notify.Instance, Name: "VI_1"}
	return []notify.Result{
		{
			Subject: vi, Target: "notify_master", State: notify.Master, At: at(2), Duration: 1500 * time.Millisecond,
			Exit: 3, Err: "exit status 3", Output: "no route", Runs: 4, Failures: 2, Superseded: 1,
		},
		{Lane: "fifo a", Subject: vi, Target: "fifo", State: notify.Master, At: at(2), Runs: 1, Failures: 1},
		{Lane: "fifo b", Subject: vi, Target: "fifo", State: notify.Master, At: at(2), Runs: 1, Failures: 4},
		{
			Subject: notify.Subject{Kind: notify.Group, Name: "VG"}, Target: "notify", State: notify.Master, At: at(2),
			Running: true, Runs: 1, Failures: 5,
		},
		{Subject: notify.Subject{Kind: notify.Group, Name: "VI_1"}, Target: "of a group that has an instance's name"},
	}
}
