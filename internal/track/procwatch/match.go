// SPDX-License-Identifier: Apache-2.0

package procwatch

import (
	"path/filepath"
	"slices"
	"strings"
)

// Params says how the parameters of a process must compare to those of a [Match].
type Params int

// The ways to compare.
const (
	// Equal wants the same parameters.
	Equal Params = iota
	// Leading wants the parameters of the Match first; more may follow
	// (param_match partial).
	Leading
	// Prefix is Leading, but the last parameter of the Match may also be cut
	// short (param_match initial).
	Prefix
)

// commLength is what the kernel keeps of a process name.
const commLength = 15

// Match is a pattern for processes. It is exact: no wildcards.
type Match struct {
	// Command is compared to the name of the process, as in /proc/PID/comm. With a
	// slash, with Params, with FullCommand, or with a Compare other than Equal, it is
	// compared to the first word of the command line instead, directory included.
	Command string
	// Params are compared to the rest of the command line; none match any.
	Params  []string
	Compare Params
	// FullCommand compares the command line even if nothing else asks for it.
	FullCommand bool
}

// byCommandLine tells whether the name alone does not decide.
func (m Match) byCommandLine() bool {
	return m.FullCommand || len(m.Params) > 0 || m.Compare != Equal || strings.Contains(m.Command, "/")
}

// matches decides on one process. The command line is only asked for when it is
// needed; it is empty for a kernel thread.
func (m Match) matches(comm string, commandLine func() []string) bool {
	if !m.byCommandLine() {
		if len(m.Command) <= commLength {
			return comm == m.Command
		}
		// The kernel cut the name: the command line has the whole one, after
		// the interpreter if it is a script.
		return comm == m.Command[:commLength] && slices.ContainsFunc(firstTwo(commandLine()), func(w string) bool {
			return filepath.Base(w) == m.Command
		})
	}
	words := commandLine()
	return len(words) > 0 && words[0] == m.Command && m.params(words[1:])
}

func (m Match) params(got []string) bool {
	n := len(m.Params)
	switch {
	case n == 0:
		return true
	case m.Compare == Leading:
		return len(got) >= n && slices.Equal(got[:n], m.Params)
	case m.Compare == Prefix:
		last := n - 1
		return len(got) >= n && slices.Equal(got[:last], m.Params[:last]) && strings.HasPrefix(got[last], m.Params[last])
	}
	return slices.Equal(got, m.Params)
}

func firstTwo(words []string) []string { return words[:min(2, len(words))] }
