// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/govrrp/vrrpd/vrrp"
)

// capture is a classic capture file with one frame.
func capture(link uint32, frame []byte) *bytes.Reader {
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 4)
	for _, v := range []uint32{0, 0, 1 << 16, link, 1, 2, uint32(len(frame)), uint32(len(frame))} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return bytes.NewReader(append(b, frame...))
}

// TestDecode reads one advert from captures of each kind that tcpdump writes.
func TestDecode(t *testing.T) {
	source := netip.MustParseAddr("192.0.2.1")
	advert := vrrp.Advertisement{
		Version: vrrp.V3, Family: vrrp.IPv4, VRID: 51, Priority: 100, Interval: time.Second,
		Addresses: vrrp.MakeAddressList(vrrp.IPv4, []netip.Addr{netip.MustParseAddr("192.0.2.9")}),
	}
	payload := advert.AppendTo(nil, source, vrrp.GroupIPv4, vrrp.ChecksumPseudo)
	buf := gopacket.NewSerializeBuffer()
	ip := &layers.IPv4{Version: 4, TTL: 255, Protocol: layers.IPProtocolVRRP, SrcIP: source.AsSlice(), DstIP: vrrp.GroupIPv4.AsSlice()}
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, gopacket.Payload(payload)); err != nil {
		t.Fatal(err)
	}
	header := func(n, at int) []byte {
		h := make([]byte, n)
		binary.BigEndian.PutUint16(h[at:], uint16(layers.EthernetTypeIPv4))
		return append(h, buf.Bytes()...)
	}
	for _, c := range []struct {
		name  string
		link  uint32
		frame []byte
		found int
	}{
		{"ethernet", 1, header(14, 12), 1},
		{"raw", 101, buf.Bytes(), 1},
		{"tcpdump -i any", 276, header(20, 0), 1},
		{"tcpdump -i any, once", 113, header(16, 14), 1},
		{"cut", 276, make([]byte, 3), 0},
		{"something else", 1, make([]byte, 60), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			found, err := decode(capture(c.link, c.frame), &out)
			if err != nil || found != c.found {
				t.Fatalf("%d, %v", found, err)
			}
			if found > 0 && !strings.Contains(out.String(), "192.0.2.1 > 224.0.0.18  ttl 255  VRRPv3 ipv4 vrid 51 priority 100") {
				t.Errorf("%s", out.String())
			}
		})
	}
}
