// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/linux"
	"github.com/govrrp/vrrpd/vrrp"
)

// hostRouters translates what the host has to know.
func hostRouters(c *config.Config) []linux.Router {
	var all []linux.Router
	for _, i := range c.Instances {
		all = append(all, hostRouter(i))
	}
	if len(c.StaticAddresses)+len(c.StaticRoutes)+len(c.StaticRules) > 0 {
		all = append(all, staticItems(c))
	}
	return all
}

// staticItems are what the host has whoever is MASTER. No virtual router has
// VRID 0.
func staticItems(c *config.Config) linux.Router {
	r := linux.Router{ID: vrrp.ID{Interface: "static", Family: vrrp.IPv4}, Static: true}
	for _, a := range c.StaticAddresses {
		r.Addresses = append(r.Addresses, hostAddress(a))
	}
	r.Rules = hostRules(c.StaticRules)
	for _, x := range c.StaticRoutes {
		r.Routes = append(r.Routes, hostRoute(x))
	}
	return r
}

func hostRouter(i *config.Instance) linux.Router {
	r := linux.Router{
		ID:                 routerID(i),
		TTL:                i.UnicastTTL,
		NoAccept:           !i.Accept && !i.Owner(),
		PromoteSecondaries: i.PromoteSecondaries,
		KeepAddresses:      i.Owner(),
		ARPInterval:        i.Garp.Interval,
		NAInterval:         i.Garp.NAInterval,
		AnnounceAll:        i.Garp.ExtraAll,
	}
	if i.Unicast {
		for _, p := range i.UnicastPeers {
			r.Peers = append(r.Peers, p.Addr)
		}
		r.OnlyPeers = i.CheckUnicastSource
	} else {
		r.Group = i.McastGroup
	}
	if i.VMAC != nil {
		r.VMAC = &linux.VMAC{Name: i.VMAC.Name, MAC: i.VMAC.MAC, TransmitFromBase: i.VMACXmitBase || i.Unicast}
	}
	for _, list := range [][]config.Address{i.Addresses, i.Excluded} {
		for _, a := range list {
			r.Addresses = append(r.Addresses, hostAddress(a))
		}
	}
	if i.SourceAddress == config.SourceVIP {
		r.SourceFor = []netip.Prefix{defaultRoute(i.Family)}
	}
	r.Rules = hostRules(i.Rules)
	for _, x := range i.Routes {
		r.Routes = append(r.Routes, hostRoute(x))
	}
	return r
}

func hostAddress(a config.Address) linux.Address {
	out := linux.Address{
		Prefix: a.Prefix, Device: a.Dev, Label: a.Label, Scope: a.Scope, DAD: a.DAD, NoTrack: a.NoTrack,
	}
	if a.HasPreferredLifetime {
		// To the host 0 is "the default"; what was written as 0 ends at once.
		out.PreferredLifetime = cmp.Or(a.PreferredLifetime, time.Nanosecond)
	}
	out.NoPrefixRoute = slices.Contains(a.Flags, "noprefixroute")
	out.HomeAddress = slices.Contains(a.Flags, "home")
	out.Broadcast = broadcast(a)
	if a.Peer.IsValid() {
		out.Peer = a.Peer.Addr()
	}
	return out
}

// broadcast resolves "+" (all host bits set) and "-" (none set).
func broadcast(a config.Address) netip.Addr {
	switch {
	case a.Broadcast == "" || !a.Prefix.Addr().Is4():
		return netip.Addr{}
	case a.Broadcast == "+" || a.Broadcast == "-":
		b := a.Prefix.Masked().Addr().As4()
		if a.Broadcast == "+" {
			for bit := a.Prefix.Bits(); bit < 32; bit++ {
				b[bit/8] |= 0x80 >> (bit % 8)
			}
		}
		return netip.AddrFrom4(b)
	}
	addr, _ := netip.ParseAddr(a.Broadcast) // validated when it was read
	return addr
}

func hostRoute(x config.Route) linux.Route {
	r := linux.Route{
		Type: x.Type, Destination: x.Destination, Via: x.Via, Device: x.Dev, Source: x.Source,
		Table: x.Table, Protocol: x.Protocol, Scope: x.Scope, Metric: x.Metric, MTU: x.MTU,
		AdvMSS: x.AdvMSS, HopLimit: x.HopLimit, OnLink: x.OnLink, NoTrack: x.NoTrack,
	}
	for _, n := range x.NextHops {
		r.NextHops = append(r.NextHops, linux.NextHop{Via: n.Via, Device: n.Dev, Weight: n.Weight, OnLink: n.OnLink})
	}
	return r
}

func defaultRoute(f config.Family) netip.Prefix {
	if f == config.IPv6 {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

// hostRules leaves out what would be another rule than the configured one.
func hostRules(all []config.Rule) []linux.Rule {
	var out []linux.Rule
	for _, x := range all {
		if x.Complete() {
			out = append(out, hostRule(x))
		}
	}
	return out
}

func hostRule(x config.Rule) linux.Rule {
	r := linux.Rule{
		Family: vrrp.Family(x.Family), Action: x.Action, Target: x.Target, Not: x.Not, From: x.From, To: x.To,
		Preference: x.Preference, IIF: x.IIF, OIF: x.OIF, NoTrack: x.NoTrack,
	}
	mark, mask, _ := strings.Cut(x.FWMark, "/")
	r.Mark, r.Mask = number(mark), number(mask)
	r.TOS = uint8(number(x.TOS))
	return r
}

// number reads a number that was validated when the file was read; none is 0.
func number(text string) uint32 {
	n, _ := strconv.ParseUint(text, 0, 32)
	return uint32(n)
}

// union returns next and those of now whose router next does not have.
func union(next, now []linux.Router) []linux.Router {
	all := append([]linux.Router(nil), next...)
	for _, o := range now {
		known := false
		for _, n := range next {
			known = known || n.ID == o.ID
		}
		if !known {
			all = append(all, o)
		}
	}
	return all
}
