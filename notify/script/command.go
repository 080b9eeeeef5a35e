// SPDX-License-Identifier: Apache-2.0

package script

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Defaults of [Command].
const (
	DefaultTimeout = 60 * time.Second
	DefaultGrace   = 2 * time.Second
)

// Forever as [Command.Timeout] means that only the context ends the program.
const Forever time.Duration = -1

// Errors a [Result] or [Command.Check] may wrap, besides [fs.ErrNotExist] and
// [fs.ErrPermission].
var (
	// ErrTimeout: the program was still running at its deadline and was ended.
	ErrTimeout = errors.New("ended at its deadline")
	// ErrCanceled: the context ended first and the program was ended.
	ErrCanceled = errors.New("ended because it is no longer wanted")
	// ErrStuck: the program did not even end by SIGKILL, as it waits in the kernel. It is
	// reaped when it does.
	ErrStuck = errors.New("stuck in the kernel")
	// ErrExit: the program ended by itself, but not with exit code 0.
	ErrExit = errors.New("failed")
	// ErrUnsafe: somebody other than root could change what would run as root.
	ErrUnsafe = errors.New("unsafe to run as root")
	// ErrEmpty: there is no program to run.
	ErrEmpty = errors.New("empty command")
)

// A Policy says what to do with a program that runs as root and that others could
// have changed. It is keepalived's enable_script_security.
type Policy int

const (
	// Trust runs the program whoever may write to it.
	Trust Policy = iota
	// Refuse does not run as root what others than root may write to: the file
	// itself, each directory above it, and those of every symbolic link on the way.
	Refuse
)

// A Command is a program with everything that decides how it is run.
type Command struct {
	// Argv is the program and its arguments. A name without a slash is searched in
	// PATH. No shell is involved.
	Argv []string
	// User is who runs it; nil means the daemon's own user and groups.
	User *User
	// Env is added to the inherited environment, "NAME=value".
	Env []string
	// Timeout is how long the program may run; 0 means [DefaultTimeout].
	Timeout time.Duration
	// Grace is the time from SIGTERM to SIGKILL; 0 means [DefaultGrace].
	Grace time.Duration
	// Policy is applied by Check, and again by Run just before the program starts.
	Policy Policy
}

// A Result is what became of one run.
type Result struct {
	Started  time.Time
	Duration time.Duration
	// Exit is the exit code; -1 when the program did not start or died by a signal.
	Exit int
	// Output holds the last lines of standard output and error, at most 20 lines
	// and 4 KiB, without control characters.
	Output string
	// Err is nil only when the program ran and ended with exit code 0.
	Err error
}

// String returns the command line for logs and status, quoted where needed.
func (c Command) String() string {
	words := slices.Clone(c.Argv)
	for i, w := range words {
		if w == "" || strings.ContainsAny(w, " \t\n\"'\\") {
			words[i] = fmt.Sprintf("%q", w)
		}
	}
	return strings.Join(words, " ")
}

// Check reports why the program could not be run now: it is missing, not a regular
// file, not executable for its user, or unsafe under [Refuse]. A nil result is no
// promise: Run checks again.
func (c Command) Check() error {
	_, err := c.resolve()
	return err
}

// Run starts the program with args after the configured ones and waits until it
// has ended. It returns at the latest 3 seconds after Timeout plus Grace, or after
// the end of ctx plus Grace.
func (c Command) Run(ctx context.Context, args ...string) Result {
	started := time.Now()
	done := make(chan Result, 1)
	go func() {
		// The kernel ties two things to the thread that forks: the parent-death signal
		// comes when that thread dies, and scheduling is inherited from it. The thread
		// is therefore held until the program is gone. It goes back to the runtime
		// afterwards: were it thrown away, other children that were once started
		// from it, by whatever code, would get their parent-death signal.
		runtime.LockOSThread()
		restore, err := schedulingStaysHere()
		if err != nil {
			done <- Result{Exit: -1, Err: err}
			return
		}
		done <- c.run(ctx, args)
		if restore() == nil {
			runtime.UnlockOSThread()
		}
		// Otherwise the thread ends with this goroutine: the runtime must not clone
		// others from it, which would lose the daemon's priority.
	}()
	r := <-done
	r.Started, r.Duration = started, time.Since(started)
	return r
}

func (c Command) timeout() time.Duration {
	if c.Timeout == 0 {
		return DefaultTimeout
	}
	return c.Timeout
}

func (c Command) grace() time.Duration {
	if c.Grace <= 0 {
		return DefaultGrace
	}
	return c.Grace
}

// resolve returns the path of the program after all checks.
func (c Command) resolve() (string, error) {
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return "", ErrEmpty
	}
	path := c.Argv[0]
	if !strings.Contains(path, "/") {
		found, err := exec.LookPath(path)
		if err != nil {
			return "", fmt.Errorf("%s: not found in PATH: %w", path, fs.ErrNotExist)
		}
		path = found
	}
	if err := executable(path, c.User); err != nil {
		return "", err
	}
	if c.Policy == Refuse && runsAsRoot(c.User) {
		if err := onlyRootCanChange(path); err != nil {
			return "", err
		}
	}
	return path, nil
}
