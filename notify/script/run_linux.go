// SPDX-License-Identifier: Apache-2.0

package script

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// settle bounds the wait for the last output of a program that has ended while a
// child in the background still holds the pipe.
const settle = 250 * time.Millisecond

// killTime is how long a program may take to end after SIGKILL.
const killTime = 2 * time.Second

// run does the work of Run on a locked thread that no other goroutine will use.
func (c Command) run(ctx context.Context, args []string) Result {
	failed := Result{Exit: -1}
	if ctx.Err() != nil {
		failed.Err = fmt.Errorf("not started: %w", ErrCanceled)
		return failed
	}
	path, err := c.resolve()
	if err != nil {
		failed.Err = err
		return failed
	}
	argv := append(append([]string{}, c.Argv...), args...)
	cmd, out, err := c.start(path, argv)
	if errors.Is(err, syscall.ENOEXEC) && looksLikeText(path) {
		// A script without a #! line, run by the shell as every shell would do.
		cmd, out, err = c.start("/bin/sh", append([]string{"/bin/sh", path}, argv[1:]...))
	}
	if err != nil {
		failed.Err = err
		return failed
	}
	return c.supervise(ctx, cmd, out)
}

func (c Command) start(path string, argv []string) (*exec.Cmd, *tail, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("pipe for the output: %w", err)
	}
	defer w.Close()
	cmd := &exec.Cmd{
		Path: path, Args: argv, Dir: "/",
		Env:    Environment(os.Environ(), c.User, c.Env),
		Stdout: w, Stderr: w,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM},
	}
	if c.User != nil && !isSelf(c.User) {
		cmd.SysProcAttr.Credential = &syscall.Credential{
			Uid: c.User.UID, Gid: c.User.GID, Groups: c.User.Groups, NoSetGroups: groupsAreFixed(),
		}
	}
	if err := cmd.Start(); err != nil {
		r.Close()
		return nil, nil, err
	}
	out := newTail()
	go out.drain(r)
	return cmd, out, nil
}

// supervise waits for the started program, ends its group when it must, and reaps it.
func (c Command) supervise(ctx context.Context, cmd *exec.Cmd, out *tail) Result {
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		awaitExit(cmd.Process.Pid)
	}()
	var deadline <-chan time.Time
	if limit := c.timeout(); limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		deadline = t.C
	}
	var ended error
	select {
	case <-exited:
	case <-deadline:
		ended = fmt.Errorf("%w of %v", ErrTimeout, c.timeout())
	case <-ctx.Done():
		ended = ErrCanceled
	}
	if ended == nil {
		await(out.eof, settle)
	} else if !endGroup(cmd.Process.Pid, c.grace(), exited, out.eof) {
		go func() { <-exited; _ = cmd.Wait() }()
		return Result{Exit: -1, Output: out.String(), Err: fmt.Errorf("%w, and %w", ended, ErrStuck)}
	}
	// Only now is the leader reaped: as long as it is a zombie, its process group id
	// cannot belong to anybody else.
	err := cmd.Wait()
	res := Result{Exit: cmd.ProcessState.ExitCode(), Output: out.String()}
	var exit *exec.ExitError
	switch {
	case ended != nil:
		res.Err = ended
	case errors.As(err, &exit):
		res.Err = fmt.Errorf("%w: %s", ErrExit, exit.ProcessState)
	case err != nil:
		res.Err = err
	}
	return res
}

// endGroup asks a process group to end, waits until its leader has ended and its
// output is closed, at most grace, and then leaves nobody alive. It reports whether that
// succeeded: nothing ends a process that waits for a device or a file server.
func endGroup(pgid int, grace time.Duration, exited, eof <-chan struct{}) bool {
	_ = syscall.Kill(-pgid, syscall.SIGTERM)
	t := time.NewTimer(grace)
	defer t.Stop()
	gone := exited
	for gone != nil {
		select {
		case <-gone:
			if gone == eof {
				gone = nil
			} else {
				gone = eof
			}
		case <-t.C:
			gone = nil
		}
	}
	_ = syscall.Kill(-pgid, syscall.SIGKILL)
	if !await(exited, killTime) {
		return false
	}
	await(eof, settle)
	return true
}

// await reports whether something came to its end within the limit.
func await(done <-chan struct{}, limit time.Duration) bool {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

// awaitExit returns when the child has ended, and leaves it to be reaped.
func awaitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// schedulingStaysHere makes the kernel give children of this thread the normal
// policy and no raised priority, whatever the daemon runs with, until restore. It touches
// only this thread: the Go runtime never clones its own threads from a locked one.
// A thread that has nothing to hide is left as it is, because sandboxes may forbid the call.
func schedulingStaysHere() (restore func() error, err error) {
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil || attr.Policy == unix.SCHED_NORMAL && attr.Nice >= 0 {
		return func() error { return nil }, nil
	}
	before := *attr
	attr.Flags |= unix.SCHED_FLAG_RESET_ON_FORK
	if err := unix.SchedSetAttr(0, attr, 0); err != nil {
		return nil, fmt.Errorf("keep the scheduling policy from children: %w", err)
	}
	return func() error { return unix.SchedSetAttr(0, &before, 0) }, nil
}

func isSelf(u *User) bool {
	return os.Geteuid() != 0 && int(u.UID) == os.Geteuid() && int(u.GID) == os.Getegid()
}

// groupsAreFixed reports whether this is a user namespace in which nobody may change
// supplementary groups. Trying would fail; they mean nothing to the namespace anyway.
func groupsAreFixed() bool {
	text, err := os.ReadFile("/proc/self/setgroups")
	return err == nil && bytes.HasPrefix(text, []byte("deny"))
}

// looksLikeText tells a script without #! from a program for another machine.
func looksLikeText(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 512))
	return err == nil && !bytes.ContainsRune(head, 0)
}
