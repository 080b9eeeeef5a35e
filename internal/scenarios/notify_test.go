// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"fmt"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/govrrp/vrrpd/internal/testnet/build"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// recorder appends its arguments; one line is one write, so lines stay whole.
const recorder = "#!/bin/sh\necho \"$*\" >>%s\n"

// watched is the router whose notifications are compared.
const watched = `
global_defs {
    script_user root
}
vrrp_script chk {
    script "/usr/bin/test -e DIR/ok"
    interval 1
}
vrrp_sync_group VG {
    group {
        VI
    }
    notify DIR/notify.sh
}
` + "%s" + `
vrrp_instance VI {
    interface eth0
    virtual_router_id 1
    priority 100
    version 3
    advert_int 0.1
    virtual_ipaddress {
        192.0.2.101/32
    }
    track_script {
        chk
    }
    notify DIR/notify.sh
    notify_master "DIR/notify.sh word MASTER"
    notify_backup "DIR/notify.sh word BACKUP"
    notify_fault "DIR/notify.sh word FAULT"
    notify_stop "DIR/notify.sh word STOP"
}
`

// story plays the scenarios on one router beside a peer that is always vrrpd, and
// returns what the scripts of the watched one were told, by kind.
func story(t *testing.T, keepalived string) map[string][]string {
	lab := netns.New(t)
	h, other := lan(lab, "r1", "1"), lan(lab, "r2", "2")
	extra := instance("GONE", 2, 100, "notify DIR/notify.sh")
	conf := func(d *daemon, extra string) string {
		return strings.ReplaceAll(fmt.Sprintf(watched, extra), "DIR", d.dir)
	}
	d := &daemon{t: t, host: h, dir: t.TempDir()}
	d.write("notify.sh", 0o755, fmt.Sprintf(recorder, d.file("log")))
	d.write("ok", 0o600, "")
	d.write("keepalived.conf", 0o600, conf(d, extra))
	if keepalived != "" {
		d.proc = h.Start(keepalived, "-n", "-l", "-D", "-P", "-G", "-f", d.file("keepalived.conf"))
	} else {
		d.path = build.Vrrpd(t)
		d.run()
	}
	heard := func(line string, times int) {
		t.Helper()
		eventually(t, fmt.Sprintf("%q %d times in %q", line, times, d.read("log")), func() bool {
			return strings.Count(d.read("log"), line+"\n") >= times
		})
	}
	heard("GROUP VG MASTER 0", 1) // start
	heard("INSTANCE GONE MASTER 100", 1)
	peer := start(t, other, instance("VI", 1, 200, "")) // takeover by a better one
	heard("GROUP VG BACKUP 0", 2)
	if code := peer.proc.Stop(); code != 0 { // it resigns
		t.Errorf("the peer: exit %d", code)
	}
	heard("GROUP VG MASTER 0", 2)
	h.Exec("rm", d.file("ok")) // fault
	heard("GROUP VG FAULT 0", 1)
	d.write("ok", 0o600, "") // and recovery
	heard("GROUP VG MASTER 0", 3)
	heard("INSTANCE VI MASTER 100", 3)
	d.write("keepalived.conf", 0o600, conf(d, "")) // reload without GONE
	d.proc.Signal(syscall.SIGHUP)
	heard("INSTANCE GONE FAULT 100", 1)
	d.proc.Signal(syscall.SIGTERM)
	d.proc.Wait()
	told := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(d.read("log")), "\n") {
		f := strings.Fields(line)
		if f[0] == "word" {
			told["word"] = append(told["word"], f[1])
			continue
		}
		who := f[0] + " " + f[1]
		told[who] = append(told[who], line)
	}
	return told
}

// TestSameNotifications: the same story is told by vrrpd and by keepalived.
func TestSameNotifications(t *testing.T) {
	require.Need(t, require.NetNS)
	require.Need(t, require.Root) // in a user namespace keepalived starts no script: it sets groups first
	program := require.Peer(t, "keepalived")
	t.Parallel()
	var ours, theirs map[string][]string
	t.Run("routers", func(t *testing.T) {
		t.Run("vrrpd", func(t *testing.T) { t.Parallel(); ours = story(t, "") })
		t.Run("keepalived", func(t *testing.T) { t.Parallel(); theirs = story(t, program) })
	})
	for _, who := range []string{"INSTANCE VI", "INSTANCE GONE", "GROUP VG", "word"} {
		if !reflect.DeepEqual(ours[who], theirs[who]) {
			t.Errorf("%s:\nvrrpd      %q\nkeepalived %q", who, ours[who], theirs[who])
		}
	}
	if want := "BACKUP MASTER BACKUP MASTER FAULT BACKUP MASTER STOP"; strings.Join(ours["word"], " ") != want {
		t.Errorf("%q, want %s", ours["word"], want)
	}
}
