// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

// field makes a setter: parse the arguments, and store the value where get points.
func field[T, V any](get func(*T) *V, parse func(*call) (V, bool)) func(*call) {
	return func(c *call) {
		if v, ok := parse(c); ok {
			*get(c.target.(*T)) = v
		}
	}
}

// present makes a setter for a keyword that says v by being there.
func present[T any](get func(*T) *bool, v bool) func(*call) {
	return func(c *call) { *get(c.target.(*T)) = v }
}

func isBoolWord(s string) bool { _, ok := boolWord(s); return ok }

func boolWord(s string) (value, ok bool) {
	switch s {
	case "on", "true", "yes":
		return true, true
	case "off", "false", "no":
		return false, true
	}
	return false, false
}

// onOff reads [BOOL]: absent is on.
func onOff(c *call) (value, ok bool) {
	if len(c.args) == 0 {
		return true, true
	}
	v, ok := boolWord(c.arg(0))
	if !ok {
		c.warn(0, "bad-boolean", c.arg(0)+" is neither on nor off", "the line is ignored", "on, true, yes, off, false or no")
	}
	return v, ok
}

func str(c *call) (string, bool) { return c.arg(0), true }

// number reads the first argument as a whole number. Like keepalived at run time it takes leading digits with a warning.
func number(lo, hi int) func(*call) (int, bool) {
	return func(c *call) (int, bool) {
		return c.number(0, lo, hi)
	}
}

func (c *call) number(n, lo, hi int) (int, bool) {
	s := c.arg(n)
	v, err := strconv.Atoi(s)
	if err != nil {
		lead := leadingNumber(s)
		if lead == "" {
			c.warn(n, "bad-number", s+" is not a whole number", "the line is ignored", fmt.Sprintf("%d…%d", lo, hi))
			return 0, false
		}
		v, err = strconv.Atoi(lead)
		if err != nil {
			v = math.MaxInt
		}
		c.warn(n, "bad-number", s+" is not a whole number", "keepalived reads "+lead+", and so does vrrpd", lead)
	}
	if v < lo || v > hi {
		c.warn(n, "out-of-range", fmt.Sprintf("%s is outside %d…%d", s, lo, hi), "the line is ignored", fmt.Sprintf("%d…%d", lo, hi))
		return 0, false
	}
	return v, true
}

func leadingNumber(s string) string {
	i := 0
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
		i = 1
	}
	start := i
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == start {
		return ""
	}
	return s[:i]
}

// strictNumber reads a whole number and refuses trailing text, as keepalived does for VRID and priority.
func (c *call) strictNumber(n, lo, hi int, otherwise string) (int, bool) {
	v, err := strconv.Atoi(c.arg(n))
	if err != nil || v < lo || v > hi {
		c.warn(n, "out-of-range", fmt.Sprintf("%s is not a number in %d…%d", c.arg(n), lo, hi), otherwise, fmt.Sprintf("%s %d…%d", c.kw.Name, lo, hi))
		return 0, false
	}
	return v, true
}

// wholeSeconds reads a number of seconds without fraction.
func wholeSeconds(lo, hi int) func(*call) (time.Duration, bool) {
	return func(c *call) (time.Duration, bool) {
		v, ok := c.number(0, lo, hi)
		return time.Duration(v) * time.Second, ok
	}
}

// decimalSeconds reads seconds with up to six decimals.
func decimalSeconds(lo, hi time.Duration) func(*call) (time.Duration, bool) {
	return func(c *call) (time.Duration, bool) { return c.seconds(0, lo, hi) }
}

func (c *call) seconds(n int, lo, hi time.Duration) (time.Duration, bool) {
	s := c.arg(n)
	d, err := parseSeconds(s)
	if err != nil {
		instead := fmt.Sprintf("%s…%s", formatSeconds(lo), formatSeconds(hi))
		if v, err := time.ParseDuration(s); err == nil && v >= lo && v <= hi {
			instead = formatSeconds(v)
		}
		c.warn(n, "bad-seconds", s+" is not a number of seconds", "the line is ignored", instead)
		return 0, false
	}
	if d < lo || d > hi {
		c.warn(n, "out-of-range", fmt.Sprintf("%s s is outside %s…%s s", s, formatSeconds(lo), formatSeconds(hi)), "the line is ignored", fmt.Sprintf("%s…%s", formatSeconds(lo), formatSeconds(hi)))
		return 0, false
	}
	return d, true
}

