// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Dialect is the language to convert from.
type Dialect string

// The dialects.
const (
	Vyatta Dialect = "vyatta"
	VyOS   Dialect = "vyos"
	VNS3   Dialect = "vns3"
)

// Dialects lists the words that --from takes.
func Dialects() []Dialect { return []Dialect{Vyatta, VyOS, VNS3} }

// Errors of [Convert].
var (
	ErrDialect = errors.New("unknown dialect")
	ErrNoVRRP  = errors.New("nothing about VRRP found")
	ErrSyntax  = errors.New("cannot read this file")
)

// maxInput bounds what is read.
const maxInput = 16 << 20

// Left is a source line that has no counterpart. Passwords in Text are blanked out.
type Left struct {
	Line int    `json:"line"`
	Text string `json:"text"`
	Why  string `json:"why"`
}

// Result is the converted configuration.
type Result struct {
	// Text is a keepalived.conf.
	Text string
	// Left has what could not be converted, by line.
	Left []Left
	// Other are the source lines that are not about VRRP.
	Other []int
}

// Convert reads src, called name in comments, and writes a keepalived.conf. Errors wrap [ErrDialect], [ErrSyntax] or [ErrNoVRRP].
func Convert(from Dialect, name string, src []byte) (Result, error) {
	if len(src) > maxInput || bytes.IndexByte(src, 0) >= 0 {
		return Result{}, fmt.Errorf("%s: %w: it is too large or not text", name, ErrSyntax)
	}
	var o output
	var err error
	switch from {
	case Vyatta, VyOS:
		err = convertRouter(&o, string(src))
	case VNS3:
		err = convertVNS3(&o, src)
	default:
		err = fmt.Errorf("%w %q: one of %v", ErrDialect, from, Dialects())
	}
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", name, err)
	}
	return Result{Text: o.text(from, name), Left: o.left, Other: o.other}, nil
}

// line is a statement of the output and the source line it comes from; 0 is a default of the source system.
type line struct {
	text string
	from int
}

// block is a block of the output. A block with an empty head is its lines alone.
type block struct {
	head   string
	from   int
	lines  []line
	blocks []*block
}

func (b *block) add(from int, format string, args ...any) {
	b.lines = append(b.lines, line{fmt.Sprintf(format, args...), from})
}

// sub returns the inner block with this head, made on first use.
func (b *block) sub(from int, head string) *block {
	for _, s := range b.blocks {
		if s.head == head {
			return s
		}
	}
	s := &block{head: head, from: from}
	b.blocks = append(b.blocks, s)
	return s
}

type output struct {
	blocks []*block
	left   []Left
	other  []int
}

func (o *output) leave(at int, text, why string) {
	o.left = append(o.left, Left{at, text, why})
}

func (o *output) text(from Dialect, name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Converted from %s (%s). \"line N\" is a line of that file.\n# Look at it with: vrrpd check\n", comment(name), from)
	for _, bl := range o.blocks {
		b.WriteByte('\n')
		bl.write(&b, "")
	}
	slices.SortStableFunc(o.left, func(a, b Left) int { return a.Line - b.Line })
	if len(o.left) > 0 {
		b.WriteString("\n# Not converted:\n")
		for _, l := range o.left {
			fmt.Fprintf(&b, "#   line %d: %s: %s\n", l.Line, comment(l.Text), l.Why)
		}
	}
	if n := len(o.other); n > 0 {
		fmt.Fprintf(&b, "\n# Lines that are not about VRRP and were left out: %d.\n", n)
	}
	return b.String()
}

// comment keeps source text on one line and free of control characters.
func comment(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

func (b *block) write(w *strings.Builder, indent string) {
	inner := indent
	if b.head != "" {
		statement(w, indent, b.head+" {", b.from)
		inner += "    "
	}
	for _, l := range b.lines {
		statement(w, inner, l.text, l.from)
	}
	for _, s := range b.blocks {
		s.write(w, inner)
	}
	if b.head != "" {
		w.WriteString(indent + "}\n")
	}
}

func statement(w *strings.Builder, indent, text string, from int) {
	s := indent + text
	if from > 0 {
		s = fmt.Sprintf("%-48s # line %d", s, from)
	}
	w.WriteString(s + "\n")
}

// word quotes a value where the target language needs it. Characters that it cannot hold in any way become blanks.
func word(s string) string {
	s = comment(s)
	if s == "" || strings.ContainsAny(s, " \t#!{}\"';$~@\\") {
		return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
	}
	return s
}
