// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"time"
)

// Datagram is one received IP payload and what the receiving socket knows of it.
type Datagram struct {
	Source, Destination netip.Addr // both valid, without zone
	TTL                 int        // TTL or hop limit as received; negative when unknown
	Payload             []byte     // the VRRP message, without any IP header
}

// Packet is one IP payload to be sent. The TTL and the interface are the
// wire's business.
type Packet struct {
	Source, Destination netip.Addr
	Payload             []byte // owned by the router: valid until its next Step
}

// AuthType is the authentication type field of VRRPv2 (RFC 3768 §5.3.6).
type AuthType uint8

// The types of RFC 2338 and RFC 3768.
const (
	AuthNone AuthType = 0
	AuthPass AuthType = 1 // simple text password, RFC 2338 §5.3.6
	AuthAH   AuthType = 2 // IP authentication header, RFC 2338; not supported
)

// Checksum is the way a checksum was, or is to be, computed. VRRPv2 always
// covers the message alone and IPv6 always the pseudo-header (RFC 9568
// §5.2.8); for VRRPv3 over IPv4, RFC 5798 implementations include the
// pseudo-header and RFC 9568 ones do not, so both are accepted.
type Checksum uint8

// The dialects. The zero value means "not known yet".
const (
	ChecksumUnknown    Checksum = iota
	ChecksumPseudo              // pseudo-header and message (RFC 5798)
	ChecksumMessage             // message only (RFC 9568 for IPv4)
	ChecksumOldUnicast          // pseudo-header with 224.0.0.18 as destination (keepalived ≤ 1.3.6 unicast)
)

func (c Checksum) String() string {
	return [...]string{"unknown", "pseudo", "message", "old-unicast"}[min(c, ChecksumOldUnicast)]
}

// Advertisement is a decoded ADVERTISEMENT (RFC 3768 §5, RFC 9568 §5). One
// that came from [Parse] refers to the datagram's payload.
type Advertisement struct {
	Version   Version
	Family    Family
	VRID      uint8
	Priority  uint8
	Interval  time.Duration // whole seconds 1…255 in v2, centiseconds 10 ms…40.95 s in v3
	Addresses AddressList
	AuthType  AuthType // v2 only
	AuthData  Password // v2 over IPv4 only
	Checksum  Checksum // the dialect that matched; ignored by AppendTo
	Message   []byte   // the VRRP message as received, without any trailer; nil when not parsed
	Trailer   []byte   // the 28-byte HMAC trailer behind the message, or nil
}

// String describes the advert in one line, without authentication data.
func (a Advertisement) String() string {
	return fmt.Sprintf("VRRPv%d %v vrid %d priority %d interval %v addresses %v",
		a.Version, a.Family, a.VRID, a.Priority, a.Interval, a.Addresses)
}

// AddressList is the list of virtual addresses in wire form.
type AddressList struct {
	raw  []byte
	size int // 4 or 16
}

// MakeAddressList encodes addrs, all of the given family, in order.
func MakeAddressList(f Family, addrs []netip.Addr) AddressList {
	l := AddressList{size: addressSize(f)}
	l.raw = make([]byte, 0, len(addrs)*l.size)
	for _, a := range addrs {
		l.raw = append(l.raw, a.AsSlice()...)
	}
	return l
}

// Len returns the number of addresses.
func (l AddressList) Len() int {
	if l.size == 0 {
		return 0
	}
	return len(l.raw) / l.size
}

// At returns address i, 0 ≤ i < Len.
func (l AddressList) At(i int) netip.Addr {
	b := l.raw[i*l.size : (i+1)*l.size]
	if l.size == 4 {
		return netip.AddrFrom4([4]byte(b))
	}
	return netip.AddrFrom16([16]byte(b))
}

// All yields the addresses in order.
func (l AddressList) All() iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		for i := range l.Len() {
			if !yield(l.At(i)) {
				return
			}
		}
	}
}

func (l AddressList) String() string { return fmt.Sprint(slices.Collect(l.All())) }
