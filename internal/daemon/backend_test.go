// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/internal/track"
	"github.com/govrrp/vrrpd/linux"
	"github.com/govrrp/vrrpd/runner"
	"github.com/govrrp/vrrpd/vrrp"
)

// nowhere is a host that does whatever is asked and hears nobody.
type nowhere struct{ *cables }

func (nowhere) Send(vrrp.ID, vrrp.Packet) error                        { return nil }
func (nowhere) Apply(context.Context, vrrp.ID, runner.Ownership) error { return nil }
func (nowhere) Announce(context.Context, vrrp.ID, vrrp.Announce) error { return nil }
func (nowhere) Poll(func(*engine.FrameReceived))                       {}

// Wait returns early, as it may.
func (nowhere) Wait(time.Time) { time.Sleep(time.Millisecond) }
func (nowhere) Wake()          {}

func (nowhere) List(context.Context) ([]engine.LinkChanged, error) {
	l := link("eth0", true)
	l.Addresses = append(l.Addresses, prefix("192.0.2.1/24"))
	return []engine.LinkChanged{l}, nil
}

const secretive = `
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    authentication {
        auth_type PASS
        auth_pass hunter2
    }
    virtual_ipaddress {
        192.0.2.10/24
    }
}
vrrp_sync_group VG {
    group {
        VI_1
    }
}
`

// alive is a daemon whose engine runs, on no host.
func alive(t *testing.T) (d *Daemon, path string) {
	t.Helper()
	d, _ = idle(t)
	path = filepath.Join(t.TempDir(), "keepalived.conf")
	write(t, path, secretive)
	d.opts.ConfigPath = path
	cfg, findings, err := Load(d.opts)
	if err != nil {
		t.Fatal(findings, err)
	}
	conf, err := EngineConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	d.cfg, d.trackers, d.host = cfg, track.New(nil), linux.New(linux.Options{})
	n := nowhere{&cables{changes: make(chan engine.LinkChanged)}}
	d.runner = runner.New(e, runner.Ports{Wire: n, Host: n, Links: n, Sink: d.sink, Log: d.opts.Log})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.runner.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return d, path
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStatus(t *testing.T) {
	d, path := alive(t)
	s, err := d.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i, ok := s.Instance("VI_1")
	if !ok || i.Fingerprint == "" || i.VRID != 51 || s.Config.Path != path || s.PID != os.Getpid() || s.SyncGroups[0].Name != "VG" {
		t.Errorf("%+v", s)
	}
	if text, err := json.Marshal(s); err != nil || strings.Contains(string(text), "hunter2") {
		t.Errorf("the password is in the status: %v", err)
	}
}

func TestDecisions(t *testing.T) {
	d, _ := alive(t)
	for _, name := range []string{"VI_1", "VG"} {
		if _, err := d.Decisions(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.Decisions("nobody"); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestFailover(t *testing.T) {
	d, _ := alive(t)
	for _, c := range []struct {
		name    string
		seconds float64
		want    error
	}{
		{"VI_1", 30, nil},
		{"VG", 0.5, nil},
		{"nobody", 30, control.ErrNotFound},
		{"VI_1", 0, control.ErrRejected},
		{"VI_1", -1, control.ErrRejected},
		{"VI_1", 8 * 24 * 3600, control.ErrRejected},
		{"VI_1", 1e300, control.ErrRejected},
	} {
		_, err := d.Do(t.Context(), control.Command{Verb: "failover", Name: c.name, Seconds: c.seconds})
		if !errors.Is(err, c.want) {
			t.Errorf("%s for %g s: %v, want %v", c.name, c.seconds, err, c.want)
		}
	}
	if _, err := d.Do(t.Context(), control.Command{Verb: "explode"}); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestPlan(t *testing.T) {
	d, path := alive(t)
	other := filepath.Join(t.TempDir(), "other.conf")
	write(t, other, strings.ReplaceAll(secretive, "VI_1", "VI_2"))
	out, err := d.Do(t.Context(), control.Command{Verb: "plan", File: other})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(out); err != nil || !strings.Contains(string(text), "VI_2") || strings.Contains(string(text), "hunter2") {
		t.Errorf("%s, %v", text, err)
	}
	write(t, path, "vrrp_instance VI_1 {\n}\n")
	out, err = d.Do(t.Context(), control.Command{Verb: "plan"})
	if findings, ok := out.(config.Diagnostics); !errors.Is(err, control.ErrRejected) || !ok || !findings.HasErrors() {
		t.Errorf("%v, %v", out, err)
	}
	if _, err := d.Do(t.Context(), control.Command{Verb: "plan", File: other + ".none"}); !errors.Is(err, control.ErrRejected) {
		t.Errorf("%v", err)
	}
}

// A file that does not validate changes nothing, and the status says so.
func TestReloadRefused(t *testing.T) {
	d, path := alive(t)
	before := d.cfg
	write(t, path, "vrrp_instance VI_1 {\n}\n")
	out, err := d.Do(t.Context(), control.Command{Verb: "reload"})
	if findings, ok := out.(config.Diagnostics); !errors.Is(err, control.ErrRejected) || !errors.Is(err, ErrConfig) || !ok || len(findings) == 0 {
		t.Errorf("%v, %v", out, err)
	}
	s, err := d.Status(t.Context())
	if err != nil || d.cfg != before || !strings.Contains(s.Config.LastReload, path) {
		t.Errorf("%+v, %v", s.Config, err)
	}
	signals := make(chan os.Signal, 1)
	signals <- os.Interrupt
	close(signals)
	d.serveReloads(t.Context(), signals) // ends with the channel
	if d.cfg != before {
		t.Error("a signal made a refused file run")
	}
}

// While a reload waits for the host, the status and the commands answer; after
// the end of the daemon no reload begins.
func TestStatusDuringReload(t *testing.T) {
	d, _ := alive(t)
	d.reloading.Lock() // as a reload does
	if _, err := d.Status(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := d.Do(t.Context(), control.Command{Verb: "failover", Name: "VI_1", Seconds: 1}); err != nil {
		t.Error(err)
	}
	d.reloading.Unlock()
	d.endReloads()
	if _, err := d.Reload(t.Context()); !errors.Is(err, errEnded) {
		t.Errorf("%v", err)
	}
}

// The dumps are readable by their owner only: they name every address.
func TestDumps(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	d, _ := alive(t)
	// A link somebody put there is replaced, not followed.
	victim := filepath.Join(t.TempDir(), "victim")
	write(t, victim, "precious")
	if err := os.Symlink(victim, filepath.Join(dir, string(DumpData))); err != nil {
		t.Fatal(err)
	}
	for _, what := range []Dump{DumpData, DumpStats, DumpJSON} {
		if err := d.dump(t.Context(), what); err != nil {
			t.Fatal(err)
		}
	}
	for _, what := range []Dump{DumpData, DumpStats, DumpJSON} {
		path := filepath.Join(dir, string(what))
		info, err := os.Lstat(path)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", what, info, err)
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "VI_1") || strings.Contains(string(text), "hunter2") {
			t.Errorf("%s: %s, %v", what, text, err)
		}
	}
	if text, _ := os.ReadFile(victim); string(text) != "precious" {
		t.Errorf("a dump went through a link: %q", text)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".keepalived*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
