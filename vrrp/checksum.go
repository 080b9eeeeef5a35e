// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"encoding/binary"
	"net/netip"
)

// checksumOffset is where the checksum stands in either version.
const checksumOffset = 6

// sum adds the 16-bit words of b to acc without folding the carries, two at a
// time: a 32-bit word is congruent to the sum of its halves modulo 0xffff. All
// that a checksum covers has a multiple of four bytes.
func sum(acc uint64, b []byte) uint64 {
	for len(b) >= 4 {
		acc += uint64(binary.BigEndian.Uint32(b))
		b = b[4:]
	}
	return acc
}

// fold brings acc down to 16 bits with end-around carry.
func fold(acc uint64) uint16 {
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}

// pseudoHeader sums the pseudo-header of RFC 8200 §8.1, or its IPv4 form,
// for an upper-layer packet of length bytes (RFC 9568 §5.2.8). Both
// addresses are of one family.
func pseudoHeader(src, dst netip.Addr, length int) uint64 {
	acc := uint64(Protocol) + uint64(length)
	if src.Is4() {
		s, d := src.As4(), dst.As4()
		return sum(sum(acc, s[:]), d[:])
	}
	s, d := src.As16(), dst.As16()
	return sum(sum(acc, s[:]), d[:])
}

// matchChecksum finds the dialect under which payload, whose message is
// followed by trailer bytes, verifies: the sum over all that a dialect covers,
// checksum included, is then all ones. A packet that verifies under several
// dialects counts as the first one tried.
func matchChecksum(v Version, src, dst netip.Addr, message, trailer []byte) (Checksum, bool) {
	const allOnes = 0xffff
	acc := sum(0, message)
	if FamilyOf(src) == IPv6 {
		acc = sum(acc, trailer) + pseudoHeader(src, dst, len(message)+len(trailer))
		return ChecksumPseudo, fold(acc) == allOnes
	}
	if v == V3 && fold(acc+pseudoHeader(src, dst, len(message))) == allOnes {
		return ChecksumPseudo, true
	}
	if fold(acc) == allOnes {
		return ChecksumMessage, true
	}
	if v == V3 && fold(acc+pseudoHeader(src, GroupIPv4, len(message))) == allOnes {
		return ChecksumOldUnicast, true
	}
	return ChecksumUnknown, false
}

// putChecksum fills the zeroed checksum field of payload, whose first size
// bytes are the message and whose rest is a trailer.
func putChecksum(v Version, payload []byte, size int, src, dst netip.Addr, c Checksum) {
	var acc uint64
	switch {
	case FamilyOf(src) == IPv6:
		acc = pseudoHeader(src, dst, len(payload)) + sum(0, payload)
	case v == V2 || c == ChecksumMessage:
		acc = sum(0, payload[:size])
	case c == ChecksumOldUnicast:
		acc = pseudoHeader(src, GroupIPv4, size) + sum(0, payload[:size])
	default:
		acc = pseudoHeader(src, dst, size) + sum(0, payload[:size])
	}
	binary.BigEndian.PutUint16(payload[checksumOffset:], ^fold(acc))
}
