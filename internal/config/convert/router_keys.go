// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxAddresses is what Vyatta and VyOS allow in one group.
const maxAddresses = 20

// plain are keys whose value goes over as it is.
var plain = map[string]string{
	"priority": "priority", "advertise-interval": "advert_int", "preempt-delay": "preempt_delay", "version": "version",
}

// key reads one setting of a group; rest begins with the key.
func (s *source) key(r *router, st setting, rest []string) {
	r.settings = append(r.settings, st)
	value := ""
	if len(rest) > 1 {
		value = rest[1]
	}
	add := func(format string, args ...any) { r.head = append(r.head, line{fmt.Sprintf(format, args...), st.line}) }
	switch k := rest[0]; {
	case plain[k] != "" && len(rest) == 2:
		add("%s %s", plain[k], word(value))
	case k == "interface" && len(rest) == 2:
		r.iface = value
		add("interface %s", word(value))
	case k == "vrid" && len(rest) == 2:
		r.vrid, r.vridLine = value, st.line
	case k == "virtual-address" || k == "address":
		s.address(r, st, &r.addresses, rest[1:])
	case k == "excluded-address" || k == "virtual-address-excluded":
		s.address(r, st, &r.excluded, rest[1:])
	case k == "preempt" && len(rest) == 2:
		add("%s", map[bool]string{true: "preempt", false: "nopreempt"}[value != "false"])
	case k == "no-preempt":
		add("nopreempt")
	case k == "fast-advertise-interval" && len(rest) == 2:
		ms, err := strconv.Atoi(value)
		if err != nil {
			s.out.leave(st.line, st.text(), "not a number of milliseconds")
			return
		}
		add("advert_int %s", strconv.FormatFloat(float64(ms)/1000, 'f', -1, 64))
	case k == "hello-source-address" && len(rest) == 2:
		r.tail = append(r.tail, line{"SOURCE " + word(value), st.line})
	case k == "peer-address" && len(rest) == 2:
		r.peers = append(r.peers, line{word(value), st.line})
	case k == "rfc-compatibility" || k == "rfc3768-compatibility":
		r.compat = st.line
	case k == "accept" && len(rest) == 2:
		add("%s", map[bool]string{true: "accept", false: "no_accept"}[value == "true"])
	case k == "disable":
		r.disabled = st.line
	case k == "description":
		add("# %s", comment(strings.Join(rest[1:], " ")))
	case k == "sync-group" && len(rest) == 2:
		s.group(value, st.line).sub(0, "group").add(st.line, "%s", word(r.name))
	default:
		s.deepKey(r, st, rest)
	}
}

// deepKey reads the keys that have keys of their own.
func (s *source) deepKey(r *router, st setting, rest []string) {
	if len(rest) == 1 && slices.Contains([]string{"authentication", "notify", "track", "transition-script", "run-transition-scripts", "health-check", "garp"}, rest[0]) {
		return // the line that opens the block
	}
	switch k := rest[0]; {
	case k == "authentication" && len(rest) == 3 && rest[1] == "type":
		r.authType = line{rest[2], st.line}
	case k == "authentication" && len(rest) == 3 && (rest[1] == "password" || rest[1] == "plaintext-password"):
		r.pass = line{rest[2], st.line}
	case k == "notify" && rest[1] == "ipsec":
		r.ipsec = st.line
	case k == "track":
		s.track(r, st, rest[1:])
	case k == "transition-script" || k == "run-transition-scripts":
		if l, ok := transition(st, rest[1:]); ok {
			r.notify = append(r.notify, l)
		} else {
			s.out.leave(st.line, st.text(), "no counterpart")
		}
	case k == "health-check" && len(rest) >= 3:
		s.healthCheck(r, st, rest[1], strings.Join(rest[2:], " "))
	case k == "garp" && len(rest) == 3:
		names := map[string]string{"master-delay": "garp_master_delay", "master-repeat": "garp_master_repeat", "master-refresh": "garp_master_refresh", "master-refresh-repeat": "garp_master_refresh_repeat"}
		if names[rest[1]] == "" {
			s.out.leave(st.line, st.text(), "only global (vrrp_garp_interval) in keepalived")
			return
		}
		r.head = append(r.head, line{names[rest[1]] + " " + word(rest[2]), st.line})
	default:
		s.out.leave(st.line, st.text(), "no counterpart")
	}
}

