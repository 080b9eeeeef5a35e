// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/notify/script"
)

func command(t *testing.T, body string, args ...string) *script.Command {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.sh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return &script.Command{Argv: append([]string{path}, args...), Grace: 100 * time.Millisecond}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// TestKeepalivedArguments runs each keyword for each state and compares the calls,
// with their arguments, in order.
func TestKeepalivedArguments(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	say := func(keyword string) *script.Command {
		return command(t, `echo `+keyword+` "$@" >>`+log, "my arg")
	}
	s := Scripts{
		Master: say("master"), Backup: say("backup"), Fault: say("fault"), Stop: say("stop"),
		Deleted: say("deleted"), RxLowerPri: say("rx"), Any: say("notify"),
	}
	d := New(nil)
	set(t, d, Lane{Name: "scripts", Hooks: s.Hooks(), Depth: 100})
	for _, st := range append(Everything(), Init) {
		d.Post(Event{Kind: Instance, Name: "VI_1", State: st, Priority: 150})
	}
	d.Post(Event{Kind: Group, Name: "G", State: Master, Priority: 150})
	closeAll(t, d)
	want := `master my arg
notify my arg INSTANCE VI_1 MASTER 150
backup my arg
notify my arg INSTANCE VI_1 BACKUP 150
fault my arg
notify my arg INSTANCE VI_1 FAULT 150
stop my arg
notify my arg INSTANCE VI_1 STOP 150
deleted my arg
notify my arg INSTANCE VI_1 DELETED 150
notify my arg INSTANCE VI_1 FAULT 150
rx my arg
master my arg
notify my arg GROUP G MASTER 0`
	if got := read(t, log); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEnvironmentDescribesTheEvent(t *testing.T) {
	c := command(t, `env | grep ^VRRPD_ | sort`)
	c.Env = []string{"VRRPD_EXTRA=1"}
	o := Exec{Command: *c}.Notify(t.Context(), Event{
		Kind: Instance, Name: "VI_1", State: Master, Previous: Backup, Priority: 150,
		Reason: "master down\x00\n\x1b[31m", At: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	})
	want := `VRRPD_EXTRA=1
VRRPD_KIND=INSTANCE
VRRPD_NAME=VI_1
VRRPD_PREVIOUS_STATE=BACKUP
VRRPD_PRIORITY=150
VRRPD_REASON=master down   [31m
VRRPD_STATE=MASTER
VRRPD_TIME=2026-01-02T03:04:05.000000006Z`
	if o.Err != nil || o.Output != want {
		t.Errorf("%v, got\n%s\nwant\n%s", o.Err, o.Output, want)
	}
}

// TestFlappingWithRealScripts forces 50 changes on scripts slower than the flapping.
func TestFlappingWithRealScripts(t *testing.T) {
	dir := t.TempDir()
	log, lock := filepath.Join(dir, "log"), filepath.Join(dir, "lock")
	body := `mkdir ` + lock + ` || echo OVERLAP >>` + log + `
sleep 0.07
echo $VRRPD_STATE >>` + log + `
rmdir ` + lock
	s := Scripts{Master: command(t, body), Backup: command(t, body), Any: command(t, body)}
	d := New(nil)
	set(t, d, Lane{Name: "scripts", Hooks: s.Hooks()})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := range 50 {
		d.Post(instance("VI", []State{Backup, Master}[i%2]))
		<-tick.C
	}
	closeAll(t, d)
	got := strings.Fields(read(t, log))
	if len(got) < 2 || got[len(got)-1] != "MASTER" || got[len(got)-2] != "MASTER" {
		t.Errorf("does not end with both scripts told MASTER: %v", got)
	}
	if strings.Contains(read(t, log), "OVERLAP") {
		t.Errorf("scripts ran side by side: %v", got)
	}
	checkCounts(t, d.Results(), "notify", 50)
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); err == nil && info.Signo != 0 {
		t.Error("a zombie stays")
	}
}

// TestEachBadScriptHasItsResult: whatever a script does wrong shows in its own result
// and disturbs no other lane.
func TestEachBadScriptHasItsResult(t *testing.T) {
	stubborn := command(t, `trap '' TERM; (trap '' TERM; sleep 60) & echo started; sleep 60; sleep 60`)
	stubborn.Timeout = 500 * time.Millisecond
	plain := command(t, "exit 0")
	if err := os.Chmod(plain.Argv[0], 0o644); err != nil {
		t.Fatal(err)
	}
	open := command(t, "echo ran")
	open.Policy = script.Refuse
	if err := os.Chmod(open.Argv[0], 0o777); err != nil {
		t.Fatal(err)
	}
	openWant := script.ErrUnsafe.Error()
	if os.Geteuid() != 0 {
		openWant = "" // only what runs as root is refused
	}
	d := New(nil)
	want := map[string]string{}
	var lanes []Lane
	for name, tc := range map[string]struct {
		c   *script.Command
		err string
	}{
		"ignores SIGTERM and forks": {stubborn, "ended at its deadline of 500ms"},
		"fills its output":          {command(t, "yes | head -c 5000000"), ""},
		"missing":                   {&script.Command{Argv: []string{"/nonexistent"}}, "/nonexistent: no such file or directory"},
		"not executable":            {plain, "not executable"},
		"writable by others":        {open, openWant},
		"fails":                     {command(t, "echo why >&2; exit 7"), "failed: exit status 7"},
	} {
		want[name] = tc.err
		lanes = append(lanes, Lane{Name: name, Hooks: []Hook{{Target: Exec{Keyword: name, Command: *tc.c}}}})
	}
	set(t, d, lanes...)
	d.Post(instance("VI", Master))
	closeAll(t, d)
	results := d.Results()
	if len(results) != len(want) {
		t.Errorf("%d results, want %d", len(results), len(want))
	}
	for _, r := range results {
		if (want[r.Target] == "") != (r.Err == "") || !strings.Contains(r.Err, want[r.Target]) {
			t.Errorf("%s: got %q, want %q", r.Target, r.Err, want[r.Target])
		}
		if r.Running || r.Runs != 1 || r.State != Master || r.At.IsZero() {
			t.Errorf("%s: %+v", r.Target, r)
		}
		if r.Target == "fails" && (r.Exit != 7 || r.Output != "why") {
			t.Errorf("exit %d, output %q", r.Exit, r.Output)
		}
	}
}

func TestCloseEndsAHungScript(t *testing.T) {
	started := filepath.Join(t.TempDir(), "started")
	if err := unix.Mkfifo(started, 0o600); err != nil {
		t.Fatal(err)
	}
	d := New(nil)
	s := Scripts{Any: command(t, "trap '' TERM; echo >"+started+"; sleep 60; sleep 60")}
	set(t, d, Lane{Name: "scripts", Hooks: s.Hooks()})
	d.Post(instance("VI", Master))
	read(t, started)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Close(ctx); !errors.Is(err, ErrCutShort) {
		t.Errorf("got %v", err)
	}
	if r := d.Results(); len(r) != 1 || r[0].Running || !strings.Contains(r[0].Err, script.ErrCanceled.Error()) {
		t.Errorf("got %+v", r)
	}
}
