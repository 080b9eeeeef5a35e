// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// unhex decodes hex digits; blanks are allowed anywhere.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func datagram(t testing.TB, src, dst, payload string) vrrp.Datagram {
	t.Helper()
	return vrrp.Datagram{
		Source:      netip.MustParseAddr(src),
		Destination: netip.MustParseAddr(dst),
		TTL:         vrrp.TTL,
		Payload:     unhex(t, payload),
	}
}

func TestParseTrailer(t *testing.T) {
	a, err := vrrp.Parse(datagram(t, "198.51.100.10", "198.51.100.20",
		"3133c80100644402 c0000264 010100006800000080000000 1b84bc4e8e43892dc6d98448f8ee2265"))
	if err != nil {
		t.Fatal(err)
	}
	if a.Version != vrrp.V3 || a.Family != vrrp.IPv4 || a.VRID != 51 || a.Priority != 200 || a.Interval != time.Second {
		t.Errorf("header: %+v", a)
	}
	if a.Checksum != vrrp.ChecksumMessage {
		t.Errorf("checksum %v, want message", a.Checksum)
	}
	if a.Addresses.Len() != 1 || a.Addresses.At(0) != netip.MustParseAddr("192.0.2.100") {
		t.Errorf("addresses %v", a.Addresses)
	}
	if len(a.Message) != 12 || len(a.Trailer) != vrrp.TrailerLen {
		t.Errorf("message %d bytes, trailer %d", len(a.Message), len(a.Trailer))
	}
	b := a.AppendTo(nil, netip.MustParseAddr("198.51.100.10"), netip.MustParseAddr("198.51.100.20"), a.Checksum)
	if string(b) != string(a.Message) {
		t.Errorf("appended %x, want %x", b, a.Message)
	}
}
