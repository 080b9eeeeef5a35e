// SPDX-License-Identifier: Apache-2.0

package netio

import (
	"net/netip"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// Router is what the wire must know of one virtual router.
type Router struct {
	ID        vrrp.ID
	Unicast   bool         // has peers: the multicast group is only overheard, where that can be
	OnlyFrom  []netip.Addr // whose unicast adverts it may accept; none = anybody's
	Group     netip.Addr   // multicast destination; zero = the RFC's group
	TTL       int          // of unicast adverts, 1…255; 0 = 255
	VMAC      *VMAC        // nil = the interface's own MAC address
	Announced []Announced
	// AnnounceAll makes announcements elsewhere go out on every other
	// interface, not only from virtual MAC addresses.
	AnnounceAll bool

	ARPInterval, NAInterval time.Duration // gap between two announcements; 0 = none
}

// VMAC is a virtual MAC address and the macvlan that carries it.
type VMAC struct {
	Name     string // of the macvlan
	MAC      [6]byte
	FromBase bool // adverts leave with the base interface's MAC address
}

// Announced is an address the router announces when it becomes MASTER.
type Announced struct {
	Address netip.Addr
	Device  string // the interface the frame leaves by; for a virtual MAC, the base
	Virtual bool   // with the virtual MAC address
}

func (r *Router) group() netip.Addr {
	switch {
	case r.Group.IsValid():
		return r.Group
	case r.ID.Family == vrrp.IPv6:
		return vrrp.GroupIPv6
	}
	return vrrp.GroupIPv4
}

// ttl returns the TTL or hop limit of a packet to dst (RFC 9568 §5.1.1.3).
func (r *Router) ttl(dst netip.Addr) int {
	if dst.IsMulticast() || r.TTL <= 0 || r.TTL > vrrp.TTL {
		return vrrp.TTL
	}
	return r.TTL
}
