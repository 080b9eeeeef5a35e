// SPDX-License-Identifier: Apache-2.0

package syntax

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

// Source is one file that was read.
type Source struct {
	// Name is the path as it was opened.
	Name string
	// text gives the lines. It is a func so that no verb of fmt, applied to whatever holds a Pos, prints a file with its passwords.
	text func() []string
}

func newSource(name string, lines []string) *Source {
	return &Source{Name: name, text: func() []string { return lines }}
}

// Line returns source line n, counted from 1, with secrets blanked out.
func (s *Source) Line(n int) string {
	if s == nil || s.text == nil {
		return ""
	}
	lines := s.text()
	if n < 1 || n > len(lines) {
		return ""
	}
	return redact(lines[n-1])
}

// secretWord finds values that must not be shown: passwords, keys, and definitions that look like either.
var secretWord = regexp.MustCompile(`(?i)((?:^|[\s{])(?:auth_pass|key\s+\d+|api_key|token|password)\s+|\$\w*(?:pass|secret|key|token)\w*=\s*)(\S.*)$`)

func redact(line string) string {
	if len(line) > maxExpandedLine {
		line = line[:maxExpandedLine]
	}
	if m := secretWord.FindStringSubmatchIndex(line); m != nil {
		return line[:m[4]] + "***"
	}
	return line
}

// Pos is a place in a file: the bytes [Column, EndColumn) of a line, counted from 1. The zero Pos is nowhere.
type Pos struct {
	src            *Source
	line, col, end int32
}

// At returns the place of a whole file, for findings that belong to no line.
func At(file string) Pos { return Pos{src: &Source{Name: file}} }

// File returns the path of the file, or "".
func (p Pos) File() string {
	if p.src == nil {
		return ""
	}
	return p.src.Name
}

// Line returns the line, counted from 1; 0 when the place is the whole file.
func (p Pos) Line() int { return int(p.line) }

// Column returns the first byte's column, counted from 1.
func (p Pos) Column() int { return int(p.col) }

// IsZero reports whether p is nowhere.
func (p Pos) IsZero() bool { return p.src == nil }

// String returns file:line:column.
func (p Pos) String() string {
	if p.line == 0 {
		return p.File()
	}
	return fmt.Sprintf("%s:%d:%d", p.File(), p.line, p.col)
}

// To returns the place from the start of p to the end of q, if both stand on one line.
func (p Pos) To(q Pos) Pos {
	if p.src == q.src && p.line == q.line && q.end > p.end {
		p.end = q.end
	}
	return p
}

// Diagnostic makes a finding at p.
func (p Pos) Diagnostic(sev diag.Severity, rule, what, why, instead string) diag.Diagnostic {
	return diag.Diagnostic{
		Severity: sev, File: p.File(), Line: int(p.line), Column: int(p.col), EndColumn: int(p.end), Text: p.src.Line(int(p.line)),
		Rule: rule, What: what, Why: why, Instead: instead,
	}
}

// text is a stretch of one line that remembers the column each byte came from.
type text struct {
	s    string
	cols []int32 // nil: byte i stands at column base+i
	base int32
	src  *Source
	line int32
}

func (t text) col(i int) int32 {
	switch {
	case t.cols == nil:
		return t.base + int32(i)
	case i < len(t.cols):
		return t.cols[i]
	case len(t.cols) > 0:
		return t.cols[len(t.cols)-1] + 1
	}
	return t.base
}

func (t text) pos(i, j int) Pos {
	p := Pos{src: t.src, line: t.line, col: t.col(i), end: t.col(i) + 1}
	if j > i {
		p.end = max(p.end, t.col(j-1)+1)
	}
	return p
}

func (t text) slice(i, j int) text {
	u := t
	u.s = t.s[i:j]
	if t.cols != nil {
		u.cols = t.cols[i:j]
		if i < len(t.cols) {
			u.base = t.cols[i]
		}
	} else {
		u.base += int32(i)
	}
	return u
}

func (t text) trim() text {
	i, j := 0, len(t.s)
	for i < j && isBlank(t.s[i]) {
		i++
	}
	for j > i && isBlank(t.s[j-1]) {
		j--
	}
	return t.slice(i, j)
}

// replace puts value in place of bytes [i, j). All of value gets the column of byte i, where its name stands.
func (t text) replace(i, j int, value string) text {
	cols := make([]int32, 0, len(t.s)-(j-i)+len(value))
	for k := range i {
		cols = append(cols, t.col(k))
	}
	at := t.col(i)
	for range len(value) {
		cols = append(cols, at)
	}
	for k := j; k < len(t.s); k++ {
		cols = append(cols, t.col(k))
	}
	u := t
	u.s = t.s[:i] + value + t.s[j:]
	u.cols = cols
	return u
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r' }

func splitLines(content string) []string {
	lines := strings.Split(content, "\n")
	if n := len(lines); lines[n-1] == "" {
		lines = lines[:n-1]
	}
	return lines
}
