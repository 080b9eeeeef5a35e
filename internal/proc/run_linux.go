// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// drain is how long Run waits for the last output of a program that has ended
// while something it left behind keeps the pipe open.
const drain = 100 * time.Millisecond

// maxLingering bounds the pipes kept open for what programs left behind.
const maxLingering = 64

var lingering atomic.Int32

// Run runs a program until it ends or ctx is done. In the latter case its
// process group gets SIGTERM and, if any of it is left after the grace period,
// SIGKILL; the error then wraps [ErrEnded] and the context's cause.
//
// What a program leaves behind when it ends by itself keeps running, as it
// would after a shell: its output is discarded. Should this process die, the
// program gets SIGTERM.
//
// Run does not return before the program is gone, however long the kernel takes
// for that.
func Run(ctx context.Context, c Command) Result {
	res := Result{Started: time.Now(), ExitCode: -1}
	if err := ctx.Err(); err != nil {
		res.Err = fmt.Errorf("%w: %w", ErrEnded, context.Cause(ctx))
		return res
	}
	p, err := start(c)
	if err != nil {
		res.Err = &StartError{Err: err}
		res.Duration = time.Since(res.Started)
		return res
	}
	ended := false
	select {
	case <-p.exited:
	case <-ctx.Done():
		ended = true
		p.endGroup(orDefault(c.Grace, DefaultGrace))
	}
	err = p.cmd.Wait()
	res.Duration = time.Since(res.Started)
	res.Output, res.Dropped = p.finishOutput()
	if st := p.cmd.ProcessState; st != nil {
		res.ExitCode = st.ExitCode()
		if ws, ok := st.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			res.Signal = ws.Signal()
		}
	}
	switch {
	case ended:
		res.Err = fmt.Errorf("%w: %w", ErrEnded, context.Cause(ctx))
	case p.cmd.ProcessState == nil:
		res.Err = fmt.Errorf("wait: %w", err)
	case !p.cmd.ProcessState.Success():
		res.Err = &ExitError{Code: res.ExitCode, Signal: res.Signal}
	}
	return res
}

// process is a started program. Until cmd.Wait reaps it, its number and with it
// the number of its group cannot be given to anybody else.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when the program has exited and is not yet reaped
	pipe   *os.File
	tail   *tail
	eof    chan struct{} // closed when the last writer has closed the pipe
}

func start(c Command) (*process, error) {
	if len(c.Args) == 0 || c.Args[0] == "" {
		return nil, errors.New("no program named")
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	cmd, exited, err := launch(c, w, c.Args)
	if errors.Is(err, unix.ENOEXEC) {
		cmd, exited, err = launch(c, w, append([]string{"/bin/sh", cmd.Path}, c.Args[1:]...))
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	p := &process{
		cmd: cmd, exited: exited, pipe: r,
		tail: &tail{limit: orDefault(c.Output, DefaultOutput)},
		eof:  make(chan struct{}),
	}
	go func() {
		defer close(p.eof)
		_, _ = io.Copy(p.tail, r) // ends with the last writer or with Close
	}()
	return p, nil
}

// launch starts the program from a thread that lives until the program has
// exited, because the death signal is bound to the thread that forks.
func launch(c Command, out *os.File, args []string) (*exec.Cmd, chan struct{}, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	if cmd.Env == nil {
		cmd.Env = Environ(c.As)
	}
	cmd.Stdout, cmd.Stderr = out, out // a file: os/exec copies nothing
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if c.As != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{
			Uid: c.As.UID, Gid: c.As.GID,
			// Only root may change its groups; who is not root and asks for
			// himself gets what he has.
			NoSetGroups: os.Geteuid() != 0,
		}
	}
	started, exited := make(chan error, 1), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		awaitExit(cmd.Process.Pid)
		close(exited)
	}()
	return cmd, exited, <-started
}

// awaitExit returns when the child has exited, and leaves it to be reaped.
func awaitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// finishOutput returns the kept output. If something the program left behind
// holds the pipe, the pipe stays open, within a bound, so that a later print
// does not end it.
func (p *process) finishOutput() (string, int64) {
	wait := time.NewTimer(drain)
	defer wait.Stop()
	select {
	case <-p.eof:
		p.pipe.Close()
	case <-wait.C:
		if lingering.Add(1) > maxLingering {
			lingering.Add(-1)
			p.pipe.Close()
			break
		}
		go func() {
			<-p.eof
			p.pipe.Close()
			lingering.Add(-1)
		}()
	}
	return p.tail.seal()
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
