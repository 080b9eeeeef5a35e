// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"fmt"
	"slices"
	"strings"
)

// setting is one leaf of the source: its path with the value at the end, as a set command would have it.
type setting struct {
	words []string
	line  int
}

func (s setting) has(prefix ...string) bool {
	return len(s.words) >= len(prefix) && slices.Equal(s.words[:len(prefix)], prefix)
}

// text shows the setting, without a password.
func (s setting) text() string {
	words := slices.Clone(s.words)
	for i, w := range words {
		if (w == "password" || w == "plaintext-password") && i == len(words)-2 {
			words[i+1] = "***"
		}
	}
	return strings.Join(words, " ")
}

// after returns the words behind the path, and the last of them as the value.
func (s setting) after(n int) []string {
	if n > len(s.words) {
		return nil
	}
	return s.words[n:]
}

const maxDepth = 64

// readSettings reads set commands or a brace tree.
func readSettings(src string) ([]setting, error) {
	var out []setting
	var stack [][]string
	var path []string
	comment := false
	for i, raw := range strings.Split(src, "\n") {
		text := strings.TrimSpace(strings.TrimSuffix(raw, "\r"))
		if comment || strings.HasPrefix(text, "/*") {
			comment = !strings.Contains(text, "*/")
			continue
		}
		if text == "" || strings.HasPrefix(text, "#") || strings.HasPrefix(text, "//") {
			continue
		}
		words := splitWords(text)
		switch {
		case len(stack) == 0 && (words[0] == "set" || words[0] == "delete"):
			if words[0] == "set" && len(words) > 1 {
				out = append(out, setting{words[1:], i + 1})
			}
		case words[0] == "}":
			if len(stack) == 0 {
				return nil, fmt.Errorf("%w: line %d: } closes nothing", ErrSyntax, i+1)
			}
			path, stack = stack[len(stack)-1], stack[:len(stack)-1]
		case words[len(words)-1] == "{":
			if len(stack) >= maxDepth {
				return nil, fmt.Errorf("%w: line %d: nested too deep", ErrSyntax, i+1)
			}
			stack = append(stack, path)
			path = slices.Concat(path, words[:len(words)-1])
			if len(path) > 0 {
				out = append(out, setting{path, i + 1})
			}
		default:
			out = append(out, setting{slices.Concat(path, words), i + 1})
		}
	}
	if len(stack) > 0 {
		return nil, fmt.Errorf("%w: a { is not closed", ErrSyntax)
	}
	return out, nil
}

// splitWords splits at blanks; both quotes group. It returns at least one word.
func splitWords(s string) []string {
	var out []string
	var cur strings.Builder
	quote, in := rune(0), false
	for _, r := range s {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			cur.WriteRune(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case r == ' ' || r == '\t':
			if in {
				out = append(out, cur.String())
				cur.Reset()
				in = false
			}
		default:
			cur.WriteRune(r)
			in = true
		}
	}
	if in || len(out) == 0 {
		out = append(out, cur.String())
	}
	return out
}

// router is a VRRP group of the source on its way to an instance.
type router struct {
	name, iface    string
	vrid           string
	vridLine       int
	first          int
	head, tail     []line
	addresses      []line
	excluded       []line
	peers          []line
	tracks         []line
	notify         []line
	authType, pass line
	settings       []setting
	disabled       int
	compat         int
	ipsec          int
	startDelay     line
	health         *block
	bareGlobal     bool
}

// source collects what is about VRRP.
type source struct {
	out     *output
	routers []*router
	groups  []*block
	global  block
	found   bool
}

func convertRouter(o *output, src string) error {
	settings, err := readSettings(src)
	if err != nil {
		return err
	}
	s := &source{out: o, global: block{head: "global_defs"}}
	for _, st := range settings {
		if s.take(st) {
			s.found = true
		} else {
			o.other = append(o.other, st.line)
		}
	}
	if !s.found || len(s.routers) == 0 {
		return ErrNoVRRP
	}
	s.emit()
	return nil
}

// take sorts one setting; false if it is not about VRRP.
func (s *source) take(st setting) bool {
	w := st.words
	switch {
	case st.has("high-availability", "vrrp"), st.has("high-availability", "virtual-server"):
		s.vyos(st)
	case st.has("service", "conntrack-sync"), st.has("service", "connsync"):
		s.connsync(st)
	case w[0] == "interfaces" && slices.Contains(w, "vrrp"):
		s.vyatta(st)
	case w[0] == "high-availability" && len(w) == 1:
	default:
		return false
	}
	return true
}

// router returns the group with this name, made on first use.
func (s *source) router(name string, at int) *router {
	for _, r := range s.routers {
		if r.name == name {
			return r
		}
	}
	r := &router{name: name, first: at}
	s.routers = append(s.routers, r)
	return r
}

