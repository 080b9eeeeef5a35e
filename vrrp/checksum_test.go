// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/govrrp/vrrpd/vrrp"
)

// The checksum of VRRPv2 covers the message alone (over IPv4).
func TestRFC3768_5_3_8_Checksum(t *testing.T) {
	w := wiresOf(t, vrrp.V2)[0]
	d := w.sealed()
	if a := mustParse(t, d); a.Checksum != vrrp.ChecksumMessage {
		t.Errorf("dialect %v, want message", a.Checksum)
	}
	w.version = vrrp.V3 // with a pseudo-header
	mustRefuse(t, w.sealed(), vrrp.RefusedChecksum)
	for at := range d.Payload {
		if at == 0 || at == 3 {
			continue // other refusals come first
		}
		broken := d
		broken.Payload = bytes.Clone(d.Payload)
		broken.Payload[at] ^= 1
		mustRefuse(t, broken, vrrp.RefusedChecksum)
	}
}

// RFC 9568 leaves the pseudo-header out over IPv4, RFC 5798 was read the other
// way, and keepalived up to 1.3.6 had unicast adverts of its own kind.
func TestRFC9568_5_2_8_ChecksumIPv4(t *testing.T) {
	src, dst := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	a := mustParse(t, wiresOf(t, vrrp.V3)[0].sealed())
	for _, tc := range []struct {
		send, want vrrp.Checksum
		dst        netip.Addr
	}{
		{vrrp.ChecksumUnknown, vrrp.ChecksumPseudo, dst},
		{vrrp.ChecksumPseudo, vrrp.ChecksumPseudo, dst},
		{vrrp.ChecksumMessage, vrrp.ChecksumMessage, dst},
		{vrrp.ChecksumOldUnicast, vrrp.ChecksumOldUnicast, dst},
		{vrrp.ChecksumMessage, vrrp.ChecksumMessage, vrrp.GroupIPv4},
		{vrrp.ChecksumOldUnicast, vrrp.ChecksumPseudo, vrrp.GroupIPv4}, // the same bytes
	} {
		d := vrrp.Datagram{Source: src, Destination: tc.dst, Payload: a.AppendTo(nil, src, tc.dst, tc.send)}
		if got := mustParse(t, d).Checksum; got != tc.want {
			t.Errorf("sent %v to %v, heard %v, want %v", tc.send, tc.dst, got, tc.want)
		}
		d.Payload[7] ^= 1
		mustRefuse(t, d, vrrp.RefusedChecksum)
	}
}

// Over IPv6 the pseudo-header and all that follows the IPv6 header is covered,
// in either version and whatever dialect is asked for.
func TestRFC9568_5_2_8_ChecksumIPv6(t *testing.T) {
	for _, w := range wires(t) {
		if w.src.Is4() {
			continue
		}
		for c := vrrp.ChecksumUnknown; c <= vrrp.ChecksumOldUnicast; c++ {
			a := mustParse(t, w.sealed())
			if a.Checksum != vrrp.ChecksumPseudo {
				t.Errorf("dialect %v, want pseudo", a.Checksum)
			}
			if got, want := a.AppendTo(nil, w.src, w.dst, c), w.sealed().Payload; !bytes.Equal(got, want) {
				t.Errorf("%v: sent %x, want %x", c, got, want)
			}
		}
		d := w.sealed()
		d.Destination = netip.MustParseAddr("fe80::2")
		mustRefuse(t, d, vrrp.RefusedChecksum)
		d = w.sealed()
		d.Payload = append(d.Payload, make([]byte, vrrp.TrailerLen)...)
		mustRefuse(t, d, vrrp.RefusedChecksum) // a trailer the checksum does not know of
	}
}

// A checksum field of ffff is the other zero of one's complement arithmetic.
func TestChecksumBothZeros(t *testing.T) {
	w := wiresOf(t, vrrp.V2)[0].with(16, make([]byte, 8)...)
	d := w.sealed()
	w = w.with(16, d.Payload[6], d.Payload[7]) // makes the rest sum to zero
	d = w.sealed()
	if d.Payload[6] != 0 || d.Payload[7] != 0 {
		t.Fatalf("checksum %x, want 0", d.Payload[6:8])
	}
	mustParse(t, d)
	d.Payload[6], d.Payload[7] = 0xff, 0xff
	mustParse(t, d)
}

func TestChecksumNames(t *testing.T) {
	for c, want := range map[vrrp.Checksum]string{
		vrrp.ChecksumUnknown: "unknown", vrrp.ChecksumPseudo: "pseudo", vrrp.ChecksumMessage: "message",
		vrrp.ChecksumOldUnicast: "old-unicast",
	} {
		if c.String() != want {
			t.Errorf("%d prints as %v, want %s", c, c, want)
		}
	}
}
