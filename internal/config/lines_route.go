// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/govrrp/vrrpd/internal/config/syntax"
)

var routeTypes = []string{"unicast", "local", "broadcast", "brd", "multicast", "anycast", "blackhole", "unreachable", "prohibit", "throw", "nat", "xresolve"}

// routeTable has the route and rule blocks of an instance.
func routeTable() []Keyword {
	i := []Scope{scopeInstance}
	return []Keyword{
		{Name: "virtual_routes", Scopes: i, Args: "{", Doc: "routes of the MASTER, in the words of ip route, one a line", set: setRoutes},
		{Name: "virtual_rules", Scopes: i, Args: "{", Doc: "rules of the MASTER, in the words of ip rule, one a line", set: setRules},
	}
}

// parseRoute reads [TYPE] [to] DEST [options] [nexthop …].
func parseRoute(c *call, n *syntax.Node) (Route, bool) {
	r := newReader(c, n)
	if len(r.args) == 0 {
		return Route{}, false
	}
	out := Route{Place: Place{Pos: r.args[0].Pos}}
	destination := false
	for r.more() {
		at := r.i
		o := r.next()
		switch {
		case at == 0 && slices.Contains(routeTypes, o):
			out.Type = o
		case !destination && o == "to":
			r.into(o, &o)
			destination = !r.bad && r.destination(o, &out)
		case !destination && r.isDestination(o):
			destination = r.destination(o, &out)
		default:
			r.routeOption(at, o, &out)
		}
	}
	if !r.bad && !destination {
		r.warn(0, "no-destination", "this route has no destination", "keepalived drops the line, and so does vrrpd", "10.0.0.0/8 via 192.0.2.1 dev eth0")
		r.bad = true
	}
	r.routeFamily(&out)
	return out, !r.bad
}

func (r *reader) isDestination(s string) bool {
	if s == "default" || s == "any" || s == "all" {
		return true
	}
	_, _, err := prefix(s)
	return err == nil
}

func (r *reader) destination(s string, out *Route) bool {
	if s == "default" || s == "any" || s == "all" {
		return true // the family comes from the rest of the line
	}
	p, _, err := prefix(s)
	if err != nil {
		r.warn(r.i-1, "bad-address", s+" is not a destination", "keepalived drops the line, and so does vrrpd", "10.0.0.0/8")
		r.bad = true
		return false
	}
	if p.Masked() != p {
		r.warn(r.i-1, "host-bits", s+" has bits set after its prefix length", "the kernel would refuse it; "+p.Masked().String()+" is used", p.Masked().String())
	}
	out.Destination = p.Masked()
	return true
}

