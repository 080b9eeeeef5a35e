// SPDX-License-Identifier: Apache-2.0

package script

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// write creates an executable script and returns its path.
func write(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.sh")
	if err := os.WriteFile(path, []byte(body), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestResultTellsWhatHappened(t *testing.T) {
	plain := write(t, "#!/bin/sh\necho nothing\n")
	notExecutable := filepath.Join(t.TempDir(), "plain.sh")
	if err := os.WriteFile(notExecutable, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		argv   []string
		exit   int
		err    error
		output string
	}{
		{"success", []string{write(t, "#!/bin/sh\necho \"$1|$2\"; echo err >&2\n"), "a b"}, 0, nil, "a b|last\nerr"},
		{"found in PATH", []string{"echo", "hello"}, 0, nil, "hello last"},
		{"without #!", []string{write(t, "echo shell $1\n"), "x"}, 0, nil, "shell x"},
		{"exit code", []string{write(t, "#!/bin/sh\necho no; exit 3\n")}, 3, ErrExit, "no"},
		{"killed itself", []string{write(t, "#!/bin/sh\nkill -9 $$\n")}, -1, ErrExit, ""},
		{"missing", []string{"/nonexistent/x.sh"}, -1, fs.ErrNotExist, ""},
		{"missing in PATH", []string{"vrrpd-no-such-program"}, -1, fs.ErrNotExist, ""},
		{"not executable", []string{notExecutable}, -1, fs.ErrPermission, ""},
		{"directory", []string{filepath.Dir(plain)}, -1, fs.ErrPermission, ""},
		{"wrong machine", []string{write(t, "\x7fELF\x00\x00")}, -1, unix.ENOEXEC, ""},
		{"missing interpreter", []string{write(t, "#!/nonexistent\n")}, -1, fs.ErrNotExist, ""},
		{"nothing", nil, -1, ErrEmpty, ""},
		{"control characters", []string{"printf", `a\033[31mb\0\377c %s`}, 0, nil, "a [31mb ?c last"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := Command{Argv: tc.argv}.Run(t.Context(), "last")
			if r.Exit != tc.exit || !errors.Is(r.Err, tc.err) || (tc.err == nil) != (r.Err == nil) || r.Output != tc.output {
				t.Errorf("got exit %d, err %v, output %q\nwant exit %d, err %v, output %q",
					r.Exit, r.Err, r.Output, tc.exit, tc.err, tc.output)
			}
			if r.Started.IsZero() || r.Duration <= 0 {
				t.Errorf("started %v, duration %v", r.Started, r.Duration)
			}
		})
	}
}

func TestFloodOfOutputIsReadAndBounded(t *testing.T) {
	r := Command{Argv: []string{write(t, "#!/bin/sh\nyes 0123456789 | head -c 20000000\necho; echo end\n")}}.Run(t.Context())
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if lines := strings.Split(r.Output, "\n"); len(lines) != outputLines || lines[len(lines)-1] != "end" || len(r.Output) > outputBytes {
		t.Errorf("%d lines, %d bytes, ends in %q", len(lines), len(r.Output), lines[len(lines)-1])
	}
}

func TestDeadlineEndsTheWholeGroup(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	body := `#!/bin/sh
trap '' TERM
sh -c 'trap "" TERM; echo $$ >>` + pids + `; while :; do sleep 1; done' &
sh -c 'trap "" TERM; echo $$ >>` + pids + `; while :; do sleep 1; done' &
echo $$ >>` + pids + `
echo stubborn
while :; do sleep 1; done
`
	c := Command{Argv: []string{write(t, body)}, Timeout: time.Second, Grace: 200 * time.Millisecond}
	r := c.Run(t.Context())
	if !errors.Is(r.Err, ErrTimeout) || r.Exit != -1 || r.Output != "stubborn" {
		t.Errorf("got exit %d, err %v, output %q", r.Exit, r.Err, r.Output)
	}
	text, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(strings.Fields(string(text))); n != 3 {
		t.Fatalf("%d processes started, want 3", n)
	}
	for _, pid := range strings.Fields(string(text)) {
		if !ends(t, pid) {
			t.Errorf("process %s of the group is still running", pid)
		}
	}
}

// ends waits for the end of a process that was killed: its files are closed, which Run
// sees, a little before it is gone.
func ends(t *testing.T, pid string) bool {
	t.Helper()
	giveUp := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for alive(pid) {
		select {
		case <-tick.C:
		case <-giveUp:
			return false
		}
	}
	return true
}

// alive reports whether a process runs; a zombie of somebody else does not.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	after := string(stat[strings.LastIndexByte(string(stat), ')')+2:])
	return !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}

