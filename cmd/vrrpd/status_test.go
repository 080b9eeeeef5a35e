// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/control"
)

// TestStatusForPeople shows a node on which everything is wrong that status
// points out, and one on which nothing is.
func TestStatusForPeople(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	well := &control.Status{Instances: []control.Instance{{
		Name: "VI_1", State: "MASTER", Since: *ago(time.Hour), Interface: "eth0", VRID: 51,
		Priority: control.Priority{Configured: 100, Effective: 100}, Master: &control.Master{Address: "192.0.2.1"},
		Addresses: []string{"192.0.2.9"}, MasterDown: 3.6,
		Peers: []control.Peer{{Address: "192.0.2.2"}}, // BACKUP, silent
	}}}
	wrong := &control.Status{
		Instances: []control.Instance{{
			Name: "VI_1", State: "MASTER", Since: *ago(time.Minute), Interface: "eth0", VRID: 51, MasterDown: 3.6,
			Priority: control.Priority{Configured: 100, Effective: 80}, Master: &control.Master{Address: "192.0.2.1"},
			Peers: []control.Peer{
				{Address: "192.0.2.2", LastHeard: ago(time.Second), Priority: 90, AddressesDiffer: true},
				{Address: "192.0.2.3", LastHeard: ago(time.Second), Priority: 0}, // resigned
			},
			Faults:   []control.Fault{{Reason: "interface eth0: down", Since: *ago(time.Second)}},
			Counters: control.Counters{Refused: map[string]uint64{"ttl": 1, "interval": 3, "vrid": 0}},
			Notify:   []control.Notification{{Target: "notify", State: "MASTER", Result: "exit status 1", Runs: 1}},
			Claim:    json.RawMessage(`[{"name":"VI_1/edge","state":"claiming","since":"2026-03-01T11:59:00Z","owner":"other","late":true,"last_error":"404"}]`),
		}},
		SyncGroups: []control.Group{{
			Name: "VG", State: "MASTER", Since: *ago(time.Minute), Members: []string{"VI_1"},
			Notify: []control.Notification{{Target: "notify", State: "MASTER", Result: "ended after 1m0s", Runs: 1}},
		}},
		Config: control.Config{LastReload: "x.conf: has errors"},
	}
	for _, c := range []struct {
		name string
		s    *control.Status
		want string
	}{
		{"well", well, `INSTANCE  STATE   FOR     PRIORITY  INTERFACE  VRID  MASTER     ADDRESSES
VI_1      MASTER  1h0m0s  100       eth0       51    this node  192.0.2.9
`},
		{"wrong", wrong, `INSTANCE  STATE   FOR   PRIORITY     INTERFACE  VRID  MASTER     ADDRESSES
VI_1      MASTER  1m0s  80 (of 100)  eth0       51    this node  

GROUP  STATE   FOR   MEMBERS
VG     MASTER  1m0s  VI_1

CLAIM      STATE     FOR   OWNER
VI_1/edge  claiming  1m0s  other
! VI_1: interface eth0: down (for 1s)
! VI_1: 192.0.2.2 advertises other addresses
! VI_1: 192.0.2.2 sends adverts too: two MASTERs
! VI_1: 3 packets refused: interval
! VI_1: 1 packets refused: ttl
! VI_1: notify for MASTER: exit status 1
! VG: notify for MASTER: ended after 1m0s
! VI_1/edge: 404
! VI_1/edge: not held long after it should be
! configuration: the last reload was refused: x.conf: has errors
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			if err := printStatus(&b, c.s, now); err != nil {
				t.Fatal(err)
			}
			if b.String() != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", b.String(), c.want)
			}
		})
	}
}
