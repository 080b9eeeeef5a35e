// SPDX-License-Identifier: Apache-2.0

//go:build linux

package proc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// soon bounds everything that takes milliseconds on an idle machine.
const soon = 30 * time.Second

func sh(script string) Command {
	return Command{Args: []string{"/bin/sh", "-c", script}, Grace: 200 * time.Millisecond}
}

// bounded returns a context that ends the command if the test hangs.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	t.Cleanup(cancel)
	return ctx
}

func TestResultOfAProgramThatEndsByItself(t *testing.T) {
	for _, tc := range []struct {
		script, output, err string
		code                int
		signal              syscall.Signal
	}{
		{script: "echo out; echo err >&2", output: "out\nerr\n"},
		{script: "echo why; exit 3", output: "why\n", code: 3, err: "exit status 3"},
		{script: "kill -9 $$", code: -1, signal: syscall.SIGKILL, err: "ended by signal 9 (killed)"},
		{script: `printf '\377ok'`, output: "\uFFFDok"},
		{script: "read x || echo no input", output: "no input\n"},
	} {
		res := Run(bounded(t), sh(tc.script))
		var err string
		if res.Err != nil {
			err = res.Err.Error()
		}
		if res.Output != tc.output || res.ExitCode != tc.code || res.Signal != tc.signal || err != tc.err {
			t.Errorf("%s: got output %q, code %d, signal %d, error %q", tc.script, res.Output, res.ExitCode, res.Signal, err)
		}
		if res.Duration <= 0 || res.Started.IsZero() {
			t.Errorf("%s: took %v from %v", tc.script, res.Duration, res.Started)
		}
	}
}

func TestProgramsThatCannotStart(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		want string
		is   error
	}{
		{nil, "cannot start: no program named", nil},
		{[]string{filepath.Join(dir, "none")}, "cannot start: no such file or directory", fs.ErrNotExist},
		{[]string{plain}, "cannot start: permission denied", fs.ErrPermission},
		{[]string{dir}, "cannot start: permission denied", fs.ErrPermission},
		{[]string{"vrrpd-no-such-program"}, "cannot start: executable file not found in $PATH", nil},
	} {
		res := Run(bounded(t), Command{Args: tc.args})
		if _, ok := errors.AsType[*StartError](res.Err); !ok || res.Err.Error() != tc.want || res.ExitCode != -1 {
			t.Errorf("%q: got %v, code %d, want %q", tc.args, res.Err, res.ExitCode, tc.want)
		}
		if tc.is != nil && !errors.Is(res.Err, tc.is) {
			t.Errorf("%q: %v is not %v", tc.args, res.Err, tc.is)
		}
	}
}

func TestScriptWithoutInterpreterLineRunsInAShell(t *testing.T) {
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("echo \"$1\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	res := Run(bounded(t), Command{Args: []string{path, "one word"}})
	if errors.Is(res.Err, syscall.ETXTBSY) {
		t.Skip("another test forked while the script was being written")
	}
	if res.Err != nil || res.Output != "one word\n" {
		t.Errorf("got %q, %v", res.Output, res.Err)
	}
}

func TestHugeOutputKeepsTheEnd(t *testing.T) {
	c := sh("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")
	c.Output = 64
	res := Run(bounded(t), c)
	if res.Err != nil || len(res.Output) != 64 || !strings.HasSuffix(res.Output, "\nline 19999\n") {
		t.Errorf("got %q, %v", res.Output, res.Err)
	}
	if res.Dropped < 100_000 {
		t.Errorf("dropped %d bytes", res.Dropped)
	}
}

// pids reads the process numbers a script wrote to a file, once there are n.
func pids(t *testing.T, path string, n int) []int {
	t.Helper()
	for end := time.Now().Add(soon); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		b, err := os.ReadFile(path)
		if words := strings.Fields(string(b)); err == nil && len(words) >= n && strings.HasSuffix(string(b), "\n") {
			var got []int
			for _, w := range words {
				pid, err := strconv.Atoi(w)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, pid)
			}
			return got
		}
	}
	t.Fatalf("%s: the script never wrote %d numbers", path, n)
	return nil
}

// alive tells whether a process runs; a zombie waiting for init does not.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	rest := string(b[strings.LastIndexByte(string(b), ')')+1:])
	return !slices.Contains([]string{"Z", "X"}, strings.Fields(rest)[0])
}

