// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// TestFailover: who is told to step aside does, and comes back after its time.
func TestFailover(t *testing.T) {
	require.Need(t, require.NetNS)
	t.Parallel()
	lab := netns.New(t)
	r1 := start(t, lan(lab, "r1", "1"), instance("VI", 1, 200, ""))
	r2 := start(t, lan(lab, "r2", "2"), instance("VI", 1, 100, ""))
	r1.want("VI", "MASTER")
	r2.want("VI", "BACKUP")
	if out, err := r1.ctl("failover", "VI", "--for", "3s"); err != nil {
		t.Fatal(err, out)
	}
	r2.want("VI", "MASTER")
	if i := r1.instance("VI"); i.State != "BACKUP" || i.AsideUntil == nil {
		t.Errorf("%s, aside until %v", i.State, i.AsideUntil)
	}
	r1.want("VI", "MASTER")
	r2.want("VI", "BACKUP")
	if _, err := r1.ctl("failover", "NOBODY"); err == nil {
		t.Error("a failover of nobody succeeds")
	}
}

// TestFailoverNoPreempt: with nopreempt the peer keeps it.
func TestFailoverNoPreempt(t *testing.T) {
	require.Need(t, require.NetNS)
	t.Parallel()
	lab := netns.New(t)
	r1 := start(t, lan(lab, "r1", "1"), instance("VI", 1, 200, "nopreempt"))
	r1.want("VI", "MASTER") // or r2 could be the first, and keep it
	r2 := start(t, lan(lab, "r2", "2"), instance("VI", 1, 100, "nopreempt"))
	r2.want("VI", "BACKUP")
	if out, err := r1.ctl("failover", "VI", "--for", "500ms"); err != nil {
		t.Fatal(err, out)
	}
	r2.want("VI", "MASTER")
	eventually(t, "r1 to be aside no more", func() bool { i := r1.instance("VI"); return i != nil && i.AsideUntil == nil })
	heard := r1.instance("VI").Counters.AdvertsReceived
	eventually(t, "many more adverts", func() bool { return r1.instance("VI").Counters.AdvertsReceived > heard+20 })
	if one, two := r1.instance("VI").State, r2.instance("VI").State; one != "BACKUP" || two != "MASTER" {
		t.Errorf("%s and %s, want the peer to keep it", one, two)
	}
}

// TestReload edits the file of a MASTER: what is not edited is not touched, and a
// broken file changes nothing.
func TestReload(t *testing.T) {
	require.Need(t, require.NetNS)
	t.Parallel()
	h := lan(netns.New(t), "r1", "1")
	c := h.Capture("eth0")
	still, edited, added := instance("STILL", 1, 100, ""), instance("EDITED", 2, 100, ""), instance("ADDED", 3, 100, "")
	r := start(t, h, still+edited)
	r.want("STILL", "MASTER")
	r.want("EDITED", "MASTER")

	r.write("keepalived.conf", 0o600, still+strings.Replace(edited, "priority 100", "priority 120", 1)+added)
	r.proc.Signal(syscall.SIGHUP)
	r.want("ADDED", "MASTER")
	if i := r.instance("EDITED"); i.Priority.Effective != 120 || i.State != "MASTER" {
		t.Errorf("EDITED is %s with %d", i.State, i.Priority.Effective)
	}
	r.write("keepalived.conf", 0o600, still+strings.Replace(edited, "virtual_router_id 2", "", 1))
	r.proc.Signal(syscall.SIGHUP)
	eventually(t, "the reload to be refused", func() bool {
		out, _ := r.ctl("status", "--json")
		var s control.Status
		return json.Unmarshal([]byte(out), &s) == nil && s.Config.LastReload != ""
	})
	for _, name := range []string{"STILL", "EDITED", "ADDED"} {
		if i := r.instance(name); i == nil || i.State != "MASTER" {
			t.Errorf("%s after a broken file: %+v", name, i)
		}
	}
	r.write("keepalived.conf", 0o600, still+edited)
	if out, err := r.ctl("reload"); err != nil {
		t.Fatal(err, out)
	}
	if r.instance("ADDED") != nil || strings.Contains(h.Exec("ip", "addr"), "192.0.2.103") {
		t.Error("ADDED is still there")
	}
	noGap(t, c, 1)
	if n := r.instance("STILL").Transitions; n != 2 {
		t.Errorf("STILL moved %d times, want BACKUP and MASTER", n)
	}
}

// TestTracks: what is tracked changes the priority, and the election follows.
func TestTracks(t *testing.T) {
	require.Need(t, require.NetNS)
	for _, c := range []struct {
		name, block, list string
		fail, mend        func(r *daemon, third *netns.Host)
	}{
		{
			"script", "vrrp_script x {\n script \"/usr/bin/test -e DIR/ok\"\n interval 0.1\n weight -100\n}\n", "track_script",
			func(r *daemon, _ *netns.Host) { r.host.Exec("rm", r.file("ok")) },
			func(r *daemon, _ *netns.Host) { r.write("ok", 0o600, "") },
		},
		{
			"file", "track_file x {\n file DIR/ok\n weight 1\n}\n", "track_file",
			func(r *daemon, _ *netns.Host) { r.write("ok", 0o600, "-100") },
			func(r *daemon, _ *netns.Host) { r.write("ok", 0o600, "0") },
		},
		{
			"check", "vrrp_check x {\n ping 192.0.2.3\n interval 0.1\n timeout 0.5\n weight -100\n}\n", "track_check",
			func(_ *daemon, third *netns.Host) { third.LinkDown("eth0") },
			func(_ *daemon, third *netns.Host) { third.LinkUp("eth0") },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lab := netns.New(t)
			third := lan(lab, "third", "3")
			r1 := start(t, lan(lab, "r1", "1"), c.block+instance("VI", 1, 150, c.list+" {\n x\n}"))
			c.mend(r1, third)
			r2 := start(t, lan(lab, "r2", "2"), instance("VI", 1, 100, ""))
			effective := func(want int) {
				t.Helper()
				eventually(t, fmt.Sprintf("priority %d", want), func() bool {
					i := r1.instance("VI")
					return i != nil && i.Priority.Effective == want && i.Priority.Terms[len(i.Priority.Terms)-1].Known
				})
			}
			effective(150)
			r1.want("VI", "MASTER")
			r2.want("VI", "BACKUP")
			c.fail(r1, third)
			effective(50)
			r2.want("VI", "MASTER")
			r1.want("VI", "BACKUP")
			c.mend(r1, third)
			effective(150)
			r1.want("VI", "MASTER")
			r2.want("VI", "BACKUP")
		})
	}
}
