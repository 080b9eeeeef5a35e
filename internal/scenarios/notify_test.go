// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/govrrp/vrrpd/internal/testnet/build"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// notifications are what a router told: the arguments of its scripts by who
// they were called for, and the lines of its FIFO.
type notifications map[string][]string

// stage is one router whose notifications are compared, vrrpd or keepalived,
// on a segment with a peer that is always vrrpd.
type stage struct {
	*daemon
	other *netns.Host
	vrrpd bool
}

// recorder appends its arguments; one line is one write, so lines stay whole.
const recorder = "#!/bin/sh\necho \"$*\" >>%s\n"

const watchedGlobals = `
global_defs {
    script_user root
    vrrp_notify_fifo DIR/fifo
}
`

// calls are the notifications of an instance or group.
func calls(name string) string {
	text := "notify DIR/notify.sh\n"
	for _, word := range []string{"master", "backup", "fault", "stop"} {
		text += fmt.Sprintf("notify_%[1]s \"DIR/notify.sh %[2]s notify_%[1]s\"\n", word, name)
	}
	return text
}

// watched is an instance with all its notifications.
func watched(name string, vrid, priority int, lines string) string {
	return patient(instance(name, vrid, priority, calls(name)+lines))
}

// patient makes a machine that stalls for half a second no part of the story.
func patient(conf string) string {
	return strings.ReplaceAll(conf, "advert_int 0.1", "advert_int 0.3")
}

func watchedGroup(members string) string {
	return "vrrp_sync_group VG {\n group {\n" + members + "\n}\n" + calls("VG") + "}\n"
}

// begin starts the watched router.
func (s *stage) begin(conf, program string) {
	s.write("notify.sh", 0o755, fmt.Sprintf(recorder, s.file("log")))
	s.configure(conf)
	if err := syscall.Mkfifo(s.file("fifo"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.host.Start("sh", "-c", "exec cat <>"+s.file("fifo")+" >>"+s.file("lines"))
	if s.vrrpd {
		s.run()
		return
	}
	s.proc = s.host.Start(program, "-n", "-l", "-D", "-P", "-G", "-f", s.file("keepalived.conf"))
}

func (s *stage) configure(conf string) {
	s.write("new", 0o600, strings.ReplaceAll(watchedGlobals+conf, "DIR", s.dir))
	if err := os.Rename(s.file("new"), s.file("keepalived.conf")); err != nil {
		s.t.Fatal(err)
	}
}

// reload replaces the file as a whole.
func (s *stage) reload(conf string) {
	s.configure(conf)
	s.proc.Signal(syscall.SIGHUP)
}

// peer starts the other router.
func (s *stage) peer(conf string) *daemon { return start(s.t, s.other, patient(conf)) }

// heard waits until a line was written to the FIFO that often, and everything
// there, but for remarks, by the scripts too: the next state would replace what they
// wait to tell.
func (s *stage) heard(line string, times int) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("%s %d times", line, times), func() bool {
		lines, log := s.read("lines"), s.read("log")
		for l := range strings.Lines(lines) {
			script := strings.ReplaceAll(l, `"`, "")
			if !strings.Contains(l, "_PRI") && strings.Count(log, script) < strings.Count(lines, l) {
				return false
			}
		}
		return strings.Count(lines, line) >= times
	})
}

// end ends the router and returns what was told, up to the last line.
func (s *stage) end(last string) notifications {
	s.t.Helper()
	s.proc.Signal(syscall.SIGTERM)
	s.proc.Wait()
	s.heard(last, 1)
	told := notifications{"FIFO": byTime(groupAfterMembers(strings.Split(strings.TrimSpace(s.read("lines")), "\n")))}
	told["FIFO"] = once(told["FIFO"])
	for _, line := range strings.Split(strings.TrimSpace(s.read("log")), "\n") {
		f := strings.Fields(line)
		who := f[0] + " " + f[1]
		if strings.HasPrefix(f[1], "notify_") {
			who, line = f[0], f[1]
		}
		told[who] = once(append(told[who], line))
	}
	return told
}

// once makes one of remarks that follow each other: there are as many as there
// were adverts.
func once(lines []string) []string {
	return slices.CompactFunc(lines, func(a, b string) bool {
		return a == b && strings.Contains(strings.ToUpper(a), "RX_LOWER_PRI")
	})
}

// groupAfterMembers puts the first state of a group, which keepalived tells
// before those of its members, behind them: a documented difference.
func groupAfterMembers(lines []string) []string {
	for n := 1; n < len(lines) && strings.HasPrefix(lines[n-1], "GROUP") && strings.HasPrefix(lines[n], "INSTANCE"); n++ {
		if strings.Fields(lines[n])[2] != strings.Fields(lines[n-1])[2] {
			break
		}
		lines[n-1], lines[n] = lines[n], lines[n-1]
	}
	return lines
}

// byTime sorts neighbouring lines of one state: members of a group follow each
// other as their timers run.
func byTime(lines []string) []string {
	state := func(l string) string { f := strings.Fields(l); return f[0] + f[2] }
	for from := 0; from < len(lines); {
		to := from + 1
		for to < len(lines) && state(lines[to]) == state(lines[from]) {
			to++
		}
		slices.Sort(lines[from:to])
		from = to
	}
	return lines
}

// TestSameNotifications: the same stories are told by vrrpd and by keepalived,
// in the same order, or differ as documented.
func TestSameNotifications(t *testing.T) {
	require.Need(t, require.NetNS)
	require.Need(t, require.Root) // in a user namespace keepalived starts no script: it sets groups first
	program := require.Peer(t, "keepalived")
	for _, c := range stories {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var told [2]notifications
			t.Run("with", func(t *testing.T) {
				for n, name := range []string{"vrrpd", "keepalived"} {
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						told[n] = c.tell(t, n == 0, program)
					})
				}
			})
			if !t.Failed() {
				c.compare(t, told[0], told[1])
			}
		})
	}
}

// tell plays the story on one of the two daemons.
func (c story) tell(t *testing.T, vrrpd bool, program string) notifications {
	lab := netns.New(t)
	h, other := lan(lab, "r1", "1"), lan(lab, "r2", "2")
	if err := h.Plug(netns.NIC{Name: "eth1", Segment: "other", Addresses: []string{"198.51.100.1/24"}}); err != nil {
		t.Fatal(err)
	}
	s := &stage{daemon: &daemon{t: t, host: h, dir: t.TempDir(), path: build.Vrrpd(t)}, other: other, vrrpd: vrrpd}
	s.begin(c.conf, program)
	return s.end(c.play(s))
}

func (c story) compare(t *testing.T, ours, theirs notifications) {
	t.Helper()
	all := map[string]bool{}
	for _, told := range []notifications{ours, theirs} {
		for who := range told {
			all[who] = true
		}
	}
	for who := range all {
		t.Logf("%s: %q", who, ours[who])
		want, documented := c.differs[who]
		same := reflect.DeepEqual(ours[who], theirs[who])
		switch {
		case documented && (same || !reflect.DeepEqual(ours[who], want)):
			t.Errorf("%s:\nvrrpd      %q\ndocumented %q\nkeepalived %q", who, ours[who], want, theirs[who])
		case !documented && !same:
			t.Errorf("%s:\nvrrpd      %q\nkeepalived %q", who, ours[who], theirs[who])
		}
	}
}
