// SPDX-License-Identifier: Apache-2.0

package diag

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity says what a finding means for the daemon.
type Severity uint8

const (
	// Hint is advice: the file does what it says, and something better exists.
	Hint Severity = iota
	// Warning is a file that runs but does not do what it seems to say.
	Warning
	// Error is a file that cannot run.
	Error
)

// String returns "error", "warning" or "hint".
func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	case Hint:
		return "hint"
	}
	return fmt.Sprintf("Severity(%d)", uint8(s))
}

// MarshalText gives the word of [Severity.String].
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word that MarshalText writes.
func (s *Severity) UnmarshalText(b []byte) error {
	for _, v := range []Severity{Hint, Warning, Error} {
		if string(b) == v.String() {
			*s = v
			return nil
		}
	}
	return fmt.Errorf("unknown severity %q", b)
}

// Diagnostic is one finding. Line and columns count from 1, columns in bytes; Line 0 means the file as a whole.
// EndColumn is the column after the last offending byte.
type Diagnostic struct {
	Severity  Severity `json:"severity"`
	File      string   `json:"file"`
	Line      int      `json:"line,omitempty"`
	Column    int      `json:"column,omitempty"`
	EndColumn int      `json:"end_column,omitempty"`
	// Text is the source line, with secrets blanked out.
	Text string `json:"text,omitempty"`
	// Rule is the stable short name of the finding, for filters and tests.
	Rule string `json:"rule"`
	// What is there, Why it matters, and what to write Instead.
	What    string `json:"what"`
	Why     string `json:"why,omitempty"`
	Instead string `json:"instead,omitempty"`
}

// String is the finding on one line, in the form compilers use.
func (d Diagnostic) String() string {
	s := d.place() + d.Severity.String() + ": " + d.What
	if d.Why != "" {
		s += ": " + d.Why
	}
	if d.Instead != "" {
		s += " (write: " + d.Instead + ")"
	}
	return s
}

func (d Diagnostic) place() string {
	switch {
	case d.File == "" && d.Line == 0:
		return ""
	case d.Line == 0:
		return d.File + ": "
	case d.Column == 0:
		return fmt.Sprintf("%s:%d: ", d.File, d.Line)
	}
	return fmt.Sprintf("%s:%d:%d: ", d.File, d.Line, d.Column)
}

// Diagnostics is a list of findings.
type Diagnostics []Diagnostic

// Count returns how many findings have exactly this severity.
func (ds Diagnostics) Count(s Severity) int {
	n := 0
	for _, d := range ds {
		if d.Severity == s {
			n++
		}
	}
	return n
}

// HasErrors reports whether any finding is an [Error].
func (ds Diagnostics) HasErrors() bool { return ds.Count(Error) > 0 }

// Sort orders the findings by file, line and column, keeping the order of findings at one place. Files keep the order
// in which they first appear.
func (ds Diagnostics) Sort() {
	order := make(map[string]int)
	for _, d := range ds {
		if _, ok := order[d.File]; !ok {
			order[d.File] = len(order)
		}
	}
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// maxFindings bounds the memory that a hostile file can make the checker use.
const maxFindings = 50000

// Collector gathers findings, at most 50,000 of them; it counts the rest. The zero value is ready to use. It is not
// safe for concurrent use.
type Collector struct {
	list    Diagnostics
	dropped int
}

// Add records one finding.
func (c *Collector) Add(d Diagnostic) {
	if len(c.list) >= maxFindings {
		c.dropped++
		if d.Severity == Error && !c.list.HasErrors() {
			c.list[len(c.list)-1] = d
		}
		return
	}
	c.list = append(c.list, d)
}

// All returns the findings sorted, with a last one that tells how many were left out.
func (c *Collector) All() Diagnostics {
	out := slices.Clone(c.list)
	out.Sort()
	if c.dropped > 0 {
		out = append(out, Diagnostic{
			Severity: Warning, Rule: "too-many", What: fmt.Sprintf("%d more findings are not shown", c.dropped),
		})
	}
	return out
}