// parseSeconds reads digits, optionally a point and decimals. It is exact to the microsecond.
func parseSeconds(s string) (time.Duration, error) {
	whole, frac, point := strings.Cut(s, ".")
	if whole == "" && frac == "" || strings.Trim(whole+frac, "0123456789") != "" || len(whole) > 9 || point && frac == "" {
		return 0, strconv.ErrSyntax
	}
	if len(frac) > 6 {
		frac = frac[:6]
	}
	frac += strings.Repeat("0", 6-len(frac))
	if whole == "" {
		whole = "0"
	}
	us, err := strconv.ParseInt(whole+frac, 10, 64)
	return time.Duration(us) * time.Microsecond, err
}

func formatSeconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
}

// addr reads the first argument as an address; a prefix length is dropped, as keepalived does.
func addr(c *call) (netip.Addr, bool) { return c.addr(0) }

func (c *call) addr(n int) (netip.Addr, bool) {
	s, _, _ := strings.Cut(c.arg(n), "/")
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		c.warn(n, "bad-address", c.arg(n)+" is not an IP address", "the line is ignored", "an address such as 192.0.2.1 or fe80::1")
		return netip.Addr{}, false
	}
	if s != c.arg(n) {
		c.add(n, diag.Hint, "needless-prefix", "the prefix length is not used here", "", s)
	}
	return a.Unmap(), true
}

// prefix parses ADDR[/LEN]; without length it is the host's.
func prefix(s string) (p netip.Prefix, bare bool, err error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, true, strconv.ErrSyntax
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true, nil
	}
	p, err = netip.ParsePrefix(s)
	return p, false, err
}

// command reads CMD [USER [GROUP]]. The value is one word, quoted if it has blanks; words after it are not arguments.
func (c *call) command() *Command {
	args := c.args
	value, used := args[0].Text, 1
	if !args[0].Quoted && strings.HasPrefix(value, "'") {
		// A command in single quotes is the one place where they quote: put the words together again.
		for used < len(args) && !strings.HasSuffix(value, "'") {
			value += " " + args[used].Text
			used++
		}
		value = strings.Trim(value, "'")
	}
	cmd := &Command{Argv: splitCommand(value), Pos: args[0].Pos}
	rest := args[used:]
	if len(rest) > 0 {
		cmd.User = rest[0].Text
		if looksLikeArgument(cmd.User) {
			c.b.add(rest[0].Pos, diag.Warning, "unquoted-command", rest[0].Text+" is not an argument of the command", "words after the first are the user and group to run as; keepalived drops or misreads the rest", fmt.Sprintf("%s %q", c.kw.Name, joinWords(args)))
			cmd.User = ""
			rest = nil
		}
	}
	if len(rest) > 1 {
		cmd.Group = rest[1].Text
	}
	if len(rest) > 2 {
		c.b.add(rest[2].Pos, diag.Warning, "unquoted-command", rest[2].Text+" is not an argument of the command", "only a user and a group may follow; the rest is ignored", fmt.Sprintf("%s %q", c.kw.Name, joinWords(args)))
	}
	if len(cmd.Argv) == 0 {
		c.warn(0, "empty-command", "this command is empty", "the line is ignored", "the path of a program")
		return nil
	}
	c.shellWords(cmd, value)
	return cmd
}

func joinWords(ws []word) string {
	parts := make([]string, len(ws))
	for i, w := range ws {
		parts[i] = w.Text
	}
	return strings.Join(parts, " ")
}

func looksLikeArgument(s string) bool {
	return strings.HasPrefix(s, "-") || strings.ContainsAny(s, "/.=")
}

// shellWords warns about text that only a shell would understand.
func (c *call) shellWords(cmd *Command, value string) {
	if strings.Contains(value, "sh -c") || strings.HasPrefix(value, "</") {
		return
	}
	for _, a := range cmd.Argv {
		switch {
		case a == "|" || a == "||" || a == "&&" || a == ">" || a == ">>" || a == "<" || a == "2>&1" || a == "&",
			strings.HasSuffix(a, ";"), strings.HasPrefix(a, ">"), strings.HasPrefix(a, "2>"), strings.Contains(a, "$(") || strings.HasPrefix(a, "$") || strings.Contains(a, "`"):
			c.warn(0, "no-shell", "no shell reads this command: "+a+" is passed as a plain argument", "commands are run directly", `sh -c '…' in double quotes, or a script file`)
			return
		}
	}
}

// splitCommand splits a command as keepalived does: blanks separate, both quotes group, backslash escapes.
func splitCommand(s string) []string {
	var out []string
	var cur strings.Builder
	inWord, quote := false, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(s):
			i++
			cur.WriteByte(unescape(s[i]))
			inWord = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inWord = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if inWord {
				out = append(out, cur.String())
				cur.Reset()
				inWord = false
			}
		default:
			cur.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		out = append(out, cur.String())
	}
	return out
}

func unescape(c byte) byte {
	const from, to = "abfnrtv", "\a\b\f\n\r\t\v"
	if i := strings.IndexByte(from, c); i >= 0 {
		return to[i]
	}
	return c
}
