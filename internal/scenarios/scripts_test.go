// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/gopacket/layers"

	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/internal/testnet/build"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// slow notes when it begins and ends; two at once would interleave.
const slow = "#!/bin/sh\necho \"begin $3\" >>%[1]s\nsleep 0.4\necho \"end $3\" >>%[1]s\n"

// adverts are the times at which a VRID's adverts were sent.
func adverts(c *netns.Capture, vrid byte) (at []time.Time) {
	for _, f := range c.Frames() {
		ip, ok := f.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		if ok && ip.Protocol == layers.IPProtocolVRRP && len(ip.Payload) > 2 && ip.Payload[1] == vrid {
			at = append(at, f.Metadata().Timestamp)
		}
	}
	return at
}

// longestGap is the longest time between two adverts.
func longestGap(t *testing.T, c *netns.Capture, vrid byte) (worst time.Duration) {
	t.Helper()
	eventually(t, "20 adverts", func() bool { return len(adverts(c, vrid)) >= 20 })
	at := adverts(c, vrid)
	for n := 1; n < len(at); n++ {
		worst = max(worst, at[n].Sub(at[n-1]))
	}
	t.Logf("VRID %d: %d adverts, longest gap %v", vrid, len(at), worst)
	return worst
}

// noGap fails if two adverts are further apart than Master_Down_Interval would
// forgive: 100 ms adverts, and generous since the machine may be busy.
func noGap(t *testing.T, c *netns.Capture, vrid byte) {
	t.Helper()
	if worst := longestGap(t, c, vrid); worst > 300*time.Millisecond {
		t.Errorf("VRID %d was silent for %v, a BACKUP would have taken over", vrid, worst)
	}
}

// zombies are children of a process that have ended and nobody reaped.
func zombies(t *testing.T, pid int) (all []string) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stats {
		text, err := os.ReadFile(s)
		if err != nil {
			continue // it has gone meanwhile
		}
		f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if f[0] == "Z" && f[1] == fmt.Sprint(pid) {
			all = append(all, string(text))
		}
	}
	return all
}

// flaps forces 50 flaps in 5 s by a tracked file, with a script that takes
// longer than a flap, and returns the longest gap in the adverts of another
// instance of the same daemon.
func flaps(t *testing.T, begin func(d *daemon)) (d *daemon, gap time.Duration) {
	h := lan(netns.New(t), "r1", "1")
	c := h.Capture("eth0")
	d = &daemon{t: t, host: h, dir: t.TempDir(), path: build.Vrrpd(t)}
	flapping := instance("FLAP", 1, 100, "track_file {\n f\n}\nnotify DIR/notify.sh")
	conf := "global_defs {\n script_user root\n}\ntrack_file f {\n file DIR/level\n weight 0\n}\n" +
		strings.Replace(flapping, "advert_int 0.1", "advert_int 0.01", 1) + instance("STILL", 2, 100, "")
	d.write("keepalived.conf", 0o600, strings.ReplaceAll(conf, "DIR", d.dir))
	d.write("level", 0o600, "0")
	d.write("notify.sh", 0o755, fmt.Sprintf(slow, d.file("log")))
	begin(d)
	owns := func(address string) func() bool {
		return func() bool { return d.host.Exec("ip", "address", "show", "to", address) != "" }
	}
	eventually(t, "FLAP to be MASTER", owns("192.0.2.101"))
	eventually(t, "STILL to be MASTER", owns("192.0.2.102"))
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n := range 100 {
		d.write("level", 0o600, fmt.Sprint((n+1)%2))
		<-tick.C
	}
	eventually(t, "FLAP to be MASTER again", owns("192.0.2.101"))
	eventually(t, "the scripts to end", func() bool {
		log := d.read("log")
		return strings.Count(log, "begin ") == strings.Count(log, "end ")
	})
	return d, longestGap(t, c, 2)
}

