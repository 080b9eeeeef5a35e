// SPDX-License-Identifier: Apache-2.0

package syntax

import (
	"strconv"
	"strings"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

// generator returns where the first ~SEQ( or ~LST( of a line starts, or -1.
func generator(s string) int {
	for i := 0; ; {
		j := strings.IndexByte(s[i:], '~')
		if j < 0 {
			return -1
		}
		i += j
		rest := s[i+1:]
		if strings.HasPrefix(rest, "SEQ(") || strings.HasPrefix(rest, "SEQx(") || strings.HasPrefix(rest, "LST(") {
			return i
		}
		i++
	}
}

// row is what one repetition gives to the variables.
type row []string

// generate repeats the rest of the line for each value of the generator at byte i.
func (r *reader) generate(t text, i, depth int) {
	open := i + strings.IndexByte(t.s[i:], '(')
	end := closing(t.s, open)
	if end < 0 {
		r.badGenerator(t, i, len(t.s))
		return
	}
	args, ok := r.expand(t.slice(open+1, end))
	if !ok || len(args) != 1 {
		return
	}
	body := t.replace(i, end+1, "")
	kind := t.s[i+1 : open]
	var good bool
	if kind == "LST" {
		good = r.list(args[0].s, body, depth)
	} else {
		good = r.sequence(args[0].s, kind == "SEQx", body, depth)
	}
	if !good {
		r.badGenerator(t, i, end+1)
	}
}

func (r *reader) badGenerator(t text, i, j int) {
	r.add(t.pos(i, j), diag.Warning, "bad-generator", "this repetition cannot be read", "the line is skipped", "~SEQ(var, start, step, end) text, or ~LST(var, value, value) text")
}

// closing finds the parenthesis that closes the one at byte i.
func closing(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// sequence repeats body for ~SEQ(var, [start, [step,]] end).
func (r *reader) sequence(args string, hex bool, body text, depth int) bool {
	f := strings.Split(args, ",")
	if len(f) < 2 || len(f) > 4 || !isName(strings.TrimSpace(f[0])) {
		return false
	}
	nums := make([]int64, 0, 3)
	for _, s := range f[1:] {
		v, err := strconv.ParseInt(strings.TrimSpace(s), 0, 32)
		if err != nil {
			return false
		}
		nums = append(nums, v)
	}
	start, step, end := int64(1), int64(0), nums[len(nums)-1]
	if end < 0 {
		start = -1
	}
	if len(nums) > 1 {
		start = nums[0]
	}
	switch {
	case len(nums) == 3:
		step = nums[1]
	case start > end:
		step = -1
	default:
		step = 1
	}
	if step == 0 || (end-start)*step < 0 {
		return false
	}
	name := []string{strings.TrimSpace(f[0])}
	for v := start; (step > 0 && v <= end) || (step < 0 && v >= end); v += step {
		value := strconv.FormatInt(v, 10)
		if hex {
			value = strconv.FormatInt(v, 16)
		}
		if !r.repeat(name, row{value}, body, depth) {
			break
		}
	}
	return true
}

// list repeats body for ~LST(var, v1, v2…) or ~LST({a,b}, {1,2}, {3,4}).
func (r *reader) list(args string, body text, depth int) bool {
	parts := splitGroups(args)
	if len(parts) < 2 {
		return false
	}
	for _, n := range parts[0] {
		if !isName(n) {
			return false
		}
	}
	for _, values := range parts[1:] {
		if len(values) > len(parts[0]) {
			return false
		}
		for len(values) < len(parts[0]) {
			values = append(values, "")
		}
		if !r.repeat(parts[0], values, body, depth) {
			break
		}
	}
	return true
}

// splitGroups splits a,b,{c,d} into [a] [b] [c d].
func splitGroups(s string) [][]string {
	var out [][]string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(strings.TrimPrefix(s, ",")) {
		if s[0] == '{' {
			inner, rest, ok := strings.Cut(s[1:], "}")
			if !ok {
				return nil
			}
			group := strings.Split(inner, ",")
			for i := range group {
				group[i] = strings.TrimSpace(group[i])
			}
			out, s = append(out, group), strings.TrimSpace(rest)
			if s != "" && s[0] != ',' {
				return nil
			}
			continue
		}
		item, rest, more := strings.Cut(s, ",")
		out, s = append(out, []string{strings.TrimSpace(item)}), rest
		if !more {
			break
		}
	}
	return out
}

// repeat handles body once, with the variables replaced. False ends the repetition.
func (r *reader) repeat(names []string, values row, body text, depth int) bool {
	t, ok := body, true
	for i := 0; ; {
		ref, found := nextReference(t.s, i)
		if !found {
			break
		}
		i = ref.to
		for k, n := range names {
			if n != ref.name {
				continue
			}
			if t, ok = r.substitute(t, ref.from, ref.to, values[k]); !ok {
				return false
			}
			i = ref.from + len(values[k])
			break
		}
	}
	if r.work -= len(t.s) + 16; r.work < 0 {
		r.substitute(t, 0, 0, "")
		return false
	}
	r.logical(t, depth+1)
	return !r.build.full
}
