// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is how long [Process.Expect] and [Process.Stop] wait before they
// call it a failure: far above anything a healthy machine needs.
const patience = 20 * time.Second

// command prepares a command that runs in the host's namespaces and dies with
// the test.
func (h *Host) command(args []string) *exec.Cmd {
	enter := append([]string{"-t", strconv.Itoa(h.pid), "-n", "-m", "--"}, args...)
	cmd := exec.Command("nsenter", enter...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Try runs a command in the host and returns its output, both streams.
func (h *Host) Try(args ...string) (string, error) {
	out, err := h.command(args).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %s: %w: %s", h.Name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return string(out), err
}

// Exec runs a command in the host and returns its output; the test fails when
// the command does.
func (h *Host) Exec(args ...string) string {
	h.lab.t.Helper()
	out, err := h.Try(args...)
	if err != nil {
		h.lab.t.Fatal(err)
	}
	return out
}

// Process is a command that runs in a host.
type Process struct {
	host *Host
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended

	mu     sync.Mutex
	output bytes.Buffer
	grown  chan struct{} // closed and replaced at each write
}

// Start runs a command in the host until it ends or the test does. If the test
// fails, the output is logged.
func (h *Host) Start(args ...string) *Process {
	h.lab.t.Helper()
	return h.start(args[0], h.command(args))
}

// StartProgram runs a function registered with [Program] in the host, as a
// process of its own.
func (h *Host) StartProgram(program string, args ...string) *Process {
	h.lab.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		h.lab.t.Fatal(err)
	}
	cmd := h.command(append([]string{exe}, args...))
	cmd.Env = append(os.Environ(), envProgram+"="+program)
	return h.start(program, cmd)
}

func (h *Host) start(name string, cmd *exec.Cmd) *Process {
	t := h.lab.t
	t.Helper()
	p := &Process{host: h, name: name, cmd: cmd, done: make(chan struct{}), grown: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p, p
	// A daemon's children may hold the output open after it has ended.
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %s: %v", h.Name, name, err)
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // the state says it all
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s: output of %s:\n%s", h.Name, name, p.Output())
		}
	})
	return p
}

// Write takes output; it implements io.Writer for the command.
func (p *Process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.grown)
	p.grown = make(chan struct{})
	return p.output.Write(b)
}

// Output returns what the process has written so far, both streams.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// Expect waits until the output contains text; the test fails when the process
// ends first or nothing happens for a long time.
func (p *Process) Expect(text string) {
	p.host.lab.t.Helper()
	giveUp := time.After(patience)
	for ended := false; ; {
		p.mu.Lock()
		found, grown := strings.Contains(p.output.String(), text), p.grown
		p.mu.Unlock()
		switch {
		case found:
			return
		case ended:
			p.host.lab.t.Fatalf("%s: %s ended without writing %q: %v", p.host.Name, p.name, text, p.cmd.ProcessState)
		}
		select {
		case <-grown:
		case <-p.done:
			ended = true
		case <-giveUp:
			p.host.lab.t.Fatalf("%s: %s did not write %q", p.host.Name, p.name, text)
		}
	}
}

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) {
	p.host.lab.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.host.lab.t.Errorf("%s: %s: %v", p.host.Name, p.name, err)
	}
}

// Kill ends the process with SIGKILL and waits for its end.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// Stop sends SIGTERM and returns the exit code, or -1 after a signal.
func (p *Process) Stop() int {
	p.host.lab.t.Helper()
	p.Signal(syscall.SIGTERM)
	return p.Wait()
}

// Wait waits for the end and returns the exit code, or -1 after a signal.
func (p *Process) Wait() int {
	p.host.lab.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.host.lab.t.Errorf("%s: %s does not end", p.host.Name, p.name)
		p.Kill()
	}
	return p.cmd.ProcessState.ExitCode()
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }
