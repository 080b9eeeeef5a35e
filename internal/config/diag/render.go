// SPDX-License-Identifier: Apache-2.0

package diag

import (
	"fmt"
	"io"
	"strings"
)

// Style says how [Render] prints.
type Style struct {
	// Color adds ANSI colours; set it only for a terminal.
	Color bool
	// Brief prints each finding on one line, without the source.
	Brief bool
}

const (
	ansiReset = "\x1b[0m"
	ansiBold  = "\x1b[1m"
	ansiDim   = "\x1b[2m"
)

func (s Severity) ansi() string {
	switch s {
	case Error:
		return "\x1b[31m"
	case Warning:
		return "\x1b[33m"
	case Hint:
		return "\x1b[36m"
	}
	return ""
}

// Render prints the findings in their order. It returns the first error of w.
func Render(w io.Writer, ds Diagnostics, st Style) error {
	paint := func(code, s string) string {
		if !st.Color || s == "" {
			return s
		}
		return code + s + ansiReset
	}
	for _, d := range ds {
		var b strings.Builder
		if st.Brief {
			b.WriteString(printable(d.String()) + "\n")
		} else {
			fmt.Fprintf(&b, "%s%s %s\n", paint(ansiBold, printable(d.place())), paint(d.Severity.ansi(), d.Severity.String()+":"), paint(ansiBold, printable(d.What)))
			gutter := d.source(&b, paint)
			if d.Why != "" {
				fmt.Fprintf(&b, "%s = why: %s\n", gutter, printable(d.Why))
			}
			if d.Instead != "" {
				fmt.Fprintf(&b, "%s = write: %s\n", gutter, printable(d.Instead))
			}
		}
		if _, err := io.WriteString(w, b.String()); err != nil {
			return err
		}
	}
	return nil
}

const maxShown = 160

// source prints the line with the offending part underlined and returns the indent of what follows.
func (d Diagnostic) source(b *strings.Builder, paint func(code, s string) string) string {
	num := fmt.Sprintf("%5d", d.Line)
	gutter := strings.Repeat(" ", len(num))
	if d.Line == 0 || strings.TrimSpace(d.Text) == "" {
		return gutter
	}
	text, from, to := d.Text, d.Column-1, d.EndColumn-1
	if len(text) > maxShown {
		text = text[:maxShown]
	}
	fmt.Fprintf(b, "%s | %s\n", paint(ansiDim, num), printable(text))
	if from < 0 || from >= len(text) {
		return gutter
	}
	to = max(min(to, len(text)), from+1)
	// Tabs stay tabs, so that the marks stand under the text whatever the terminal's tab width is.
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, text[:from])
	marks := "^" + strings.Repeat("~", len([]rune(text[from:to]))-1)
	fmt.Fprintf(b, "%s | %s%s\n", gutter, pad, paint(d.Severity.ansi(), marks))
	return gutter
}

// printable keeps control characters of a hostile file away from the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || (r >= ' ' && r != 0x7f && (r < 0x80 || r >= 0xa0)) {
			return r
		}
		return '\uFFFD'
	}, s)
}
