// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/vrrp"
)

var update = flag.Bool("update", false, "rewrite testdata/status.json")

// TestStatusFormat holds the format to the file that programs were written
// against: a name that changes here breaks them.
func TestStatusFormat(t *testing.T) {
	const golden = "testdata/status.json"
	got, err := json.MarshalIndent(full(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the status format changed (fields may be added, with -update; never renamed):\n%s", got)
	}
}

// TestStatusContract holds the format to the names that were promised to
// programs, whatever the file above says.
func TestStatusContract(t *testing.T) {
	text, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	var status any
	if err := json.Unmarshal(text, &status); err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(`
		version node
		instances.name instances.state instances.since instances.interface instances.vrid instances.family
		instances.vrrp_version instances.priority.configured instances.priority.effective instances.priority.terms
		instances.master.address instances.master.priority instances.addresses
		instances.peers.address instances.peers.last_heard instances.peers.adverts instances.sync_group
		instances.faults.reason instances.faults.since instances.transitions instances.counters
		instances.notify.target instances.notify.state instances.notify.result instances.notify.at instances.claim
		sync_groups.name sync_groups.state sync_groups.members
	`) {
		at := status
		for name := range strings.SplitSeq(path, ".") {
			if list, ok := at.([]any); ok && len(list) > 0 {
				at = list[0]
			}
			object, _ := at.(map[string]any)
			var ok bool
			if at, ok = object[name]; !ok {
				t.Errorf("no %s", path)
				break
			}
		}
	}
}

// What is empty is an empty list, never null: programs iterate.
func TestStatusOfNothing(t *testing.T) {
	s := &control.Status{Trackers: []control.Tracker{}}
	s.Fill(control.Snapshot{Engine: engine.Status{
		Routers: []engine.RouterStatus{{Name: "VI_1"}},
		Groups:  []engine.GroupStatus{{Name: "VG", Members: []string{}}},
	}})
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Replace(string(text), `"master":null`, "", 1) // the one field that may be
	if strings.Contains(got, "null") {
		t.Errorf("a null in %s", got)
	}
	for _, absent := range []string{"sync_group\"", "waiting", "held_until", "aside_until", "claim", "fingerprint"} {
		if strings.Contains(got, `"`+absent) {
			t.Errorf("%s in the status of an instance that has none: %s", absent, got)
		}
	}
	if s.Instances[0].Source != "" || s.Version != 1 {
		t.Errorf("source %q, version %d", s.Instances[0].Source, s.Version)
	}
}

// Every reason is listed, so that a reader can tell zero from unknown.
func TestEveryRefusalIsCounted(t *testing.T) {
	i, ok := full().Instance("VI_1")
	if !ok {
		t.Fatal("no VI_1")
	}
	for _, why := range vrrp.Refusals() {
		want := uint64(0)
		if why == vrrp.RefusedChecksum {
			want = 14
		}
		if n, listed := i.Counters.Refused[why.String()]; !listed || n != want {
			t.Errorf("%v: %d, listed %v, want %d", why, n, listed, want)
		}
	}
}

// A router that a bug took out of service is FAULT, and says so.
func TestBrokenIsFault(t *testing.T) {
	i, _ := full().Instance("VI_1")
	last := i.Faults[len(i.Faults)-1]
	if i.State != "FAULT" || !strings.Contains(last.Reason, "state 9") {
		t.Errorf("%s, %v", i.State, last)
	}
}

func TestNotifyResults(t *testing.T) {
	s := full()
	i, _ := s.Instance("VI_1")
	var got []string
	for _, n := range append(i.Notify, s.SyncGroups[0].Notify...) {
		got = append(got, n.Target+"="+n.Result)
	}
	if want := "notify_master=exit status 3 fifo=ok fifo=ok notify=running"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestUnknownInstance(t *testing.T) {
	if i, ok := full().Instance("VI_2"); ok || i != nil {
		t.Errorf("%v, %v", i, ok)
	}
}