func TestPoliteProgramEndsWithinItsGrace(t *testing.T) {
	started := filepath.Join(t.TempDir(), "started")
	if err := unix.Mkfifo(started, 0o600); err != nil {
		t.Fatal(err)
	}
	body := "#!/bin/sh\ntrap 'echo bye; exit 0' TERM\necho >" + started + "\nwhile :; do sleep 0.05; done\n"
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		_, _ = os.ReadFile(started) // returns when the script has written its line
	}()
	r := Command{Argv: []string{write(t, body)}, Grace: time.Minute}.Run(ctx)
	if !errors.Is(r.Err, ErrCanceled) || r.Exit != 0 || !strings.HasSuffix(r.Output, "bye") {
		t.Errorf("got exit %d, err %v, output %q", r.Exit, r.Err, r.Output)
	}
	if r.Duration > 30*time.Second {
		t.Errorf("took %v although the program ended at SIGTERM", r.Duration)
	}
}

func TestChildInTheBackgroundIsLeftAlone(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	body := "#!/bin/sh\nsleep 30 &\necho $! >" + pidFile + "\necho done\n"
	r := Command{Argv: []string{write(t, body)}}.Run(t.Context())
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid := strings.TrimSpace(string(text))
	defer func() { _ = Command{Argv: []string{"kill", pid}}.Run(context.Background()) }()
	if r.Err != nil || r.Output != "done" || r.Duration > 20*time.Second {
		t.Errorf("err %v, output %q after %v", r.Err, r.Output, r.Duration)
	}
	if !alive(pid) {
		t.Error("the background process was ended")
	}
}

func TestNoZombieStays(t *testing.T) {
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { Command{Argv: []string{"true"}}.Run(context.Background()) })
	}
	wg.Wait()
	var info unix.Siginfo
	err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	if err == nil && info.Signo != 0 {
		t.Error("a child was not reaped")
	}
}

func TestDyingThreadsDoNotEndPrograms(t *testing.T) {
	// Threads that die are the trap of the parent-death signal.
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				died := make(chan struct{})
				go func() {
					runtime.LockOSThread() // never unlocked: the thread ends
					close(died)
				}()
				<-died
			}
		})
	}
	for range 5 {
		if r := (Command{Argv: []string{"sleep", "0.1"}}).Run(t.Context()); r.Err != nil {
			t.Errorf("sleep: %v", r.Err)
		}
	}
	close(stop)
	wg.Wait()
}

// TestRunsDoNotEndOtherChildren: a child that other code started with a parent-death
// signal survives our runs, although they may use the thread it was started from.
func TestRunsDoNotEndOtherChildren(t *testing.T) {
	var others []*exec.Cmd
	for range 8 {
		other := exec.Command("sleep", "60")
		other.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		others = append(others, other)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { Command{Argv: []string{"true"}}.Run(context.Background()) })
		}
		wg.Wait()
	}
	for _, other := range others {
		if !alive(strconv.Itoa(other.Process.Pid)) {
			t.Error("a child of somebody else was ended")
		}
		_ = other.Process.Kill()
		_ = other.Wait()
	}
}

func TestEnvironmentWithholdsWhatLoadsCode(t *testing.T) {
	got := Environment(
		[]string{"LD_PRELOAD=x", "BASH_ENV=x", "PYTHONPATH=x", "NOTIFY_SOCKET=x", "BASH_FUNC_ls%%=() { :; }", "GODEBUG=x", "VRRPD_STATE=FAULT", "HOME=/root", "LANG=C", "bad"},
		&User{Name: "bob", Home: "/home/bob"}, []string{"VRRPD_STATE=MASTER", "X=a\x00b"})
	want := "LANG=C USER=bob LOGNAME=bob HOME=/home/bob " + defaultPath + " VRRPD_STATE=MASTER X=a b"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %q\nwant %q", strings.Join(got, " "), want)
	}
}

func TestStringQuotes(t *testing.T) {
	if got := (Command{Argv: []string{"/a", "b c", ""}}).String(); got != `/a "b c" ""` {
		t.Errorf("got %s", got)
	}
}
