// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net"
	"net/netip"
	"time"
)

// instanceWireTable is the part of an instance about packets on the wire.
func instanceWireTable() []Keyword {
	i := []Scope{scopeInstance}
	whole := func(get func(*Garp) *time.Duration) func(*call) {
		return field(func(v *Instance) *time.Duration { return get(&v.Garp) }, wholeSeconds(0, 86400))
	}
	count := func(get func(*Garp) *int, parse func(*call) (int, bool)) func(*call) {
		return field(func(v *Instance) *int { return get(&v.Garp) }, parse)
	}
	return []Keyword{
		{Name: "mcast_src_ip", Scopes: i, Args: "ADDRESS", Default: "the interface's own", Doc: "source address of adverts", set: field(func(v *Instance) *netip.Addr { return &v.Source }, addr)},
		{Name: "unicast_src_ip", Scopes: i, Args: "ADDRESS", Default: "the interface's own", Doc: "source address of adverts, and the address listened on", set: unicastMeant(field(func(v *Instance) *netip.Addr { return &v.Source }, addr))},
		{Name: "unicast_peer", Scopes: i, Args: "{", Doc: "one peer a line: ADDRESS [min_ttl 0-255] [max_ttl 0-255]; turns unicast on", set: unicastMeant(setPeers)},
		{Name: "unicast_ttl", Scopes: i, Args: "TTL", Default: "255; IPv6: the kernel's", Doc: "TTL sent to peers, 1-255", set: setUnicastTTL},
		{Name: "check_unicast_src", Scopes: i, Default: "off; in vrrpd on for every unicast instance", Doc: "refuse adverts from addresses that are not peers", set: unicastMeant(func(c *call) { c.inst().CheckUnicastSource = true })},
		{Name: "unicast_accept_any_src", Scopes: i, Default: "off", Doc: "accept unicast adverts from any address, as keepalived does by default", Since: "vrrpd", set: func(c *call) { c.inst().CheckUnicastSource = false }},
		{Name: "unicast_fault_no_peer", Scopes: i, Doc: "FAULT, and not multicast, when there are no peers", set: unicastMeant(present(func(v *Instance) *bool { return &v.UnicastFaultNoPeer }, true))},
		{Name: "old_unicast_checksum", Scopes: i, Args: "[never]", Default: "learnt", Doc: "version 3 unicast checksum of keepalived 1.3.6 and older", set: unicastMeant(setOldChecksum)},
		{Name: "mcast_dst_ip", Scopes: i, Args: "ADDRESS", Default: "vrrp_mcast_group4 or 6", Doc: "another group", set: setGroup},
		{Name: "use_vmac", Scopes: i, Args: "[NAME] [MAC] ...", Doc: "a virtual MAC interface; a word with : is the MAC, another the name", set: setVMAC},
		{Name: "vmac_xmit_base", Scopes: i, Doc: "send adverts from the base interface", set: present(func(v *Instance) *bool { return &v.VMACXmitBase }, true)},
		{Name: "use_vmac_addr", Scopes: i, Doc: "virtual MACs for VIPs on other interfaces too", set: present(func(v *Instance) *bool { return &v.VMACAddresses }, true)},
		{Name: "use_ipvlan", Scopes: i, Args: "[NAME] [ADDRESS] [bridge|private|vepa] ...", Doc: "an ipvlan interface", set: setIPVLAN},
		{Name: "garp_extra_if", Aliases: []string{"vmac_garp_intvl"}, Scopes: i, Args: "[all] SECONDS", Default: "vrrp_garp_extra_if", Doc: "periodic announcement on other VIP interfaces, 0-86400", set: setGarpExtra},
		{Name: "garp_master_delay", Scopes: i, Args: "SECONDS", Default: "vrrp_garp_master_delay (5)", Doc: "second announcement burst; 0: none", set: whole(func(g *Garp) *time.Duration { return &g.MasterDelay })},
		{Name: "garp_master_repeat", Scopes: i, Args: "COUNT", Default: "vrrp_garp_master_repeat (5)", Doc: "packets per burst and address", set: count(func(g *Garp) *int { return &g.MasterRepeat }, atLeastOne)},
		{Name: "garp_master_refresh", Scopes: i, Args: "SECONDS", Default: "vrrp_garp_master_refresh (0)", Doc: "periodic announcement while MASTER", set: whole(func(g *Garp) *time.Duration { return &g.Refresh })},
		{Name: "garp_master_refresh_repeat", Scopes: i, Args: "COUNT", Default: "vrrp_garp_master_refresh_repeat (1)", Doc: "packets per refresh", set: count(func(g *Garp) *int { return &g.RefreshRepeat }, atLeastOne)},
		{Name: "garp_lower_prio_delay", Scopes: i, Args: "SECONDS", Default: "vrrp_garp_lower_prio_delay", Doc: "second burst after a lower advert", set: whole(func(g *Garp) *time.Duration { return &g.LowerPrioDelay })},
		{Name: "garp_lower_prio_repeat", Scopes: i, Args: "COUNT", Default: "vrrp_garp_lower_prio_repeat", Doc: "burst after a lower advert; 0: none", set: count(func(g *Garp) *int { return &g.LowerPrioRepeat }, number(0, 1000))},
		{Name: "lower_prio_no_advert", Scopes: i, Args: "[BOOL]", Default: "vrrp_lower_prio_no_advert", Doc: "do not answer a lower advert with an advert", set: field(func(v *Instance) *bool { return &v.LowerPrioNoAdvert }, onOff)},
		{Name: "higher_prio_send_advert", Scopes: i, Args: "[BOOL]", Default: "vrrp_higher_prio_send_advert", Doc: "one last advert before yielding", set: field(func(v *Instance) *bool { return &v.HigherPrioSendAdvert }, onOff)},
	}
}

