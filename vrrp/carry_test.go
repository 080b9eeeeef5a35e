// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

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
