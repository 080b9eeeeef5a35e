// SPDX-License-Identifier: Apache-2.0

package procwatch

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// procfs reads processes below a directory, /proc outside of tests.
type procfs string

// pids lists the processes there are.
func (p procfs) pids() ([]int, error) {
	dir, err := os.Open(string(p))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// matches tells whether a process is there, is not a zombie, and matches.
func (p procfs) matches(pid int, m Match) bool {
	dir := filepath.Join(string(p), strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return false
	}
	comm, state, ok := parseStat(stat)
	if !ok || state == 'Z' || state == 'X' {
		return false
	}
	return m.matches(comm, func() []string {
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil {
			return nil
		}
		return parseCommandLine(line)
	})
}

// parseStat reads "pid (name) state …". The name may hold anything, also blanks and
// parentheses, so it ends at the last one.
func parseStat(b []byte) (comm string, state byte, ok bool) {
	from, to := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if from < 0 || to < from || to+2 >= len(b) {
		return "", 0, false
	}
	return string(b[from+1 : to]), b[to+2], true
}

// parseCommandLine splits at NUL. A process that has overwritten its command line
// with a title, as many servers do, has one word with blanks.
func parseCommandLine(b []byte) []string {
	text := strings.TrimRight(string(b), "\x00")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\x00")
}
