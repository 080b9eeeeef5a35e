// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/internal/testnet/build"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

func TestMain(m *testing.M) { netns.Main(m) }

// kind is a VRRP implementation.
type kind string

const (
	ours       kind = "vrrpd"
	keepalived kind = "keepalived"
	frr        kind = "FRR"
)

// daemon is one running router of either kind.
type daemon struct {
	t    testing.TB
	kind kind
	host *netns.Host
	dir  string
	proc *netns.Process
	path string
}

// start runs a daemon of the given kind with a configuration.
func start(t testing.TB, k kind, h *netns.Host, conf string) *daemon {
	t.Helper()
	d := &daemon{t: t, kind: k, host: h, dir: t.TempDir()}
	if err := os.WriteFile(d.conf(), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	switch k {
	case ours:
		d.path = build.Vrrpd(t)
	case keepalived:
		d.path = require.Peer(t, "keepalived")
	case frr:
		prepareFRR(t, h, conf)
	}
	d.run()
	return d
}

func (d *daemon) conf() string   { return filepath.Join(d.dir, "keepalived.conf") }
func (d *daemon) socket() string { return filepath.Join(d.dir, "vrrpd.sock") }

// run starts the process, again after it ended.
func (d *daemon) run() {
	switch d.kind {
	case ours:
		d.proc = d.host.Start(d.path, "run", "-f", d.conf(), "--socket", d.socket())
	case keepalived:
		// One that was killed leaves its pid files, and may still be a zombie.
		d.host.Exec("rm", "-f", "/run/keepalived.pid", "/run/vrrp.pid")
		d.proc = d.host.Start(d.path, "-n", "-l", "-D", "-P", "-G", "-f", d.conf())
	case frr:
		d.proc = startFRR(d.t, d.host)
	}
}

// crash ends every process of the daemon at once, so that none can resign.
// keepalived's parent is stopped first: its end would tell the child.
func (d *daemon) crash() {
	d.t.Helper()
	d.proc.Signal(syscall.SIGSTOP)
	pid := d.proc.PID()
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, child := range strings.Fields(string(children)) {
		n, err := strconv.Atoi(child)
		if err != nil {
			d.t.Fatal(err)
		}
		if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
			d.t.Fatal(err)
		}
	}
	d.proc.Kill()
}

// status asks vrrpd; ok is false while it does not answer.
func (d *daemon) status() (s control.Status, ok bool) {
	out, err := d.host.Try(d.path, "status", "--json", "--socket", d.socket())
	if err != nil {
		return s, false
	}
	return s, json.Unmarshal([]byte(out), &s) == nil
}

var entering = regexp.MustCompile(`\((\w+)\) Entering (\w+) STATE`)

// state is the state of an instance, or "" while it is not known.
func (d *daemon) state(instance string) string {
	if d.kind == ours {
		s, _ := d.status()
		if i, ok := s.Instance(instance); ok {
			return i.State
		}
		return ""
	}
	if d.kind == frr {
		return frrState(d.proc.Output())
	}
	state := ""
	for _, m := range entering.FindAllStringSubmatch(d.proc.Output(), -1) {
		if m[1] == instance {
			state = m[2]
		}
	}
	return state
}

// limit is generous: it tells working from not working, never fast from slow.
const limit = 20 * time.Second

// want waits until the instance is in the state.
func (d *daemon) want(instance, state string) {
	d.t.Helper()
	eventually(d.t, fmt.Sprintf("%s on %s (%s) to be %s", instance, d.host.Name, d.kind, state), func() bool {
		return d.state(instance) == state
	})
}

// eventually waits until it holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", limit, what)
		}
	}
}

// complaints are keepalived's words for a packet it does not like.
var complaints = regexp.MustCompile(`(?i)invalid|mismatch|bogus|incorrect|wrong|bad |ignoring`)

// noComplaint fails if keepalived disliked anything it received.
func (d *daemon) noComplaint() {
	d.t.Helper()
	if d.kind != keepalived {
		return
	}
	for _, line := range strings.Split(d.proc.Output(), "\n") {
		if complaints.MatchString(line) && !strings.Contains(line, "track_interface") {
			d.t.Errorf("keepalived on %s complains: %s", d.host.Name, line)
		}
	}
}
