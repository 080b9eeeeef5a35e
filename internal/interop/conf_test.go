// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
)

// vip is the address the client uses.
func (c cell) vip() string {
	if c.family == ipv6Only {
		return "2001:db8::9"
	}
	return "192.0.2.9"
}

// vips are the virtual addresses; the first one of IPv6 must be link-local
// (RFC 9568 §5.2.9).
func (c cell) vips() []string {
	if c.family == ipv6Only {
		return []string{"fe80::9/64", "2001:db8::9/64"}
	}
	return []string{"192.0.2.9/24"}
}

// haunted tells whether the kernel of a router whose daemon was killed goes on
// answering for what the daemon left behind, and wins: it answers even the
// gratuitous ARP requests of the new MASTER, from the same virtual MAC, and
// only multicast adverts would take the switches' ports back. vrrpd leaves a
// filter rule against that, keepalived does not.
func (c cell) haunted() bool {
	return c.a == keepalived && c.mac == vmac && c.wire == unicast && c.family == ipv4Only
}

// start configures and starts a router of this cell.
func (x *run) start(k kind, h *netns.Host, own, peer string, priority int) *daemon {
	x.t.Helper()
	if k == frr {
		x.makeMacvlan(h)
		return start(x.t, frr, h, x.c.frrConf(priority))
	}
	return start(x.t, k, h, x.c.keepalivedConf(own, peer, priority))
}

func (c cell) keepalivedConf(own, peer string, priority int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "vrrp_instance V {\n version %s\n interface ens3\n virtual_router_id 7\n priority %d\n advert_int %v\n",
		strings.TrimPrefix(c.version, "VRRPv"), priority, c.interval().Seconds())
	if c.mac == vmac {
		b.WriteString(" use_vmac " + frrMacvlan + "\n")
	}
	if c.wire == unicast {
		prefix := "192.0.2."
		if c.family == ipv6Only {
			prefix = "2001:db8::"
		}
		fmt.Fprintf(&b, " unicast_src_ip %s%s\n unicast_peer {\n  %s%s\n }\n", prefix, own, prefix, peer)
	}
	fmt.Fprintf(&b, " virtual_ipaddress {\n  %s\n }\n}\n", strings.Join(c.vips(), "\n  "))
	return b.String()
}

func (c cell) frrConf(priority int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "interface ens3\n vrrp 7 version %s\n vrrp 7 priority %d\n vrrp 7 advertisement-interval %d\n",
		strings.TrimPrefix(c.version, "VRRPv"), priority, c.interval().Milliseconds())
	word := "ip"
	if c.family == ipv6Only {
		word = "ipv6"
	}
	for _, vip := range c.vips() {
		address, _, _ := strings.Cut(vip, "/")
		fmt.Fprintf(&b, " vrrp 7 %s %s\n", word, address)
	}
	return b.String()
}

// makeMacvlan does what FRR's manual asks of the administrator, and what keeps
// the other interface from answering for the VIPs.
func (x *run) makeMacvlan(h *netns.Host) {
	x.t.Helper()
	h.Sysctl("net/ipv4/conf/all/arp_ignore", "1")
	h.Sysctl("net/ipv4/conf/all/arp_announce", "2")
	h.Exec("ip", "link", "add", "link", "ens3", "name", frrMacvlan, "address", x.macOf(h), "type", "macvlan", "mode", "bridge")
	for _, vip := range x.c.vips() {
		h.Exec("ip", "address", "add", vip, "dev", frrMacvlan)
	}
	h.Exec("ip", "link", "set", frrMacvlan, "up")
}

func sortTimes(at []time.Time) { slices.SortFunc(at, time.Time.Compare) }
