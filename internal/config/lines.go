// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/internal/config/diag"
	"github.com/govrrp/vrrpd/internal/config/syntax"
)

// reader walks the words of one line of an address, route or rule block.
type reader struct {
	call
	i    int
	bad  bool // the line must be dropped
	stop bool
}

func newReader(c *call, n *syntax.Node) *reader {
	return &reader{call: call{b: c.b, kw: c.kw, scope: c.scope, node: n, args: n.Words}}
}

func (r *reader) more() bool { return r.i < len(r.args) && !r.bad && !r.stop }

func (r *reader) next() string {
	s := r.arg(r.i)
	r.i++
	return s
}

// value returns the word after the option just read.
func (r *reader) value(option string) (string, bool) {
	if r.i >= len(r.args) {
		r.warn(r.i-1, "missing-argument", option+" needs a value", "keepalived drops the line, and so does vrrpd", option+" VALUE")
		r.bad = true
		return "", false
	}
	return r.next(), true
}

func (r *reader) into(option string, p *string) {
	if s, ok := r.value(option); ok {
		*p = s
	}
}

func (r *reader) intInto(option string, lo, hi int, p *int) {
	if _, ok := r.value(option); ok {
		if v, ok := r.number(r.i-1, lo, hi); ok {
			*p = v
		}
	}
}

func (r *reader) addrInto(option string, p *netip.Addr) {
	if _, ok := r.value(option); !ok {
		return
	}
	a, ok := r.addr(r.i - 1)
	*p, r.bad = a, !ok
}

// setAddresses reads virtual_ipaddress. The first address says the family; others are dropped.
func setAddresses(c *call) {
	v := c.inst()
	for _, n := range c.node.Children {
		a, ok := parseAddress(c, n)
		if !ok {
			continue
		}
		f := familyOf(a.Prefix.Addr())
		if v.Family == 0 {
			v.Family = f
		}
		if v.Family != f {
			c.b.add(a.Pos, diag.Warning, "wrong-family", a.Prefix.Addr().String()+" is not of the family of this instance ("+v.Family.String()+")", "the first address decides; keepalived drops this one, and so does vrrpd", "virtual_ipaddress_excluded for it, or an instance of its own")
			continue
		}
		if f == IPv6 && v.Version == 0 {
			v.Version = 3
		}
		v.Addresses = append(v.Addresses, a)
	}
}

func setExcluded(c *call) {
	v := c.inst()
	for _, n := range c.node.Children {
		if a, ok := parseAddress(c, n); ok {
			v.Excluded = append(v.Excluded, a)
		}
	}
}

func setStaticAddresses(c *call) {
	for _, n := range c.node.Children {
		a, ok := parseAddress(c, n)
		if !ok {
			continue
		}
		if a.Dev == "" {
			a.Dev = c.b.cfg.Global.DefaultInterface
		}
		c.b.cfg.StaticAddresses = append(c.b.cfg.StaticAddresses, a)
	}
}

func familyOf(a netip.Addr) Family {
	if a.Is6() {
		return IPv6
	}
	return IPv4
}

// parseAddress reads ADDR[/LEN] [options].
func parseAddress(c *call, n *syntax.Node) (Address, bool) {
	r := newReader(c, n)
	if len(r.args) == 0 {
		return Address{}, false
	}
	a := Address{Place: Place{Pos: r.args[0].Pos}}
	text := r.next()
	p, bare, err := prefix(text)
	if err != nil {
		host, length, _ := strings.Cut(text, "/")
		var ok bool
		if p, ok = r.fullLength(host, length); !ok {
			return Address{}, false
		}
	}
	a.Prefix, a.Bare = p, bare
	for r.more() {
		r.addressOption(&a)
	}
	if r.bad {
		return Address{}, false
	}
	if a.Peer.IsValid() && !bare {
		r.warn(0, "peer-prefix", "an address with a peer takes no prefix length of its own", "the length belongs to the peer", a.Prefix.Addr().String()+" peer ADDRESS")
	}
	return a, true
}

// fullLength is what keepalived does with a good address and a bad length: it takes the host's.
func (r *reader) fullLength(host, length string) (netip.Prefix, bool) {
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Zone() != "" {
		r.warn(0, "bad-address", r.arg(0)+" is not an address", "the line is ignored", "192.0.2.10/24")
		return netip.Prefix{}, false
	}
	p := netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen())
	r.warn(0, "bad-prefix", length+" is not a prefix length of "+host, "keepalived takes "+strconv.Itoa(p.Bits())+", and so does vrrpd", host+"/24")
	return p, true
}