// address reads A[/LEN] [interface IF].
func (s *source) address(r *router, st setting, list *[]line, rest []string) {
	switch {
	case len(rest) == 1:
		l := line{word(rest[0]), st.line}
		// A brace tree has the address as a block first, and then once more with its interface.
		if !slices.ContainsFunc(*list, func(o line) bool { return strings.Fields(o.text)[0] == l.text }) {
			*list = append(*list, l)
		}
	case len(rest) == 3 && rest[1] == "interface":
		l := line{word(rest[0]) + " dev " + word(rest[2]), st.line}
		if i := slices.IndexFunc(*list, func(o line) bool { return o.text == word(rest[0]) }); i >= 0 {
			(*list)[i] = l
		} else {
			*list = append(*list, l)
		}
	default:
		s.out.leave(st.line, st.text(), "no counterpart")
		return
	}
	if len(*list) == maxAddresses+1 {
		s.out.leave(st.line, st.text(), fmt.Sprintf("converted, but group %s has more than the %d addresses that the source system allows", r.name, maxAddresses))
	}
}

// track reads interface IF [weight type decrement|increment | weight value N].
func (s *source) track(r *router, st setting, rest []string) {
	if len(rest) >= 1 && rest[0] == "exclude-vrrp-interface" {
		r.head = append(r.head, line{"dont_track_primary", st.line})
		return
	}
	if len(rest) < 2 || rest[0] != "interface" {
		if len(rest) > 1 {
			s.out.leave(st.line, st.text(), "no counterpart: a vrrp_check or vrrp_script can take its place")
		}
		return
	}
	name := word(rest[1])
	i := slices.IndexFunc(r.tracks, func(l line) bool { return strings.Fields(l.text)[0] == name })
	if i < 0 {
		r.tracks = append(r.tracks, line{name, st.line})
		i = len(r.tracks) - 1
	}
	if len(rest) == 5 && rest[2] == "weight" && rest[3] == "value" {
		// The source system decrements unless told otherwise.
		r.tracks[i] = line{name + " weight -" + word(strings.TrimPrefix(rest[4], "-")), st.line}
	} else if len(rest) == 5 && rest[3] == "type" && rest[4] != "decrement" {
		s.out.leave(st.line, st.text(), "converted as a decrement")
	}
}

// healthCheck reads script|ping|interval|failure-count VALUE.
func (s *source) healthCheck(r *router, st setting, key, value string) {
	if r.health == nil {
		r.health = &block{from: st.line}
	}
	switch key {
	case "script":
		r.health.head = "vrrp_script " + word("health-"+r.name)
		r.health.add(st.line, "script %s", word(value))
	case "ping":
		r.health.head = "vrrp_check " + word("health-"+r.name)
		r.health.add(st.line, "ping %s", word(value))
	case "interval":
		r.health.add(st.line, "interval %s", word(value))
	case "failure-count":
		r.health.add(st.line, "fall %s", word(value))
	default:
		s.out.leave(st.line, st.text(), "no counterpart")
	}
}

// emit writes the blocks in the order the target language wants: globals, scripts, groups, instances.
func (s *source) emit() {
	if len(s.global.lines) > 0 {
		s.out.blocks = append(s.out.blocks, &s.global)
	}
	var instances []*block
	gone := map[string]bool{}
	for _, r := range s.routers {
		if r.bareGlobal {
			continue
		}
		if r.disabled > 0 {
			gone[word(r.name)] = true
			for _, st := range r.settings {
				s.out.leave(st.line, st.text(), "group "+r.name+" is disabled and left out")
			}
			continue
		}
		if r.health != nil {
			if r.health.head == "" {
				s.out.leave(r.health.from, "health-check of "+r.name, "neither script nor ping is given")
				r.health = nil
			} else {
				s.out.blocks = append(s.out.blocks, r.health)
			}
		}
		instances = append(instances, s.instance(r))
	}
	for _, g := range s.groups {
		for _, sub := range g.blocks {
			if sub.head == "group" {
				s.leaveMembers(g.head, sub, gone)
			}
		}
	}
	s.out.blocks = append(append(s.out.blocks, s.groups...), instances...)
}

