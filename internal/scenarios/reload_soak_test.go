// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
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

var soak = flag.Int("soak", 0, "in TestReloadSoak edit a file of 200 instances so many times, and again with keepalived: 500 take 7 minutes")

// heard is an advert as it was on the wire.
type heard struct {
	at       time.Time
	priority byte
	interval time.Duration
}

// reload is one edit of the file: from its signal until the next one.
type reload struct {
	from, to time.Time
	names    []string
	anew     []byte
}

// soaked is what the listener made of it.
type soaked struct {
	adverts    int
	worst      float64  // longest silence of a router that was not begun or ended, in its intervals
	worstIs    string   // where that was
	late       int      // silences of more than 1.5 intervals
	resigned   []string // priority 0 of such a router
	reloadTime time.Duration
}

// TestReloadSoak reloads a file of many MASTERs again and again while somebody
// listens: what is not removed or started anew is not silent and does not move.
//
//	go test ./internal/scenarios -run ReloadSoak -soak 500 -v -timeout 30m
//
// On a machine that does other things, put "chrt -r 1" before it: the daemon
// and the listener then have the processor when they need it.
func TestReloadSoak(t *testing.T) {
	require.Need(t, require.NetNS)
	size, times := 30, 30
	if *soak > 0 {
		size, times = 200, *soak
	} else {
		t.Parallel()
	}
	t.Run("vrrpd", func(t *testing.T) {
		r := reloads(t, "", size, times)
		if len(r.resigned) > 0 {
			t.Errorf("untouched routers resigned: %q", r.resigned)
		}
		// The peers of a router take over after three intervals. Less than that
		// is for a machine that has nothing else to do.
		if limit := 1.5; *soak > 0 && r.worst > limit {
			t.Errorf("silent for %.2f intervals, want at most %.2f: %s", r.worst, limit, r.worstIs)
		} else if r.worst > 3 {
			t.Errorf("silent for %.2f intervals, the peers take over: %s", r.worst, r.worstIs)
		}
	})
	if *soak > 0 {
		t.Run("keepalived", func(t *testing.T) {
			reloads(t, require.Peer(t, "keepalived"), size, times)
		})
	}
}

// reloads edits the file of a daemon, vrrpd unless it is named.
func reloads(t *testing.T, program string, size, times int) soaked {
	lab := netns.New(t)
	h := lan(lab, "r1", "1")
	lan(lab, "r2", "2") // where unicast adverts go
	c := h.Capture("eth0")
	f := newFleet(1, size)
	d, applied := soakDaemon(t, h, program, f.String())
	eventually(t, "every instance to be MASTER", func() bool { return len(byVRID(c)) == size })
	var done []reload
	slowest := time.Duration(0)
	for n := range times {
		names, anew := f.edit()
		d.write("keepalived.conf", 0o600, f.String())
		r := reload{from: time.Now(), names: names, anew: anew}
		d.proc.Signal(syscall.SIGHUP)
		eventually(t, fmt.Sprintf("reload %d: %q", n+1, names), func() bool { return applied() > n })
		slowest = max(slowest, time.Since(r.from))
		time.Sleep(time.Duration(f.rng.IntN(600)) * time.Millisecond)
		r.to = time.Now()
		done = append(done, r)
	}
	time.Sleep(4 * time.Second)
	done[len(done)-1].to = time.Now()
	if program == "" {
		asConfigured(t, d, f, done)
	}
	if n := c.Missed(); n > 0 {
		t.Errorf("the listener missed %d frames: nothing can be said", n)
	}
	got := judge(byVRID(c), done)
	got.reloadTime = slowest
	t.Logf("%d instances, %d reloads (the slowest %v), %d adverts: the longest silence was %.2f intervals (%s), %d were longer than 1.5; resigned: %d %q",
		size, times, slowest.Round(time.Millisecond), got.adverts, got.worst, got.worstIs, got.late, len(got.resigned), got.resigned[:min(len(got.resigned), 20)])
	return got
}