// unicastMeant notes that the keyword is one of those that mean unicast.
func unicastMeant(set func(*call)) func(*call) {
	return func(c *call) {
		c.inst().unicastMeant = true
		set(c)
	}
}

func setPeers(c *call) {
	v := c.inst()
	for _, n := range c.node.Children {
		if p, err := parsePeer(c, n.Words); err == nil {
			v.UnicastPeers = append(v.UnicastPeers, p)
		}
	}
}

func parsePeer(c *call, words []word) (Peer, error) {
	line := &call{b: c.b, kw: c.kw, scope: c.scope, node: c.node, args: words}
	if len(words) == 0 {
		return Peer{}, errSkip
	}
	p := Peer{Place: Place{Pos: words[0].Pos}, MaxTTL: 255}
	var ok bool
	if p.Addr, ok = line.addr(0); !ok {
		return Peer{}, errSkip
	}
	for i := 1; i < len(words); i++ {
		name := words[i].Text
		if name != "min_ttl" && name != "max_ttl" {
			if _, err := netip.ParseAddr(name); err == nil {
				line.warn(i, "two-statements", "the peer "+name+" is not read", "a line holds one peer; keepalived drops the rest of the line", name+" on a line of its own")
			} else {
				line.warn(i, "unknown-word", name+" is not known after a peer", "the rest of the line is ignored", "min_ttl N or max_ttl N")
			}
			break
		}
		if i+1 >= len(words) {
			line.warn(i, "missing-argument", name+" needs a number", "it is ignored", name+" 255")
			break
		}
		i++
		ttl, ok := line.number(i, 0, 255)
		switch {
		case !ok:
		case name == "min_ttl":
			p.MinTTL = ttl
		default:
			p.MaxTTL = ttl
		}
	}
	return p, nil
}

func setUnicastTTL(c *call) {
	v, ok := c.number(0, 0, 255)
	if ok && v == 0 {
		c.warn(0, "ttl-zero", "unicast_ttl 0 would keep adverts inside this host", "packets with TTL 0 are not sent; vrrpd takes the default", "unicast_ttl 255")
	}
	if ok {
		c.inst().UnicastTTL = v
	}
}

func setOldChecksum(c *call) {
	switch c.arg(0) {
	case "never":
		c.inst().OldChecksum = OldChecksumNever
	case "":
		c.inst().OldChecksum = OldChecksumAlways
	default:
		c.warn(0, "bad-word", c.arg(0)+" is not known after "+c.kw.Name, "the word is ignored", c.kw.Name+" never")
		c.inst().OldChecksum = OldChecksumAlways
	}
}

func setGroup(c *call) {
	if a, ok := c.addr(0); ok {
		if !a.IsMulticast() {
			c.warn(0, "bad-group", a.String()+" is not a multicast address", "the line is ignored", "224.0.0.18")
			return
		}
		c.inst().McastGroup = a
	}
}

func setVMAC(c *call) {
	v := &VMAC{}
	for i, w := range c.args {
		mac, addVRID, err := parseMAC(w.Text)
		switch {
		case err == nil:
			v.MAC, v.addVRID = mac, addVRID
		case v.Name == "" && len(w.Text) <= maxIfName:
			v.Name = w.Text
			if isBoolWord(w.Text) {
				c.warn(i, "inverted-boolean", "use_vmac "+w.Text+" makes an interface called "+w.Text, "the word after use_vmac is the interface's name", "nothing, to have no virtual MAC; or use_vmac alone")
			}
		default:
			c.warn(i, "extra-words", w.Text+" is neither an interface name nor a MAC address", "it is ignored", "use_vmac [NAME] [MAC]")
		}
	}
	c.inst().VMAC = v
}

// parseMAC reads six octets, or five, to which the VRID is added when the instance is complete.
func parseMAC(s string) (mac net.HardwareAddr, addVRID bool, err error) {
	if addVRID = len(s) == len("00:00:00:00:00"); addVRID {
		s += ":00"
	}
	mac, err = net.ParseMAC(s)
	if err == nil && len(mac) != 6 {
		err = errSkip
	}
	return mac, addVRID, err
}

func setIPVLAN(c *call) {
	v := &IPVLAN{}
	for i, w := range c.args {
		p, _, err := prefix(w.Text)
		switch {
		case err == nil:
			v.Addr = p
		case w.Text == "bridge" || w.Text == "private" || w.Text == "vepa":
			v.Mode = w.Text
		case v.Name == "" && len(w.Text) <= maxIfName:
			v.Name = w.Text
		default:
			c.warn(i, "extra-words", w.Text+" is not known after use_ipvlan", "it is ignored", "use_ipvlan [NAME] [ADDRESS] [MODE]")
		}
	}
	c.inst().IPVLAN = v
}
