// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netio

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/govrrp/vrrpd/vrrp"
)

func TestSplitIPv4TakesOptionsOff(t *testing.T) {
	p := vrrp.Packet{Source: netip.MustParseAddr("10.0.0.1"), Destination: vrrp.GroupIPv4, Payload: []byte("payload")}
	frame, err := advertFrame([6]byte{2}, p)
	if err != nil {
		t.Fatal(err)
	}
	plain := frame[14:]
	options := append(append(bytes.Clone(plain[:20]), 1, 1, 1, 0), plain[20:]...)
	options[0], options[3] = 0x46, options[3]+4
	for name, b := range map[string][]byte{"plain": plain, "options": options, "padding": append(bytes.Clone(options), 0, 0, 0)} {
		d, ok := splitIPv4(b)
		if !ok || string(d.Payload) != "payload" || d.Source != p.Source || d.Destination != p.Destination || d.TTL != 255 {
			t.Errorf("%s: %+v %v", name, d, ok)
		}
	}
}

func FuzzSplitIPv4(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x45, 0, 0, 0})
	f.Add(append([]byte{0x4f, 0, 0, 60}, make([]byte, 56)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, ok := splitIPv4(b)
		if ok && len(d.Payload) > len(b)-20 {
			t.Errorf("%d bytes of payload from %d", len(d.Payload), len(b))
		}
	})
}

func TestDefaultsOfRouter(t *testing.T) {
	r := Router{ID: vrrp.ID{Family: vrrp.IPv6}, TTL: 3}
	if r.group() != vrrp.GroupIPv6 || r.ttl(vrrp.GroupIPv6) != 255 || r.ttl(netip.MustParseAddr("2001:db8::1")) != 3 {
		t.Error("multicast has hop limit 255, unicast the configured one")
	}
}
