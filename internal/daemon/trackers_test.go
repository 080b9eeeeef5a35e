// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/track"
	"github.com/govrrp/vrrpd/internal/track/probe"
	"github.com/govrrp/vrrpd/internal/track/procwatch"
	"github.com/govrrp/vrrpd/notify/script"
)

// one returns the only tracker of a configuration in which VI_1 tracks x.
func one(t *testing.T, block, list string) track.Spec {
	t.Helper()
	specs, err := trackerSpecs(parse(t, block+router(vip+list+" {\n x\n}\n")))
	if err != nil || len(specs) != 1 {
		t.Fatalf("%s: %v, %v", block, specs, err)
	}
	return specs[0]
}

func TestTrackerSpecs(t *testing.T) {
	command := func(argv ...string) script.Command { return script.Command{Argv: argv} }
	for _, c := range []struct {
		block, list string
		want        track.Spec
	}{
		{"vrrp_script x {\n script \"/bin/chk -a\"\n interval 0.5\n timeout 3\n rise 2\n fall 4\n init_fail\n}\n", "track_script", track.Script{
			Name: "x", Command: command("/bin/chk", "-a"), Interval: 500 * time.Millisecond, Timeout: 3 * time.Second,
			Rise: 2, Fall: 4, Initial: track.Failed,
		}},
		{"vrrp_script x {\n script \"</tmp/ok\"\n}\n", "track_script", track.Script{
			Name: "x", TestFile: "/tmp/ok", Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 1,
		}},
		{"track_file x {\n file /tmp/n\n}\n", "track_file", track.File{Name: "x", Path: "/tmp/n"}},
		{"track_file x {\n file /tmp/n\n init_file 7\n}\n", "track_file", track.File{Name: "x", Path: "/tmp/n", Init: track.IfMissing, InitValue: 7}},
		{"track_file x {\n file /tmp/n\n init_file 7 overwrite\n}\n", "track_file", track.File{Name: "x", Path: "/tmp/n", Init: track.Overwrite, InitValue: 7}},
		{"vrrp_track_process x {\n process haproxy -f a\n param_match initial\n quorum 2\n quorum_max 3\n fork_delay 4\n terminate_delay 5\n full_command\n}\n", "track_process", track.Process{
			Name:   "x",
			Match:  procwatch.Match{Command: "haproxy", Params: []string{"-f", "a"}, FullCommand: true, Compare: procwatch.Prefix},
			Quorum: 2, QuorumMax: 3, ForkDelay: 4 * time.Second, TerminateDelay: 5 * time.Second,
		}},
		{"vrrp_track_process x {\n process haproxy\n}\n", "track_process", track.Process{
			Name: "x", Match: procwatch.Match{Command: "haproxy", Params: []string{}}, Quorum: 1,
		}},
		{"vrrp_check x {\n ping 192.0.2.1\n interval 0.2\n timeout 0.1\n rise 2\n fall 3\n source 192.0.2.9\n interface eth1\n init_fail\n}\n", "track_check", track.Check{
			Name: "x", Probe: probe.Ping{Target: "192.0.2.1", From: probe.From{Source: addr("192.0.2.9"), Interface: "eth1"}},
			Interval: 200 * time.Millisecond, Timeout: 100 * time.Millisecond, Rise: 2, Fall: 3, Initial: track.Failed,
		}},
		{"vrrp_check x {\n tcp 192.0.2.1:443\n}\n", "track_check", track.Check{
			Name: "x", Probe: probe.TCP{Target: "192.0.2.1:443"}, Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 1,
		}},
		{"vrrp_check x {\n http http://192.0.2.1/ok\n status 200 204\n}\n", "track_check", track.Check{
			Name: "x", Probe: probe.HTTP{URL: "http://192.0.2.1/ok", Status: []int{200, 204}}, Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 1,
		}},
	} {
		if got := one(t, c.block, c.list); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.block, got, c.want)
		}
		if err := track.New(slog.New(slog.DiscardHandler)).Set([]track.Spec{c.want}); err != nil {
			t.Errorf("%s: %v", c.block, err)
		}
	}
}

func TestProcessMustNotRun(t *testing.T) {
	got := one(t, "vrrp_track_process x {\n process haproxy\n param_match partial\n quorum_max 0\n}\n", "track_process").(track.Process)
	if got.Presence != track.MustNotRun || got.Quorum != 0 || got.Match.Compare != procwatch.Leading {
		t.Errorf("%+v", got)
	}
}

// What nobody tracks is not run; a group's tracks count as use.
func TestOnlyUsedTrackers(t *testing.T) {
	specs, err := trackerSpecs(parse(t, tracked+router(vip)+"vrrp_sync_group VG {\n group {\n VI_1\n }\n track_process {\n proc\n }\n}\n"))
	if err != nil || len(specs) != 1 || specs[0].Track().Name != "proc" {
		t.Errorf("%v, %v", specs, err)
	}
}

func TestTrackerOfUnknownUser(t *testing.T) {
	c := parse(t, "vrrp_script x {\n script \"/bin/chk\"\n user nosuchuser0\n}\n"+router(vip+"track_script {\n x\n}"))
	if _, err := trackerSpecs(c); err == nil || !strings.Contains(err.Error(), "nosuchuser0") {
		t.Errorf("%v", err)
	}
}
