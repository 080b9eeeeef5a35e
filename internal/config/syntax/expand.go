// SPDX-License-Identifier: Apache-2.0

package syntax

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

// reference is a $NAME, ${NAME} or ${_NAME args} at bytes [from, to) of a line.
type reference struct {
	from, to   int
	name, args string
	braced     bool
}

// maxReference is the length of the longest ${…} that is looked at.
const maxReference = 256

// nextReference finds the next reference at or after byte i. The bare form counts only before a blank, comma, closing
// parenthesis or the end of the line.
func nextReference(s string, i int) (reference, bool) {
	for ; i < len(s); i++ {
		if s[i] != '$' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '{' {
			end := strings.IndexByte(s[i:min(len(s), i+maxReference)], '}')
			if end < 0 {
				continue
			}
			name, args, _ := strings.Cut(strings.TrimSpace(s[i+2:i+end]), " ")
			if isName(name) {
				return reference{from: i, to: i + end + 1, name: name, args: strings.TrimSpace(args), braced: true}, true
			}
			continue
		}
		j := i + 1
		for j < len(s) && (isName(s[j:j+1]) || j > i+1 && s[j] >= '0' && s[j] <= '9') {
			j++
		}
		if j > i+1 && (j == len(s) || isBlank(s[j]) || s[j] == ',' || s[j] == ')' || s[j] == '"') {
			return reference{from: i, to: j, name: s[i+1 : j]}, true
		}
	}
	return reference{}, false
}

// pending reports whether s names a definition that exists.
func (r *reader) pending(s string) bool {
	for i := 0; ; {
		ref, ok := nextReference(s, i)
		if !ok {
			return false
		}
		if _, known := r.defs[ref.name]; known {
			return true
		}
		i = ref.to
	}
}

// expand replaces the references of a line. A multi-line definition makes several lines of it. False: the line is unusable, and that
// was reported.
func (r *reader) expand(t text) ([]text, bool) {
	for i, rounds := 0, 0; ; {
		ref, ok := nextReference(t.s, i)
		if !ok {
			return []text{t}, true
		}
		if rounds++; rounds > maxExpandDepth*maxExpandDepth {
			r.add(t.pos(ref.from, ref.to), diag.Error, "expansion-loop", "definitions on this line refer to each other without end, or too often", fmt.Sprintf("a line may hold %d references", maxExpandDepth*maxExpandDepth), "a definition that does not contain itself")
			return nil, false
		}
		lines, known := r.lookup(t, ref)
		switch {
		case !known:
			r.unknown(t, ref)
			i = ref.to
		case len(lines) > 1:
			return r.splice(t, ref, lines), true
		default:
			value := ""
			if len(lines) == 1 {
				value = lines[0].s
			}
			if t, ok = r.substitute(t, ref.from, ref.to, value); !ok {
				return nil, false
			}
			i = ref.from
			if ref.name[0] == '_' {
				i += len(value)
			}
		}
	}
}

// substitute replaces a stretch of a line within the limits.
func (r *reader) substitute(t text, from, to int, value string) (text, bool) {
	size := len(t.s) - (to - from) + len(value)
	r.work -= size
	if size > maxExpandedLine || r.work < 0 {
		if r.work > -maxExpandWork { // one report is enough
			r.add(t.pos(from, to), diag.Error, "expansion-size", "the expansion of this line is too large", fmt.Sprintf("a line may grow to %d KiB and all expansions together to %d MiB", maxExpandedLine>>10, maxExpandWork>>20), "")
		}
		if r.work < 0 {
			r.work = -2 * maxExpandWork
		}
		return text{}, false
	}
	return t.replace(from, to, value), true
}

// splice puts the lines of a multi-line definition in place of its name.
func (r *reader) splice(t text, ref reference, lines []text) []text {
	out := make([]text, 0, len(lines)+2)
	for _, l := range append(append([]text{t.slice(0, ref.from)}, lines...), t.slice(ref.to, len(t.s))) {
		r.work -= len(l.s) + 1
		if l.trim().s != "" {
			out = append(out, l)
		}
	}
	if r.work < 0 {
		r.substitute(t, 0, 0, "")
		return nil
	}
	return out
}

func (r *reader) unknown(t text, ref reference) {
	if ref.braced {
		r.add(t.pos(ref.from, ref.to), diag.Warning, "unknown-definition", "${"+ref.name+"} is not defined", "the text stays as it is, and its braces then open and close a block", "$"+ref.name+"=VALUE on a line above")
	}
}

// lookup returns the value of a reference.
func (r *reader) lookup(t text, ref reference) ([]text, bool) {
	if ref.name[0] != '_' {
		v, ok := r.defs[ref.name]
		return v, ok
	}
	if !ref.braced {
		return nil, false
	}
	one := func(s string) ([]text, bool) { return []text{{s: s}}, true }
	switch ref.name {
	case "_PWD":
		dir, err := filepath.Abs(r.dir())
		if err != nil {
			dir = r.dir()
		}
		return one(dir)
	case "_INSTANCE":
		return one(r.opts.ConfigID)
	case "_HASH":
		return one("#")
	case "_BANG":
		return one("!")
	case "_ENV":
		if !isName(ref.args) {
			return nil, false
		}
		return one(r.opts.Getenv(ref.args))
	case "_RANDOM":
		return one(strconv.FormatUint(r.randomNumber(t, ref), 10))
	}
	return nil, false
}

// randomNumber draws a number for ${_RANDOM [min [max]]}.
func (r *reader) randomNumber(t text, ref reference) uint64 {
	bounds := [2]uint64{0, 32767}
	for i, s := range strings.Fields(ref.args) {
		v, err := strconv.ParseUint(s, 10, 32)
		if i > 1 || err != nil {
			r.add(t.pos(ref.from, ref.to), diag.Warning, "bad-random", "the limits of ${_RANDOM} must be two whole numbers", "0 and 32767 are used for what is missing", "${_RANDOM 1 100}")
			break
		}
		bounds[i] = v
	}
	if bounds[1] < bounds[0] {
		return bounds[0]
	}
	return bounds[0] + r.random.Uint64N(bounds[1]-bounds[0]+1)
}
