// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// Options of [New].
type Options struct {
	Log *slog.Logger // nil = none
	// OnLost is told that somebody else removed an address or route an owned
	// router has. It has been put back already where that was possible. Hand
	// it on as engine.OwnershipLost. It must not block; nil = nobody is told.
	OnLost func(id vrrp.ID, detail string)
}

// Router is what the host must know of one virtual router. The zero value of
// each optional field is what keepalived does.
type Router struct {
	ID    vrrp.ID
	Peers []netip.Addr // unicast peers; none = multicast
	// OnlyPeers says that the engine refuses unicast adverts of others: those
	// of a flood may stay in the kernel.
	OnlyPeers bool
	Group     netip.Addr // multicast destination; zero = the RFC's
	TTL       int        // of unicast adverts, 1…255; 0 = 255

	Addresses []Address // owned by the MASTER, advertised or not
	Routes    []Route   // present while MASTER
	Rules     []Rule    // present while MASTER
	// SourceFor names routes of the main table, by destination, that use the
	// first address as their source while MASTER. They are given back as they
	// were before the address goes.
	SourceFor []netip.Prefix

	VMAC               *VMAC // nil = the interface's own MAC address
	NoAccept           bool  // drop packets to and from the addresses, but not neighbour discovery
	PromoteSecondaries bool  // keep a network's other addresses when its first one goes
	// KeepAddresses is for an address owner (priority 255): addresses the
	// interface had before the first Configure are the administrator's and stay.
	KeepAddresses bool
	// Static is for addresses, routes and rules of no virtual router: they are
	// there from the first Configure to Close, those that cannot be added as
	// soon as their interface comes up. The ID only tells them apart.
	Static bool

	ARPInterval, NAInterval time.Duration // gap between two announcements; 0 = none
	// AnnounceAll makes the announcements of vrrp.Announcing.Elsewhere go out on
	// every interface of an address, not only from a virtual MAC address.
	AnnounceAll bool
}

// VMAC is a virtual MAC address (RFC 9568 §7.3) on a private macvlan that is up
// only while the router owns its addresses.
type VMAC struct {
	Name string           // "" = that of an earlier run, or the first free of vrrp.VRID, vrrp1.VRID, …
	MAC  net.HardwareAddr // nil = the RFC's
	// TransmitFromBase sends adverts with the base interface's MAC address, as
	// unicast adverts always are.
	TransmitFromBase bool
}

// Address is one virtual address.
type Address struct {
	Prefix    netip.Prefix // /32 or /128 unless the MASTER is to have the network too
	Device    string       // "" = the router's interface, or its virtual MAC's
	Label     string       // IPv4; must begin with the interface's name
	Broadcast netip.Addr   // IPv4; zero = none
	Scope     string       // IPv4: global, site, link, host, nowhere or a number; "" = global
	Peer      netip.Addr   // the far end of a point-to-point address
	// PreferredLifetime is for IPv6: negative = for ever; 0 = the default,
	// which is none for a /128, so that it never becomes the source of the
	// node's own traffic, and for ever otherwise. Counted in whole seconds: one
	// nanosecond is an explicit none.
	PreferredLifetime time.Duration
	DAD               bool // IPv6: duplicate address detection, which delays the address
	NoPrefixRoute     bool // no route to the prefix's network
	HomeAddress       bool // IPv6: RFC 6275
	NoTrack           bool // its loss is neither told nor made good
}

// Route is one route. Words are those of iproute2, looked up in its files.
type Route struct {
	Type        string       // "" = unicast
	Destination netip.Prefix // 0.0.0.0/0 or ::/0 is the default route
	Via         netip.Addr
	Device      string
	Source      netip.Addr // preferred source
	Table       string     // name or number; "" = main
	Protocol    string     // name or number; "" = keepalived (18)
	Scope       string
	Metric      int
	MTU         int // bytes; 0 = the interface's
	AdvMSS      int // bytes; 0 = from the MTU
	HopLimit    int
	OnLink      bool
	NextHops    []NextHop // multipath, instead of Via and Device
	NoTrack     bool      // its loss is neither told nor made good
}

// NextHop is one way of a multipath route.
type NextHop struct {
	Via    netip.Addr
	Device string
	Weight int // 1…256; 0 = 1
	OnLink bool
}

// Rule is one policy routing rule.
type Rule struct {
	Family     vrrp.Family
	Action     string // table (the default), goto, nop, blackhole, unreachable, prohibit
	Target     string // the table, or the preference to go to
	Not        bool
	From, To   netip.Prefix
	Preference int // 0 = the kernel chooses
	IIF, OIF   string
	Mark, Mask uint32
	TOS        uint8
	NoTrack    bool // its loss is neither told nor made good
}
