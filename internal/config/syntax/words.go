// SPDX-License-Identifier: Apache-2.0

package syntax

import (
	"strings"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

// stripComment cuts a line at the first # or ! outside double quotes and makes \# and \! plain characters.
func stripComment(t text) text {
	quoted := false
	for i := 0; i < len(t.s); i++ {
		switch c := t.s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && c == '\\' && i+1 < len(t.s) && (t.s[i+1] == '#' || t.s[i+1] == '!'):
			t = t.replace(i, i+2, t.s[i+1:i+2])
		case !quoted && (c == '#' || c == '!'):
			return t.slice(0, i)
		}
	}
	return t
}

// tokenize feeds the words and braces of a line to the builder.
func tokenize(t text, b *builder) {
	for i := 0; i < len(t.s); {
		switch c := t.s[i]; {
		case isBlank(c):
			i++
		case c == '{':
			b.openBrace(t.pos(i, i+1))
			i++
		case c == '}':
			b.closeBrace(t.pos(i, i+1))
			i++
		default:
			i = word(t, i, b)
		}
	}
	b.endLine()
}

// word reads the word at byte i and returns where it ends.
func word(t text, i int, b *builder) int {
	start, quoted := i, false
	var sb strings.Builder
	for i < len(t.s) {
		c := t.s[i]
		if c == '"' {
			quoted = true
			end, ok := quote(t.s, i+1, &sb)
			if !ok {
				b.diags.Add(t.pos(i, len(t.s)).Diagnostic(diag.Warning, "unclosed-quote", "this quote is not closed", "the rest of the line is taken as one word", "a closing \" on the same line"))
			}
			i = end
			continue
		}
		if isBlank(c) || c == '{' || c == '}' {
			break
		}
		sb.WriteByte(c)
		i++
	}
	w := Word{Text: sb.String(), Pos: t.pos(start, i), Quoted: quoted}
	if quoted {
		b.word(w)
		return i
	}
	b.plainWord(w, strings.TrimSpace(t.s[i:]) == "")
	return i
}

// plainWord looks at an unquoted word for the two habits that other languages teach before it adds it.
func (b *builder) plainWord(w Word, lastOnLine bool) {
	if cut := strings.TrimRight(w.Text, ";"); cut != w.Text {
		b.diags.Add(w.Pos.Diagnostic(diag.Warning, "semicolon", "a ; does not end a statement here", "keepalived takes it as part of the word and then rejects the value; vrrpd drops it", "the line without ;"))
		w.Text = cut
	}
	if lastOnLine && w.Text != "\\" && strings.HasSuffix(w.Text, `\`) || w.Text == `\` {
		b.diags.Add(w.Pos.Diagnostic(diag.Warning, "continuation", `a trailing \ does not continue the line`, "only definitions ($NAME= \\) may span lines; keepalived takes the \\ as part of the word, vrrpd drops it", "the whole statement on one line"))
		w.Text = strings.TrimRight(w.Text, `\`)
	}
	if w.Text != "" {
		b.word(w)
	}
}

// quote reads up to the closing double quote. Only \" is an escape here; commands have their own rules for the rest.
func quote(s string, i int, sb *strings.Builder) (end int, closed bool) {
	for ; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return i + 1, true
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '"':
			i++
			sb.WriteByte('"')
		default:
			sb.WriteByte(s[i])
		}
	}
	return i, false
}
