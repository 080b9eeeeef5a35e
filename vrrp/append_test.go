// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// TestRFC9568_7_2_Append compares with bytes written down by hand; the
// checksums come from the tests' own arithmetic.
func TestRFC9568_7_2_Append(t *testing.T) { testAppend(t, vrrp.V3) }
func TestRFC3768_7_2_Append(t *testing.T) { testAppend(t, vrrp.V2) }

func testAppend(t *testing.T, version vrrp.Version) {
	for _, w := range wiresOf(t, version) {
		a := vrrp.Advertisement{
			Version: version, Family: vrrp.FamilyOf(w.src), VRID: 51, Priority: 100, Interval: time.Second,
			Addresses: vrrp.MakeAddressList(vrrp.IPv4, []netip.Addr{
				netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("192.0.2.101"),
			}),
		}
		if w.src.Is6() {
			a.Addresses = vrrp.MakeAddressList(vrrp.IPv6, []netip.Addr{
				netip.MustParseAddr("fe80::64"), netip.MustParseAddr("2001:db8::65"),
			})
		}
		if version == vrrp.V2 {
			a.Interval = 3 * time.Second
		}
		want := append([]byte("kept"), w.sealed().Payload...)
		got := a.AppendTo([]byte("kept"), w.src, w.dst, vrrp.ChecksumPseudo)
		if !bytes.Equal(got, want) {
			t.Errorf("v%d %v: appended\n%x, want\n%x", version, a.Family, got[4:], want[4:])
		}
		if a.Len() != len(w.payload) {
			t.Errorf("Len %d, want %d", a.Len(), len(w.payload))
		}
	}
}

func TestAppendClampsInterval(t *testing.T) {
	const cs = 10 * time.Millisecond
	for _, tc := range []struct {
		version    vrrp.Version
		give, want time.Duration
	}{
		{vrrp.V2, 0, time.Second},
		{vrrp.V2, -time.Hour, time.Second},
		{vrrp.V2, 400 * time.Millisecond, time.Second},
		{vrrp.V2, 2900 * time.Millisecond, 2 * time.Second},
		{vrrp.V2, 256 * time.Second, 255 * time.Second},
		{vrrp.V3, 0, cs},
		{vrrp.V3, -time.Second, cs},
		{vrrp.V3, 15 * time.Millisecond, cs},
		{vrrp.V3, 4095 * cs, 4095 * cs},
		{vrrp.V3, 4096 * cs, 4095 * cs},
		{vrrp.V3, 1000 * time.Hour, 4095 * cs},
	} {
		for _, w := range wiresOf(t, tc.version) {
			a := mustParse(t, w.sealed())
			a.Interval = tc.give
			d := vrrp.Datagram{Source: w.src, Destination: w.dst, Payload: a.AppendTo(nil, w.src, w.dst, vrrp.ChecksumPseudo)}
			if got := mustParse(t, d).Interval; got != tc.want {
				t.Errorf("v%d: %v sent as %v, want %v", tc.version, tc.give, got, tc.want)
			}
		}
	}
}

func TestAppendTooManyAddresses(t *testing.T) {
	for _, w := range wires(t) {
		many := make([]netip.Addr, 300)
		for i := range many {
			many[i] = w.src
		}
		a := mustParse(t, w.sealed())
		a.Addresses = vrrp.MakeAddressList(a.Family, many)
		p := a.AppendTo(nil, w.src, w.dst, vrrp.ChecksumPseudo)
		if len(p) != a.Len() {
			t.Errorf("Len %d, appended %d", a.Len(), len(p))
		}
		got := mustParse(t, vrrp.Datagram{Source: w.src, Destination: w.dst, Payload: p})
		if got.Addresses.Len() != 255 {
			t.Errorf("%d addresses, want 255", got.Addresses.Len())
		}
	}
}

func TestAppendZeroAddressList(t *testing.T) {
	for _, w := range wires(t) {
		a := vrrp.Advertisement{Version: w.version, Family: vrrp.FamilyOf(w.src), VRID: 1, Interval: time.Second}
		p := a.AppendTo(nil, w.src, w.dst, vrrp.ChecksumPseudo)
		if got := mustParse(t, vrrp.Datagram{Source: w.src, Destination: w.dst, Payload: p}); got.Addresses.Len() != 0 {
			t.Errorf("%d addresses, want none", got.Addresses.Len())
		}
	}
}

// A sum of exactly 0x10000 has a carry to fold as well.
func TestChecksumCarry(t *testing.T) {
	a := vrrp.Advertisement{
		Version: vrrp.V2, Family: vrrp.IPv4, VRID: 1, Priority: 1, Interval: time.Second,
		Addresses: vrrp.MakeAddressList(vrrp.IPv4, []netip.Addr{netip.MustParseAddr("221.253.0.0")}),
	}
	b := a.AppendTo(nil, netip.MustParseAddr("192.0.2.1"), vrrp.GroupIPv4, vrrp.ChecksumUnknown)
	if got := rfc1071(b); got != 0 || b[6] != 0xff || b[7] != 0xfe {
		t.Errorf("checksum %x, which sums up to %#x", b[6:8], got)
	}
}