// soakDaemon starts the program, vrrpd unless it is named, and returns a count
// of its reloads. The log goes to a file: there is much of it.
func soakDaemon(t *testing.T, h *netns.Host, program, conf string) (d *daemon, applied func() int) {
	t.Helper()
	d = &daemon{t: t, host: h, dir: t.TempDir(), path: build.Vrrpd(t)}
	d.write("keepalived.conf", 0o600, conf)
	command, line := d.path+" run -f DIR/keepalived.conf --socket DIR/s", "configuration reloaded"
	if program != "" {
		command, line = program+" -n -l -P -G -f DIR/keepalived.conf -p DIR/pid -r DIR/vrrp.pid", "Reload complete"
	}
	d.proc = h.Start("sh", "-c", strings.ReplaceAll("exec "+command+" >DIR/log 2>&1", "DIR", d.dir))
	seen, n := int64(0), 0
	return d, func() int {
		f, err := os.Open(d.file("log"))
		if err != nil {
			return 0 // not started yet
		}
		defer f.Close()
		_, err1 := f.Seek(seen, io.SeekStart)
		more, err2 := io.ReadAll(f)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		whole := bytes.LastIndexByte(more, '\n') + 1
		seen += int64(whole)
		n += bytes.Count(more[:whole], []byte(line))
		return n
	}
}

// byVRID sorts what was captured.
func byVRID(c *netns.Capture) map[byte][]heard {
	all := map[byte][]heard{}
	for _, f := range c.Frames() {
		ip, ok := f.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		if !ok || ip.Protocol != layers.IPProtocolVRRP || len(ip.Payload) < 8 {
			continue
		}
		interval := time.Duration(binary.BigEndian.Uint16(ip.Payload[4:])&0x0fff) * 10 * time.Millisecond
		all[ip.Payload[1]] = append(all[ip.Payload[1]], heard{f.Metadata().Timestamp, ip.Payload[2], interval})
	}
	return all
}

// judge finds the silences and resignations of routers that were not begun,
// ended or made another by the reload at that time.
func judge(all map[byte][]heard, done []reload) (s soaked) {
	for vrid, list := range all {
		s.adverts += len(list)
		if _, excused := during(done, vrid, list[len(list)-1].at, done[len(done)-1].to); !excused {
			list = append(list, heard{at: done[len(done)-1].to, interval: list[len(list)-1].interval})
		}
		for n := 1; n < len(list); n++ {
			a, b := list[n-1], list[n]
			edits, excused := during(done, vrid, a.at, b.at)
			if excused {
				continue
			}
			if a.priority == 0 {
				s.resigned = append(s.resigned, fmt.Sprintf("VRID %d during %q", vrid, edits))
			}
			gap := float64(b.at.Sub(a.at)) / float64(max(a.interval, b.interval))
			if gap > 1.5 {
				s.late++
			}
			if gap > s.worst {
				s.worst, s.worstIs = gap, fmt.Sprintf("VRID %d during %q", vrid, edits)
			}
		}
	}
	return s
}

// during names the first edits between two times, and says whether one of them
// all makes the router anew.
func during(done []reload, vrid byte, from, to time.Time) (names []string, excused bool) {
	for _, r := range done {
		if r.to.Before(from) || r.from.After(to) {
			continue
		}
		if names == nil {
			names = r.names // what follows did not begin it
		}
		excused = excused || slices.Contains(r.anew, vrid)
	}
	return names, excused
}

// asConfigured holds the daemon to the last file: its instances, all MASTER,
// their addresses on the host, and no transition but those of the start.
func asConfigured(t *testing.T, d *daemon, f *fleet, done []reload) {
	t.Helper()
	out, err := d.ctl("status", "--json")
	var s control.Status
	if err != nil || json.Unmarshal([]byte(out), &s) != nil {
		t.Fatal(err, out)
	}
	if len(s.Instances) != len(f.members) {
		t.Errorf("%d instances run, %d are configured", len(s.Instances), len(f.members))
	}
	addrs := d.host.Exec("ip", "-o", "addr", "show", "dev", "eth0")
	want := 0
	for _, m := range f.members {
		i, _ := s.Instance(m.name)
		if i == nil || i.State != "MASTER" {
			t.Errorf("%s: %+v", m.name, i)
			continue
		}
		anew := slices.ContainsFunc(done, func(r reload) bool { return slices.Contains(r.anew, byte(m.vrid)) })
		if i.Transitions != 2 && !anew {
			t.Errorf("%s moved %d times, want BACKUP and MASTER", m.name, i.Transitions)
		}
		for n := range m.vips {
			want++
			if !strings.Contains(addrs, " "+address(m.vrid, n+1)+"/32 ") {
				t.Errorf("%s: %s is not there", m.name, address(m.vrid, n+1))
			}
		}
		if m.excluded {
			want++
		}
	}
	if got := strings.Count(addrs, " 10.1."); got != want {
		t.Errorf("%d virtual addresses on the host, %d are configured", got, want)
	}
}
