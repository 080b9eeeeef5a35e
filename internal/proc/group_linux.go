// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// poll is how often a group whose leader has exited is looked at.
	poll = 20 * time.Millisecond
	// maxPolls bounds the wait for a killed group.
	maxPolls = 50
)

// endGroup ends the program's process group and returns when the program has
// exited and, as far as can be seen, all of its group too.
func (p *process) endGroup(grace time.Duration) {
	group := p.cmd.Process.Pid
	// Errors are not looked at: the group exists as long as its leader is not
	// reaped, and what cannot be signalled is not ours.
	_ = unix.Kill(-group, unix.SIGTERM)
	_ = unix.Kill(-group, unix.SIGCONT) // a stopped process would not see it
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	exited := p.exited
	for exited != nil || groupAlive(group) {
		select {
		case <-exited:
			exited = nil
			continue
		case <-tick.C:
			continue
		case <-deadline.C:
		}
		_ = unix.Kill(-group, unix.SIGKILL)
		<-p.exited
		for i := 0; i < maxPolls && groupAlive(group); i++ {
			<-tick.C
		}
		return
	}
}

// groupAlive tells whether a process other than a zombie is in the group.
// Signal 0 does not: it reaches zombies, and the unreaped leader is one.
func groupAlive(group int) bool {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return true // without /proc: assume so, and let the grace period decide
	}
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has just gone
		}
		// "pid (name) state ppid pgrp …": the name may hold anything, ")" too.
		fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		if len(fields) < 3 || fields[0][0] == 'Z' || fields[0][0] == 'X' {
			continue
		}
		if n, err := strconv.Atoi(string(fields[2])); err == nil && n == group {
			return true
		}
	}
	return false
}