// TestFlaps: 50 flaps in 5 s make no scripts overlap, leave no zombie, end
// with the script of the final state, and delay no advert more than
// keepalived's in the same test.
func TestFlaps(t *testing.T) {
	require.Need(t, require.NetNS)
	program := require.Peer(t, "keepalived")
	var theirs time.Duration
	t.Run("keepalived", func(t *testing.T) {
		_, theirs = flaps(t, func(d *daemon) {
			d.proc = d.host.Start(program, "-n", "-l", "-D", "-P", "-G", "-f", d.file("keepalived.conf"))
		})
	})
	t.Run("vrrpd", func(t *testing.T) {
		r, ours := flaps(t, (*daemon).run)
		if ours > theirs+100*time.Millisecond { // an interval, for what else the machine does
			t.Errorf("silent for %v, keepalived for %v", ours, theirs)
		}
		eventually(t, "the last script, for MASTER", func() bool { return strings.HasSuffix(r.read("log"), "end MASTER\n") })
		lines := strings.Split(strings.TrimSpace(r.read("log")), "\n")
		for n := 0; n+1 < len(lines); n += 2 {
			if strings.Replace(lines[n], "begin", "end", 1) != lines[n+1] {
				t.Fatalf("scripts overlap: %q", lines[n:n+2])
			}
		}
		i := r.instance("FLAP")
		script := notification(i, "notify")
		if script.State != "MASTER" || script.Superseded == 0 || i.Transitions < 100 {
			t.Errorf("%d transitions, %+v", i.Transitions, i.Notify)
		}
		t.Logf("%d transitions, %d calls, %d superseded", i.Transitions, script.Runs, script.Superseded)
		if z := zombies(t, r.proc.PID()); len(z) > 0 {
			t.Errorf("zombies: %q", z)
		}
	})
}

// TestBadScripts gives each instance another bad script: each has its result,
// and nothing else is disturbed.
func TestBadScripts(t *testing.T) {
	require.Need(t, require.NetNS)
	require.Need(t, require.Root) // in a user namespace / belongs to nobody, and every path is unsafe
	t.Parallel()
	scripts := []struct {
		name, text string
		mode       os.FileMode
		result     string // part of it
	}{
		{"stubborn", "#!/bin/sh\ntrap '' TERM\necho stuck\nwhile :; do sleep 0.1; done\n", 0o755, "running"},
		{"forking", "#!/bin/sh\nsleep 60 >/dev/null 2>&1 &\nexit 0\n", 0o755, "ok"},
		{"flooding", "#!/bin/sh\nhead -c 20000000 /dev/zero | tr '\\0' x\necho last line\nexit 7\n", 0o755, "failed"},
		{"plain", "#!/bin/sh\n", 0o644, "permission denied"},
		{"writable", "#!/bin/sh\n", 0o777, "unsafe"},
		{"missing", "", 0, "no such file"},
	}
	h := lan(netns.New(t), "r1", "1")
	c := h.Capture("eth0")
	conf := "global_defs {\n enable_script_security\n script_user root\n}\n" + instance("STILL", 99, 100, "")
	for n, s := range scripts {
		conf += instance(s.name, n+1, 100, "notify_master DIR/"+s.name)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		if s.mode == 0 {
			continue
		}
		path := filepath.Join(dir, s.name)
		if err := os.WriteFile(path, []byte(s.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, s.mode); err != nil {
			t.Fatal(err)
		}
	}
	h.Exec("mount", "-t", "tmpfs", "-o", "mode=0700", "none", "/root") // a path that only root can change
	h.Exec("cp", "-a", dir+"/.", "/root/")
	r := start(t, h, strings.ReplaceAll(conf, "DIR", "/root"))
	for _, s := range scripts {
		r.want(s.name, "MASTER")
		var got control.Notification
		eventually(t, s.name+" to have a result with "+s.result, func() bool {
			if i := r.instance(s.name); i != nil {
				got = notification(i, "notify_master")
			}
			return strings.Contains(got.Result, s.result)
		})
		if s.name == "flooding" && (got.Exit != 7 || !strings.Contains(got.Output, "last line") || len(got.Output) > 1<<16) {
			t.Errorf("flooding: exit %d, %d bytes of output", got.Exit, len(got.Output))
		}
	}
	noGap(t, c, 99)
	r.proc.Signal(syscall.SIGTERM) // a stubborn script does not hold up the end for ever
	ended := make(chan int, 1)
	go func() { ended <- r.proc.Wait() }()
	select {
	case code := <-ended:
		if code != 0 {
			t.Errorf("exit %d", code)
		}
	case <-time.After(limit):
		t.Error("the daemon does not end")
	}
}