// leaveMembers takes the groups that are gone out of a sync-group.
func (s *source) leaveMembers(head string, members *block, gone map[string]bool) {
	for _, l := range members.lines {
		said := slices.ContainsFunc(s.out.left, func(o Left) bool { return o.Line == l.from })
		if gone[l.text] && !said {
			s.out.leave(l.from, head+" member "+l.text, "group "+l.text+" is disabled and left out")
		}
	}
	members.lines = slices.DeleteFunc(members.lines, func(l line) bool { return gone[l.text] })
}

// instance builds the block of one group.
func (s *source) instance(r *router) *block {
	b := &block{head: "vrrp_instance " + word(r.name), from: r.first}
	b.add(0, "state BACKUP")
	if !slices.ContainsFunc(r.head, func(l line) bool { return strings.HasPrefix(l.text, "interface ") }) && r.iface != "" {
		b.add(r.first, "interface %s", word(r.iface))
	}
	if r.vrid != "" {
		b.add(r.vridLine, "virtual_router_id %s", word(r.vrid))
	}
	b.lines = append(b.lines, r.head...)
	for _, o := range s.routers {
		if o.bareGlobal && o.iface == r.iface {
			b.lines = append(b.lines, o.startDelay)
		}
	}
	if r.compat > 0 {
		b.add(r.compat, "use_vmac")
	}
	for _, l := range r.tail {
		// SOURCE stands for the keyword that depends on whether there are peers.
		keyword := "mcast_src_ip"
		if len(r.peers) > 0 {
			keyword = "unicast_src_ip"
		}
		b.lines = append(b.lines, line{strings.Replace(l.text, "SOURCE", keyword, 1), l.from})
	}
	s.auth(r, b)
	b.lines = append(b.lines, r.notify...)
	for _, part := range []struct {
		head  string
		lines []line
	}{{"unicast_peer", r.peers}, {"track_interface", r.tracks}, {"virtual_ipaddress", r.addresses}, {"virtual_ipaddress_excluded", r.excluded}} {
		if len(part.lines) > 0 {
			b.blocks = append(b.blocks, &block{head: part.head, lines: part.lines})
		}
	}
	if r.health != nil {
		kind := "track_script"
		if strings.HasPrefix(r.health.head, "vrrp_check ") {
			kind = "track_check"
		}
		b.sub(r.health.from, kind).add(0, "%s", word("health-"+r.name))
	}
	if r.ipsec > 0 {
		b.sub(r.ipsec, "notify_ipsec").add(0, "stack auto")
	}
	return b
}

// auth holds to the rule that type and password come together.
func (s *source) auth(r *router, b *block) {
	types := map[string]string{"plaintext-password": "PASS", "simple": "PASS", "ah": "AH"}
	switch {
	case r.authType.from == 0 && r.pass.from == 0:
	case r.authType.text == "" || r.pass.text == "":
		s.out.leave(max(r.authType.from, r.pass.from), "authentication of "+r.name, "type and password come together, and one is missing: no authentication is written")
	case types[r.authType.text] == "":
		why := "no counterpart: no authentication is written"
		s.out.leave(r.authType.from, "authentication type "+r.authType.text+" of "+r.name, why)
		s.out.leave(r.pass.from, "authentication password *** of "+r.name, why)
	default:
		a := &block{head: "authentication"}
		a.add(r.authType.from, "auth_type %s", types[r.authType.text])
		a.add(r.pass.from, "auth_pass %s", word(r.pass.text))
		b.blocks = append(b.blocks, a)
	}
}