func (s *source) group(name string, at int) *block {
	head := "vrrp_sync_group " + word(name)
	for _, g := range s.groups {
		if g.head == head {
			return g
		}
	}
	g := &block{head: head, from: at}
	s.groups = append(s.groups, g)
	return g
}

// connsync ties conntrackd to a sync-group.
func (s *source) connsync(st setting) {
	rest := st.after(2)
	if len(rest) >= 3 && rest[0] == "failover-mechanism" && rest[1] == "vrrp" && rest[2] == "sync-group" {
		if len(rest) == 4 {
			s.group(rest[3], st.line).sub(st.line, "conntrack_sync")
		}
		return
	}
	if len(rest) > 1 && rest[len(rest)-1] != "vrrp" {
		s.out.leave(st.line, st.text(), "belongs in conntrackd.conf, which stays as it is")
	}
}

// vyatta reads interfaces TYPE NAME [vif N] vrrp ….
func (s *source) vyatta(st setting) {
	at := slices.Index(st.words, "vrrp")
	ifc := st.words[1:at]
	if len(ifc) < 2 {
		s.out.leave(st.line, st.text(), "no interface is named")
		return
	}
	name := ifc[1]
	if i := slices.Index(ifc, "vif"); i > 0 && i+1 < len(ifc) {
		name += "." + ifc[i+1]
	}
	rest := st.after(at + 1)
	switch {
	case len(rest) == 0:
	case rest[0] == "start-delay" && len(rest) == 2:
		s.startDelay(name, line{"start_delay " + word(rest[1]), st.line})
	case rest[0] == "vrrp-group" && len(rest) >= 2:
		r := s.router(name+"-"+rest[1], st.line)
		r.iface, r.vrid, r.vridLine = name, rest[1], r.first
		if len(rest) > 2 {
			s.key(r, st, rest[2:])
		}
	default:
		s.out.leave(st.line, st.text(), "no counterpart")
	}
}

// startDelay applies to all groups of an interface, before or after them in the file.
func (s *source) startDelay(iface string, l line) {
	r := s.router("\x00"+iface, l.from)
	r.bareGlobal, r.iface, r.startDelay = true, iface, l
}

// vyos reads high-availability ….
func (s *source) vyos(st setting) {
	rest := st.after(2)
	switch {
	case st.words[1] == "virtual-server":
		s.out.leave(st.line, st.text(), "load balancing (LVS) is not part of vrrpd")
	case len(rest) == 0:
	case rest[0] == "group" && len(rest) >= 2:
		r := s.router(rest[1], st.line)
		if len(rest) > 2 {
			s.key(r, st, rest[2:])
		}
	case rest[0] == "sync-group" && len(rest) >= 2:
		s.syncGroup(st, rest[1], rest[2:])
	case rest[0] == "global-parameters":
		s.globalKey(st, rest[1:])
	default:
		s.out.leave(st.line, st.text(), "no counterpart")
	}
}

func (s *source) syncGroup(st setting, name string, rest []string) {
	g := s.group(name, st.line)
	switch {
	case len(rest) == 0:
	case rest[0] == "member" && len(rest) == 2:
		g.sub(0, "group").add(st.line, "%s", word(rest[1]))
	case rest[0] == "conntrack-sync":
		g.sub(st.line, "conntrack_sync")
	case rest[0] == "transition-script":
		if l, ok := transition(st, rest[1:]); ok {
			g.lines = append(g.lines, l)
		}
	case len(rest) == 1:
	default:
		s.out.leave(st.line, st.text(), "no counterpart in a sync-group; health checks belong to its members")
	}
}

func (s *source) globalKey(st setting, rest []string) {
	names := map[string]string{
		"startup-delay": "vrrp_startup_delay", "version": "vrrp_version", "interval": "vrrp_garp_interval", "master-delay": "vrrp_garp_master_delay",
		"master-repeat": "vrrp_garp_master_repeat", "master-refresh": "vrrp_garp_master_refresh", "master-refresh-repeat": "vrrp_garp_master_refresh_repeat",
	}
	if len(rest) > 0 && rest[0] == "garp" {
		rest = rest[1:]
	}
	switch {
	case len(rest) == 0:
	case len(rest) == 2 && names[rest[0]] != "":
		s.global.add(st.line, "%s %s", names[rest[0]], word(rest[1]))
	default:
		s.out.leave(st.line, st.text(), "no counterpart")
	}
}

// transition reads master|backup|fault|stop COMMAND.
func transition(st setting, rest []string) (line, bool) {
	if len(rest) < 2 || !slices.Contains([]string{"master", "backup", "fault", "stop"}, rest[0]) {
		return line{}, false
	}
	return line{fmt.Sprintf("notify_%s %s", rest[0], word(strings.Join(rest[1:], " "))), st.line}, true
}