// routeFamily settles the family and the destination of default routes.
func (r *reader) routeFamily(out *Route) {
	var f Family
	for _, a := range []netip.Addr{out.Destination.Addr(), out.Via, out.Source} {
		if a.IsValid() && f == 0 {
			f = familyOf(a)
		}
	}
	for _, h := range out.NextHops {
		if h.Via.IsValid() && f == 0 {
			f = familyOf(h.Via)
		}
	}
	out.Family = cmp.Or(f, out.Family, IPv4)
	if !out.Destination.IsValid() {
		out.Destination = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if out.Family == IPv6 {
			out.Destination = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
	}
}

// Options of routes that carry one value and are passed on as words.
var routeValues = []string{
	"from", "tos", "dsfield", "rtt", "rttvar", "rto_min", "reordering", "cwnd", "ssthresh", "window", "initcwnd", "initrwnd", "realms", "features",
	"quickack", "congctl", "pref", "expires", "ttl-propagate", "fastopen_no_cookie",
}

func (r *reader) routeOption(at int, o string, out *Route) {
	switch o {
	case "via", "gw":
		r.gateway(at, o, &out.Via)
	case "dev", "oif":
		r.into(o, &out.Dev)
	case "src":
		r.addrInto(o, &out.Source)
	case "table":
		r.into(o, &out.Table)
	case "metric", "priority", "preference":
		r.intInto(o, 0, 1<<31-1, &out.Metric)
	case "scope":
		r.into(o, &out.Scope)
	case "protocol", "proto":
		r.into(o, &out.Protocol)
	case "onlink":
		out.OnLink = true
	case "no_track":
		out.NoTrack = true
	case "mtu":
		if out.LockMTU = r.arg(r.i) == "lock"; out.LockMTU {
			r.notCarriedOut(r.i, "mtu lock", withoutIt)
			r.i++
		}
		r.intInto(o, 0, 1<<31-1, &out.MTU)
	case "advmss":
		r.lock()
		r.intInto(o, 0, 1<<31-1, &out.AdvMSS)
	case "hoplimit":
		r.lock()
		r.intInto(o, 0, 255, &out.HopLimit)
	case "add", "append", "prepend":
		out.Mode = o
	case "inet":
		out.Family = IPv4
	case "inet6":
		out.Family = IPv6
	case "vrf":
		r.notCarriedOut(at, o, withoutIt)
		r.into(o, &out.VRF)
	case "track_group":
		r.into(o, &out.TrackGroup)
	case "nexthop":
		r.nextHop(out)
	case "or":
		r.warn(at, "deprecated", "or is deprecated", "it is one more gateway", "nexthop via ADDRESS nexthop via ADDRESS")
		h := NextHop{Weight: 1}
		r.addrInto(o, &h.Via)
		out.NextHops = append(out.NextHops, NextHop{Via: out.Via, Dev: out.Dev, Weight: 1}, h)
		out.Via = netip.Addr{}
	case "encap":
		// Encapsulation has a grammar of its own; its words are passed on up to the end of the line.
		r.notCarriedOut(at, o, withoutIt)
		out.Options = append(out.Options, Option{o, joinWords(r.args[r.i:])})
		r.stop = true
	default:
		r.plainOption(at, o, routeValues, &out.Options)
	}
}

// What becomes of a line whose option vrrpd does not know how to carry out.
const (
	withoutIt = "vrrpd adds the line without it"
	leftOut   = "vrrpd leaves the rule out: without it it would catch other packets"
)

func (r *reader) notCarriedOut(at int, o, effect string) {
	r.warn(at, "unsupported", o+" is read and not carried out", effect, "")
}

func (r *reader) lock() {
	if r.arg(r.i) == "lock" {
		r.i++
	}
}

func (r *reader) plainOption(at int, o string, known []string, list *[]Option) {
	if slices.Contains(known, o) {
		if narrows(o) {
			r.notCarriedOut(at, o, leftOut)
		} else {
			r.notCarriedOut(at, o, withoutIt)
		}
		lock := ""
		if r.arg(r.i) == "lock" {
			lock = "lock "
			r.i++
		}
		if s, ok := r.value(o); ok {
			*list = append(*list, Option{o, lock + s})
		}
		return
	}
	r.warn(at, "unknown-word", o+" is not known on this line", "keepalived drops the whole line, and so does vrrpd", nearestOf(o, slices.Values(append(slices.Clone(known), "via", "dev", "src", "table", "metric", "scope", "onlink", "no_track"))))
	r.bad = true
}

func (r *reader) gateway(at int, o string, p *netip.Addr) {
	if o == "gw" {
		r.warn(at, "deprecated", "gw is an old word", "it still means via", "via")
	}
	if s := r.arg(r.i); s == "inet" || s == "inet6" {
		r.i++
	}
	r.addrInto(o, p)
}

func (r *reader) nextHop(out *Route) {
	h := NextHop{Weight: 1}
	for r.more() && r.arg(r.i) != "nexthop" {
		at := r.i
		switch o := r.next(); o {
		case "via":
			r.gateway(at, o, &h.Via)
		case "dev", "oif":
			r.into(o, &h.Dev)
		case "weight":
			r.intInto(o, 1, 256, &h.Weight)
		case "onlink":
			h.OnLink = true
		case "encap", "realms":
			r.warn(at, "unsupported", o+" in a nexthop is not supported", "the line is dropped", "")
			r.bad = true
		default:
			r.plainOption(at, o, nil, &out.Options)
		}
	}
	out.NextHops = append(out.NextHops, h)
}

// Selectors of rules that carry one value and are passed on as words.
var ruleValues = []string{"realms", "suppress_prefixlength", "sup_pl", "suppress_ifgroup", "sup_group", "tunnel-id", "uidrange", "protocol", "ipproto", "sport", "dport"}

// narrows reports whether a rule without the option would catch other packets.
func narrows(option string) bool {
	return slices.Contains(ruleValues, option) && option != "realms" && option != "protocol"
}

// Complete reports whether vrrpd knows every selector of the rule. One that is
// not complete must not be added: it would catch other packets.
func (r Rule) Complete() bool {
	return r.Action != "l3mdev" && !slices.ContainsFunc(r.Options, func(o Option) bool { return narrows(o.Name) })
}

// parseRule reads selectors and an action.
func parseRule(c *call, n *syntax.Node) (Rule, bool) {
	r := newReader(c, n)
	if len(r.args) == 0 {
		return Rule{}, false
	}
	out := Rule{Place: Place{Pos: r.args[0].Pos}}
	for r.more() {
		at := r.i
		r.ruleWord(at, r.next(), &out)
	}
	switch {
	case r.bad:
	case out.Action == "":
		r.warn(0, "no-action", "this rule has no action", "keepalived drops the line, and so does vrrpd", "table 100 at the end of the line")
		r.bad = true
	case out.Preference == 0:
		r.warn(0, "no-preference", "this rule has no preference", "one is assigned, counting down from 16384", "preference 1000")
	}
	for _, p := range []netip.Prefix{out.From, out.To} {
		if p.IsValid() && out.Family == 0 {
			out.Family = familyOf(p.Addr())
		}
	}
	out.Family = cmp.Or(out.Family, IPv4)
	return out, !r.bad
}

func (r *reader) ruleWord(at int, o string, out *Rule) {
	switch o {
	case "table", "lookup":
		out.Action = "table"
		r.into(o, &out.Target)
	case "goto":
		out.Action = o
		r.into(o, &out.Target)
	case "nop", "blackhole", "unreachable", "prohibit":
		out.Action = o
	case "l3mdev":
		r.notCarriedOut(at, o, leftOut)
		out.Action = o
	case "from", "to":
		p := &out.From
		if o == "to" {
			p = &out.To
		}
		if s, ok := r.value(o); ok && s != "all" && s != "any" && s != "default" {
			v, _, err := prefix(s)
			if err != nil {
				r.warn(r.i-1, "bad-address", s+" is not an address", "the line is dropped", "from 192.0.2.0/24")
				r.bad = true
			}
			*p = v
		}
	case "preference", "order", "priority", "pref":
		r.intInto(o, 1, 1<<31-1, &out.Preference)
	case "iif", "dev":
		r.into(o, &out.IIF)
	case "oif":
		r.into(o, &out.OIF)
	case "fwmark":
		r.into(o, &out.FWMark)
	case "tos", "dsfield":
		r.into(o, &out.TOS)
	case "not":
		out.Not = true
	case "no_track":
		out.NoTrack = true
	case "inet":
		out.Family = IPv4
	case "inet6":
		out.Family = IPv6
	case "track_group":
		r.into(o, &out.TrackGroup)
	case "ip_proto":
		r.warn(at, "unknown-word", "ip_proto is the manual's word and unknown to the program", "vrrpd reads it as ipproto", "ipproto")
		r.notCarriedOut(at, o, leftOut)
		if s, ok := r.value(o); ok {
			out.Options = append(out.Options, Option{"ipproto", s})
		}
	default:
		r.plainOption(at, strings.TrimSpace(o), ruleValues, &out.Options)
	}
}
