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

// noGap fails if two adverts are further apart than Master_Down_Interval would
// forgive: 100 ms adverts, and generous since the machine may be busy.
func noGap(t *testing.T, c *netns.Capture, vrid byte) {
	t.Helper()
	eventually(t, "20 adverts", func() bool { return len(adverts(c, vrid)) >= 20 })
	at := adverts(c, vrid)
	worst := time.Duration(0)
	for n := 1; n < len(at); n++ {
		worst = max(worst, at[n].Sub(at[n-1]))
	}
	t.Logf("VRID %d: %d adverts, longest gap %v", vrid, len(at), worst)
	if worst > 300*time.Millisecond {
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

// TestFlaps moves mastership up and down 50 times in 5 s by a tracked file,
// with a script that takes longer than a flap.
func TestFlaps(t *testing.T) {
	require.Need(t, require.NetNS)
	t.Parallel()
	h := lan(netns.New(t), "r1", "1")
	c := h.Capture("eth0")
	r := start(t, h, "track_file f {\n file DIR/level\n init_file 0\n weight 0\n}\n"+
		instance("FLAP", 1, 100, "track_file {\n f\n}\nnotify DIR/notify.sh")+instance("STILL", 2, 100, ""))
	r.write("notify.sh", 0o755, fmt.Sprintf(slow, r.file("log")))
	r.want("FLAP", "MASTER")
	r.want("STILL", "MASTER")
	for n := range 50 {
		r.write("level", 0o600, fmt.Sprint((n+1)%2))
		time.Sleep(100 * time.Millisecond)
	}
	r.want("FLAP", "MASTER")
	eventually(t, "the last script to end", func() bool { return strings.HasSuffix(r.read("log"), "end MASTER\n") })
	lines := strings.Split(strings.TrimSpace(r.read("log")), "\n")
	for n := 0; n+1 < len(lines); n += 2 {
		if strings.Replace(lines[n], "begin", "end", 1) != lines[n+1] {
			t.Fatalf("scripts overlap: %q", lines[n:n+2])
		}
	}
	i := r.instance("FLAP")
	script := notification(i, "notify")
	if script.State != "MASTER" || script.Superseded == 0 {
		t.Errorf("%+v", i.Notify)
	}
	t.Logf("%d transitions, %d calls, %d superseded", i.Transitions, script.Runs, script.Superseded)
	if z := zombies(t, r.proc.PID()); len(z) > 0 {
		t.Errorf("zombies: %q", z)
	}
	noGap(t, c, 2)
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