func (r *reader) addressOption(a *Address) {
	at := r.i
	switch o := r.next(); o {
	case "dev":
		r.into(o, &a.Dev)
	case "label":
		r.into(o, &a.Label)
		if a.Prefix.Addr().Is6() || len(a.Label) > maxIfName {
			r.warn(at, "bad-label", "a label needs an IPv4 address and at most 15 letters", "the label is ignored", "")
			a.Label = ""
		}
	case "brd", "broadcast":
		r.broadcast(o, a)
	case "scope":
		r.into(o, &a.Scope)
	case "no_track":
		a.NoTrack = true
	case "peer":
		r.addressPeer(a)
	case "use_vmac":
		r.notCarriedOut(at, o, "the address goes on the interface itself, unless the instance has use_vmac")
		a.UseVMAC = true
	case "preferred_lft":
		r.preferredLifetime(a)
	case "mngtmpaddr", "autojoin":
		r.notCarriedOut(at, o, withoutIt)
		a.Flags = append(a.Flags, o)
	case "home", "noprefixroute":
		a.Flags = append(a.Flags, o)
	case "-nodad":
		a.DAD = true
	case "track_group":
		r.into(o, &a.TrackGroup)
	default:
		r.unknownAddressOption(at, o)
	}
}

func (r *reader) unknownAddressOption(at int, o string) {
	if _, _, err := prefix(o); err == nil {
		r.warn(at, "two-statements", "the address "+o+" is not read", "a line holds one address; keepalived takes it for an unknown option", o+" on a line of its own")
		return
	}
	known := []string{"dev", "label", "brd", "broadcast", "scope", "no_track", "peer", "use_vmac", "preferred_lft", "home", "mngtmpaddr", "noprefixroute", "autojoin", "-nodad", "track_group"}
	r.warn(at, "unknown-word", o+" is not known after an address", "keepalived ignores it", nearestOf(o, slices.Values(known)))
}

func (r *reader) broadcast(o string, a *Address) {
	s, ok := r.value(o)
	if !ok {
		return
	}
	switch {
	case a.Prefix.Addr().Is6():
		r.warn(r.i-1, "bad-broadcast", "IPv6 has no broadcast addresses", "the option is ignored", "")
		return
	case s == "+" || s == "-":
		if a.Prefix.Bits() > 30 {
			r.warn(r.i-1, "bad-broadcast", "brd "+s+" needs a prefix of /30 or shorter", "the option is ignored", "")
			return
		}
	default:
		if ip, err := netip.ParseAddr(s); err != nil || !ip.Is4() {
			r.warn(r.i-1, "bad-broadcast", s+" is not a broadcast address", "the option is ignored", "brd +")
			return
		}
	}
	a.Broadcast = s
}

func (r *reader) addressPeer(a *Address) {
	s, ok := r.value("peer")
	if !ok {
		return
	}
	p, _, err := prefix(s)
	if err != nil || p.Addr().Is4() != a.Prefix.Addr().Is4() {
		r.warn(r.i-1, "bad-address", s+" is not a peer address of the same family", "the line is ignored", "")
		r.bad = true
		return
	}
	a.Peer = p
}

func (r *reader) preferredLifetime(a *Address) {
	s, ok := r.value("preferred_lft")
	if !ok {
		return
	}
	a.HasPreferredLifetime = true
	if s == "forever" {
		a.PreferredLifetime = -1
		return
	}
	var secs int
	if secs, a.HasPreferredLifetime = r.number(r.i-1, 0, 1<<31-1); a.HasPreferredLifetime {
		a.PreferredLifetime = time.Duration(secs) * time.Second
	}
}

// setRoutes and setRules are the blocks of an instance.
func setRoutes(c *call) {
	for _, n := range c.node.Children {
		if r, ok := parseRoute(c, n); ok {
			c.inst().Routes = append(c.inst().Routes, r)
		}
	}
}

func setRules(c *call) {
	for _, n := range c.node.Children {
		if r, ok := parseRule(c, n); ok {
			c.inst().Rules = append(c.inst().Rules, r)
		}
	}
}

func setStaticRoutes(c *call) {
	for _, n := range c.node.Children {
		if r, ok := parseRoute(c, n); ok {
			c.b.cfg.StaticRoutes = append(c.b.cfg.StaticRoutes, r)
		}
	}
}

func setStaticRules(c *call) {
	for _, n := range c.node.Children {
		if r, ok := parseRule(c, n); ok {
			c.b.cfg.StaticRules = append(c.b.cfg.StaticRules, r)
		}
	}
}