func TestEndingReachesTheWholeGroup(t *testing.T) {
	for name, script := range map[string]string{
		"hangs":                  "echo $$ >%s.tmp; mv %[1]s.tmp %[1]s; sleep 1000",
		"forks":                  "sleep 1000 & echo $$ $! >%s.tmp; mv %[1]s.tmp %[1]s; wait",
		"ignores SIGTERM":        "trap '' TERM; sleep 1000 & echo $$ $! >%s.tmp; mv %[1]s.tmp %[1]s; while :; do sleep 1; done",
		"only the child ignores": "(trap '' TERM; sleep 1000) & echo $$ $! >%s.tmp; mv %[1]s.tmp %[1]s; wait",
		"is stopped":             "echo $$ >%s.tmp; mv %[1]s.tmp %[1]s; kill -STOP $$",
		"prints without end":     "echo $$ >%s.tmp; mv %[1]s.tmp %[1]s; while :; do echo y; done",
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pids")
			ctx, cancel := context.WithCancelCause(bounded(t))
			cause := errors.New("the test says so")
			done := make(chan Result, 1)
			go func() { done <- Run(ctx, sh(fmt.Sprintf(script, file))) }()
			started := pids(t, file, 1)
			cancel(cause)
			res := <-done
			if !errors.Is(res.Err, ErrEnded) || !errors.Is(res.Err, cause) {
				t.Errorf("got %v", res.Err)
			}
			if res.Duration > soon {
				t.Errorf("took %v", res.Duration)
			}
			for _, pid := range started {
				if alive(pid) {
					t.Errorf("process %d of %v outlived Run", pid, started)
				}
			}
			if err := syscall.Kill(started[0], 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("process %d was not reaped: %v", started[0], err)
			}
		})
	}
}

func TestGraceLetsTheGroupFinish(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pids")
	c := sh(fmt.Sprintf(`(trap 'sleep 0.3; echo child done; exit' TERM; echo $$ >%s; while :; do sleep 0.05; done) &
		trap 'exit 0' TERM; wait`, file))
	c.Grace = soon
	ctx, cancel := context.WithCancel(bounded(t))
	done := make(chan Result, 1)
	go func() { done <- Run(ctx, c) }()
	pids(t, file, 1)
	cancel()
	if res := <-done; !strings.Contains(res.Output, "child done") {
		t.Errorf("the child was not given its time: output %q, %v", res.Output, res.Err)
	}
}

func TestWhatIsLeftBehindKeepsRunning(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pids")
	res := Run(bounded(t), sh(fmt.Sprintf("(sleep 1; echo late; echo $$ >%s.tmp; mv %[1]s.tmp %[1]s) & echo started", file)))
	if res.Err != nil || res.Output != "started\n" {
		t.Fatalf("got %q, %v", res.Output, res.Err)
	}
	pids(t, file, 1) // it printed to a pipe nobody waits for and still went on
}

func TestContextAlreadyDone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	res := Run(ctx, Command{Args: []string{"/bin/true"}})
	if !errors.Is(res.Err, ErrEnded) || !errors.Is(res.Err, context.Canceled) {
		t.Errorf("got %v", res.Err)
	}
}

func TestManyAtOnce(t *testing.T) {
	ctx := bounded(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if res := Run(ctx, sh(fmt.Sprintf("exit %d", i))); res.ExitCode != i {
				t.Errorf("run %d: exit status %d, %v", i, res.ExitCode, res.Err)
			}
		})
	}
	wg.Wait()
}

func TestPrivilegeDrop(t *testing.T) {
	require.Need(t, require.Root)
	as, err := Lookup("nobody", "")
	if err != nil {
		t.Fatal(err)
	}
	c := sh("id -u; id -g; id -G; echo $USER $LOGNAME $HOME; cat /etc/shadow >/dev/null 2>&1 || echo denied")
	c.As = as
	res := Run(bounded(t), c)
	want := fmt.Sprintf("%d\n%d\n%[2]d\nnobody nobody %[3]s\ndenied\n", as.UID, as.GID, as.Home)
	if res.Err != nil || res.Output != want {
		t.Errorf("got %q, %v, want %q", res.Output, res.Err, want)
	}
}

func TestOwnIdentityNeedsNoPrivilege(t *testing.T) {
	c := sh("id -u")
	c.As = &Identity{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	if res := Run(bounded(t), c); res.Err != nil || res.Output != fmt.Sprintln(os.Geteuid()) {
		t.Errorf("got %q, %v", res.Output, res.Err)
	}
}
