// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Sizes on the wire, in bytes.
const (
	headerLen   = 8  // the fixed header of either version
	authDataLen = 8  // behind the addresses in VRRPv2 over IPv4
	TrailerLen  = 28 // the HMAC trailer behind the message
)

// typeAdvertisement is the only packet type there is (RFC 9568 §5.2.2).
const typeAdvertisement = 1

// Parse decodes the payload of one received datagram and makes every check of
// RFC 3768 §7.1 and RFC 9568 §7.1 that needs no configuration. TTL, VRID,
// authentication and the interval's value are for a [Router] to judge.
//
// The error is nil or a [Refusal], the first that applies in the order of the
// constants; the returned Advertisement is then zero. Parse does not allocate:
// the result refers to d.Payload, and only while that is left unchanged is the
// result valid. No payload makes it panic.
//
// An advert without addresses is accepted, and so are the reserved bits of
// VRRPv3 whatever they hold (RFC 9568 §5.2.6). Over IPv4, VRRPv3 checksums of
// three dialects are accepted; Advertisement.Checksum says which one matched.
// Bytes behind the message are refused unless they are exactly one HMAC trailer.
func Parse(d Datagram) (Advertisement, error) {
	b := d.Payload
	if len(b) < headerLen {
		return Advertisement{}, RefusedTooShort
	}
	a := Advertisement{Version: Version(b[0] >> 4), VRID: b[1], Priority: b[2]}
	if a.Version != V2 && a.Version != V3 {
		return Advertisement{}, RefusedVersion
	}
	if b[0]&0xf != typeAdvertisement {
		return Advertisement{}, RefusedType
	}
	if !sameFamily(d.Source, d.Destination) {
		return Advertisement{}, RefusedFamily
	}
	a.Family = FamilyOf(d.Source)
	if a.VRID == 0 {
		return Advertisement{}, RefusedVRID
	}
	if refused := a.parseTimes(b); refused != 0 {
		return Advertisement{}, refused
	}
	if !a.split(b) {
		return Advertisement{}, RefusedLength
	}
	var ok bool
	if a.Checksum, ok = matchChecksum(a.Version, d.Source, d.Destination, a.Message, a.Trailer); !ok {
		return Advertisement{}, RefusedChecksum
	}
	return a, nil
}

func sameFamily(a, b netip.Addr) bool {
	return a.IsValid() && b.IsValid() && a.Is4() == b.Is4()
}

// parseTimes reads bytes 4 and 5, the ones that differ between the versions.
func (a *Advertisement) parseTimes(b []byte) Refusal {
	if a.Version == V2 {
		a.AuthType = AuthType(b[4])
		if a.AuthType > AuthAH {
			return RefusedAuthType
		}
		a.Interval = time.Duration(b[5]) * time.Second
	} else {
		a.Interval = time.Duration(binary.BigEndian.Uint16(b[4:])&0xfff) * centisecond
	}
	if a.Interval == 0 {
		return RefusedInterval
	}
	return 0
}

// split finds the addresses, the authentication data and the trailer. It
// reports whether they fill b exactly.
func (a *Advertisement) split(b []byte) bool {
	a.Addresses.size = addressSize(a.Family)
	count := int(b[3])
	end := headerLen + count*a.Addresses.size
	size := end + a.authDataLen()
	switch len(b) {
	case size:
	case size + TrailerLen:
		a.Trailer = b[size:]
	default:
		return false
	}
	a.Message = b[:size:size]
	a.Addresses.raw = b[headerLen:end:end]
	copy(a.AuthData[:], b[end:size])
	return true
}

// authDataLen returns the size of the authentication data field, which
// keepalived's VRRPv2 over IPv6 does without.
func (a *Advertisement) authDataLen() int {
	if a.Version == V2 && a.Family == IPv4 {
		return authDataLen
	}
	return 0
}

func addressSize(f Family) int {
	if f == IPv4 {
		return 4
	}
	return 16
}
