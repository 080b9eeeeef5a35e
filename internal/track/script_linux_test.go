// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/notify/script"
)

// soon bounds what takes milliseconds on an idle machine.
const soon = 30 * time.Second

// real runs Trackers on the real system.
type real struct {
	*Trackers
	t    *testing.T
	told chan engine.TrackChanged
	stop func() // ends Run and waits for it
}

func newReal(t *testing.T, e edges, specs ...Spec) *real {
	t.Helper()
	r := &real{Trackers: New(slog.New(slog.DiscardHandler)), t: t, told: make(chan engine.TrackChanged, 100)}
	r.edge = e
	if err := r.Set(specs); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.Run(ctx, func(c engine.TrackChanged) {
			select {
			case r.told <- c:
			case <-ctx.Done():
			}
		})
	}()
	r.stop = func() { cancel(); <-done }
	t.Cleanup(r.stop)
	return r
}

// until waits for a level that satisfies ok and returns it.
func (r *real) until(what string, ok func(engine.Level) bool) engine.Level {
	r.t.Helper()
	limit := time.After(soon)
	for {
		select {
		case c := <-r.told:
			if ok(c.Level) {
				return c.Level
			}
			r.t.Logf("passing %+v", c.Level)
		case <-limit:
			r.t.Fatalf("never told: %s; status %+v", what, r.Status())
		}
	}
}

func (r *real) bad(detail string) {
	r.t.Helper()
	r.until("bad, "+detail, func(l engine.Level) bool { return !l.Good && strings.Contains(l.Detail, detail) })
}

func shell(name, text string) Script {
	return Script{
		Name:     name,
		Command:  script.Command{Argv: []string{"/bin/sh", "-c", text}, Grace: 200 * time.Millisecond},
		Interval: 100 * time.Millisecond, Timeout: soon,
	}
}

func TestScriptFollowsItsExitCode(t *testing.T) {
	flag := filepath.Join(t.TempDir(), "flag")
	r := newReal(t, systemEdges(), shell("x", "echo looking; test -e "+flag))
	r.bad("exit 1")
	if err := os.WriteFile(flag, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r.until("good", func(l engine.Level) bool { return l.Good })
	if last := r.Status()[0].Last; last.Output != "looking" || last.Duration <= 0 || last.At.IsZero() {
		t.Errorf("last result %+v", last)
	}
	if err := os.Remove(flag); err != nil {
		t.Fatal(err)
	}
	r.bad("exit 1")
}

func TestScriptsThatMisbehave(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	slow := func(text string) Script {
		s := shell("x", text)
		s.Timeout = 300 * time.Millisecond
		return s
	}
	program := func(argv ...string) Script {
		return Script{Name: "x", Command: script.Command{Argv: argv}, Interval: time.Second, Timeout: soon}
	}
	for name, tc := range map[string]struct {
		spec Script
		want string
	}{
		"hangs":            {slow("sleep 1000"), "timed out after 300ms"},
		"ignores SIGTERM":  {slow("trap '' TERM; sleep 1000; sleep 1000"), "timed out after 300ms"},
		"forks and hangs":  {slow("sleep 1000 & sleep 1000 & wait"), "timed out after 300ms"},
		"floods":           {slow("while :; do echo flood flood flood; done"), "timed out after 300ms"},
		"missing":          {program(filepath.Join(dir, "none")), "no such file"},
		"not executable":   {program(plain), "not executable"},
		"kills itself":     {shell("x", "kill -9 $$"), "killed"},
		"unsafe":           {Script{Name: "x", Command: script.Command{Argv: []string{spoiled(t, dir)}, Policy: script.Refuse}, Timeout: soon}, unsafeDetail()},
		"file cannot open": {Script{Name: "x", TestFile: filepath.Join(dir, "none")}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReal(t, systemEdges(), tc.spec)
			r.bad(tc.want)
		})
	}
}

// spoiled makes a script that everybody may write to.
func spoiled(t *testing.T, dir string) string {
	path := filepath.Join(dir, "spoiled")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	return path
}

// unsafeDetail is what a script that everybody may write to does: as root it is
// refused, and anybody else may run it.
func unsafeDetail() string {
	if os.Geteuid() == 0 {
		return "unsafe"
	}
	return "exit 1"
}

func TestFloodIsBoundedInStatus(t *testing.T) {
	r := newReal(t, systemEdges(), shell("x", "i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done; exit 4"))
	r.bad("exit 4")
	out := r.Status()[0].Last.Output
	if len(out) > 4096 || !strings.HasSuffix(out, "line 4999") {
		t.Errorf("%d bytes of output, ending in %q", len(out), out[max(0, len(out)-20):])
	}
}

func TestRemovedScriptLeavesNothingBehind(t *testing.T) {
	for name, end := range map[string]func(*real){
		"by reload": func(r *real) {
			if err := r.Set(nil); err != nil {
				r.t.Fatal(err)
			}
		},
		"by the end of Run": func(r *real) { go r.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pids")
			text := fmt.Sprintf("trap '' TERM; sleep 1000 & echo $$ $! >%s.tmp; mv %[1]s.tmp %[1]s; wait; sleep 1000", file)
			r := newReal(t, systemEdges(), shell("x", text))
			pids := numbers(t, file)
			end(r)
			for _, pid := range pids {
				eventually(t, fmt.Sprintf("process %d is gone", pid), func() bool { return !aliveNow(pid) })
			}
			eventually(t, "the script is reaped", func() bool {
				return syscall.Kill(pids[0], 0) != nil
			})
		})
	}
}

// aliveNow tells whether a process is there and not a zombie that waits for init.
func aliveNow(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func numbers(t *testing.T, file string) (out []int) {
	t.Helper()
	var text string
	eventually(t, file+" is written", func() bool {
		b, err := os.ReadFile(file)
		text = string(b)
		return err == nil
	})
	for _, word := range strings.Fields(text) {
		n, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(soon); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
