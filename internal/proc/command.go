// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Defaults for the zero values of [Command].
const (
	DefaultGrace  = 2 * time.Second
	DefaultOutput = 4096
)

// Command is a program to run.
type Command struct {
	// Args is the program and its arguments. No shell is involved, with one
	// exception that execvp(3) has too: a text file without an interpreter
	// line is handed to /bin/sh. A name without a slash is searched in PATH.
	Args []string
	// Dir is the working directory; empty means the caller's.
	Dir string
	// Env is the environment; nil means [Environ].
	Env []string
	// As is the identity the program gets; nil means the caller's.
	As *Identity
	// Grace is the time between SIGTERM and SIGKILL; 0 means [DefaultGrace].
	Grace time.Duration
	// Output bounds the bytes kept of what the program prints; 0 means
	// [DefaultOutput]. Older output is dropped first.
	Output int
}

// Result says how a program ended.
type Result struct {
	Started  time.Time     // when it was asked to start
	Duration time.Duration // until it, or its group if that had to be ended, was gone
	// ExitCode is the exit status, or -1 if there is none: not started, or
	// ended by a signal.
	ExitCode int
	Signal   syscall.Signal // the signal that ended the program, or 0
	// Output is the end of what it printed on standard output and standard
	// error, as valid UTF-8.
	Output string
	// Dropped counts the bytes printed before those in Output.
	Dropped int64
	// Err is nil for exit status 0. It is a [*StartError] if the program could
	// not be started, an [*ExitError] if it failed by itself, and wraps
	// [ErrEnded] and the context's cause if it was ended.
	Err error
}

var (
	// ErrEnded is wrapped by the error of a program that was ended because its
	// context was done.
	ErrEnded = errors.New("ended")
	// ErrUntrusted is wrapped by the error of [Trusted] for a path that
	// somebody else than root can change.
	ErrUntrusted = errors.New("can be changed by others than root")
)

// ExitError is the failure of a program that ran to its own end.
type ExitError struct {
	Code   int            // exit status, or -1
	Signal syscall.Signal // the signal that ended it, or 0
}

// Error is short enough for a status line.
func (e *ExitError) Error() string {
	if e.Signal != 0 {
		return fmt.Sprintf("ended by signal %d (%v)", int(e.Signal), e.Signal)
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// StartError is the failure to start a program at all.
type StartError struct{ Err error }

// Error names the reason without the path, which the caller knows.
func (e *StartError) Error() string {
	err := e.Err
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	if lookErr, ok := errors.AsType[*exec.Error](err); ok {
		err = lookErr.Err
	}
	return "cannot start: " + err.Error()
}

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// private lists the prefixes of variables that belong to the conversation
// between systemd and this process. A child that inherited them could speak to
// systemd in this daemon's name.
var private = []string{"NOTIFY_SOCKET=", "WATCHDOG_PID=", "WATCHDOG_USEC=", "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES="}

// Environ returns the environment a program gets by default: the caller's
// without the variables systemd meant for the caller, and with HOME, USER,
// LOGNAME and SHELL of the identity unless that is nil.
func Environ(as *Identity) []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return slices.ContainsFunc(private, func(p string) bool { return strings.HasPrefix(kv, p) })
	})
	if as == nil {
		return env
	}
	// Of two settings of one variable, os/exec keeps the last.
	env = append(env, "SHELL=/bin/sh")
	if as.Home != "" {
		env = append(env, "HOME="+as.Home)
	}
	if as.User != "" {
		env = append(env, "USER="+as.User, "LOGNAME="+as.User)
	}
	return env
}
