// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"net/netip"
)

// Family is the address family a virtual router speaks.
type Family uint8

// The two families. The zero value is invalid on purpose.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

func (f Family) String() string {
	switch f {
	case IPv4:
		return "ipv4"
	case IPv6:
		return "ipv6"
	}
	return fmt.Sprintf("family(%d)", uint8(f))
}

// FamilyOf returns the family of a valid address; a 4-in-6 address is IPv6.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// Version is the protocol version on the wire.
type Version uint8

// The two versions. The zero value is invalid on purpose.
const (
	V2 Version = 2 // RFC 3768
	V3 Version = 3 // RFC 9568
)

// ID names one virtual router: RFC 9568 §1.5 scopes a VRID to one interface
// and one address family. It is comparable and is the key every layer uses.
type ID struct {
	Interface string
	VRID      uint8 // 1…255
	Family    Family
}

func (id ID) String() string {
	return fmt.Sprintf("%s/%d/%s", id.Interface, id.VRID, id.Family)
}

// State is the state of one virtual router.
type State uint8

// The states in the order keepalived numbers them.
const (
	Init   State = iota // not running, or held back by its start delay
	Backup              // listening for the MASTER
	Master              // forwarding and advertising; RFC 9568 says Active
	Fault               // cannot serve: the set of faults is not empty
)

func (s State) String() string {
	switch s {
	case Init:
		return "INIT"
	case Backup:
		return "BACKUP"
	case Master:
		return "MASTER"
	case Fault:
		return "FAULT"
	}
	return fmt.Sprintf("STATE(%d)", uint8(s))
}

// The priorities RFC 9568 §5.2.4 reserves.
const (
	PriorityResign  = 0   // the MASTER is leaving
	PriorityDefault = 100 // a BACKUP's default
	PriorityOwner   = 255 // the router that owns the addresses
)

// Protocol is the IP protocol number of VRRP (RFC 9568 §5.1.1.4).
const Protocol = 112

// TTL is the only TTL or hop limit a multicast advertisement may have (RFC 9568 §5.1.1.3).
const TTL = 255

// The multicast groups of RFC 9568 §5.1.1.2 and §5.1.2.2.
var (
	GroupIPv4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	GroupIPv6 = netip.AddrFrom16([16]byte{0xff, 0x02, 15: 0x12})
)

// VirtualMAC returns the virtual router's MAC address: 00-00-5E-00-01-{VRID}
// for IPv4, 00-00-5E-00-02-{VRID} for IPv6 (RFC 3768 §7.3, RFC 9568 §7.3).
func (id ID) VirtualMAC() [6]byte {
	block := byte(1)
	if id.Family == IPv6 {
		block = 2
	}
	return [6]byte{0x00, 0x00, 0x5e, 0x00, block, id.VRID}
}
