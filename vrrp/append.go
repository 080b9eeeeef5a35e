// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// maxAddresses is the most a message can carry: the count is one byte.
const maxAddresses = 255

// Len returns the number of bytes AppendTo appends.
func (a *Advertisement) Len() int {
	return headerLen + len(a.wireAddresses()) + a.authDataLen()
}

// AppendTo appends the message to b, with its checksum for the journey from
// src to dst, both of a's family, and returns the extended slice. It reads
// Version to AuthData and ignores the rest. It does not allocate if b has room
// for Len bytes more.
//
// Dialect c matters to VRRPv3 over IPv4 only; [ChecksumUnknown] means
// [ChecksumPseudo]. An interval is rounded down to what the version can
// express and clamped to its range (RFC 3768 §5.3.7, RFC 9568 §5.2.7), so a
// bad one can neither wrap around nor become zero. Addresses past the 255th
// are left out.
func (a *Advertisement) AppendTo(b []byte, src, dst netip.Addr, c Checksum) []byte {
	start := len(b)
	b = a.appendMessage(b)
	putChecksum(a.Version, b[start:], len(b)-start, src, dst, c)
	return b
}

// appendMessage appends the message with a checksum of zero.
func (a *Advertisement) appendMessage(b []byte) []byte {
	addresses := a.wireAddresses()
	count := len(addresses) / addressSize(a.Family)
	b = append(b, byte(a.Version)<<4|typeAdvertisement, a.VRID, a.Priority, byte(count))
	if a.Version == V2 {
		b = append(b, byte(a.AuthType), byte(units(a.Interval, time.Second, 0xff)))
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(units(a.Interval, centisecond, 0xfff)))
	}
	b = append(b, 0, 0)
	b = append(b, addresses...)
	return append(b, a.AuthData[:a.authDataLen()]...)
}

// wireAddresses returns the address bytes that fit the message.
func (a *Advertisement) wireAddresses() []byte {
	return a.Addresses.raw[:min(len(a.Addresses.raw), maxAddresses*addressSize(a.Family))]
}

func units(d, unit time.Duration, most int64) int64 {
	return max(1, min(int64(d/unit), most))
}
