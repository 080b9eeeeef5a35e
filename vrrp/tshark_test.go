// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/require"
	"github.com/govrrp/vrrpd/vrrp"
)

// TestTshark lets Wireshark decode what AppendTo makes.
func TestTshark(t *testing.T) {
	path := require.Peer(t, "tshark")
	var trace bytes.Buffer
	var want []string
	head := []uint32{0xa1b2c3d4, 2 | 4<<16, 0, 0, 1 << 16, 101} // pcap 2.4 of raw IP packets
	_ = binary.Write(&trace, binary.LittleEndian, head)
	for _, w := range wires(t) {
		for _, count := range []int{0, 1, 2, 20} {
			a := mustParse(t, w.sealed())
			list := make([]netip.Addr, count)
			for i := range list {
				list[i] = a.Addresses.At(i % 2)
			}
			a.Addresses = vrrp.MakeAddressList(a.Family, list)
			a.Priority = uint8(count)
			p := ipPacket(w.src, w.dst, a.AppendTo(nil, w.src, w.dst, vrrp.ChecksumPseudo))
			_ = binary.Write(&trace, binary.LittleEndian, []uint32{0, 0, uint32(len(p)), uint32(len(p))})
			trace.Write(p)
			want = append(want, tsharkLine(&a, list))
		}
	}
	cmd := exec.Command(path, "-n", "-r", "-", "-T", "fields", "-E", "separator=;", "-E", "aggregator=,",
		"-e", "vrrp.version", "-e", "vrrp.type", "-e", "vrrp.virt_rtr_id", "-e", "vrrp.prio", "-e", "vrrp.addr_count",
		"-e", "vrrp.adver_int", "-e", "vrrp.short_adver_int", "-e", "vrrp.ip_addr", "-e", "vrrp.ipv6_addr",
		"-e", "vrrp.checksum.status")
	cmd.Stdin = &trace
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(got) != len(want) {
		t.Fatalf("tshark decoded %d packets of %d:\n%s", len(got), len(want), out)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("packet %d:\ntshark %s\n  want %s", i, got[i], want[i])
		}
	}
}

// tsharkLine is what tshark prints of a. It takes the checksum of VRRPv2 over
// IPv6, which no RFC defines, to be without a pseudo-header; keepalived, like
// every raw IPv6 socket with a checksum offset, sends it with one.
func tsharkLine(a *vrrp.Advertisement, list []netip.Addr) string {
	long, short, good := fmt.Sprint(int64(a.Interval/time.Second)), "", 1
	if a.Version == vrrp.V3 {
		long, short = "", fmt.Sprint(int64(a.Interval/(10*time.Millisecond)))
	}
	v4, v6 := "", strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ","), "[]")
	if a.Family == vrrp.IPv4 {
		v4, v6 = v6, v4
	} else if a.Version == vrrp.V2 {
		good = 0
	}
	return fmt.Sprintf("%d;1;%d;%d;%d;%s;%s;%s;%s;%d", a.Version, a.VRID, a.Priority, len(list), long, short, v4, v6, good)
}

// ipPacket puts an IP header before payload.
func ipPacket(src, dst netip.Addr, payload []byte) []byte {
	if src.Is6() {
		b := binary.BigEndian.AppendUint16([]byte{0x60, 0, 0, 0}, uint16(len(payload)))
		b = append(b, vrrp.Protocol, vrrp.TTL)
		return append(append(append(b, src.AsSlice()...), dst.AsSlice()...), payload...)
	}
	b := binary.BigEndian.AppendUint16([]byte{0x45, 0xc0}, uint16(20+len(payload)))
	b = append(b, 0, 1, 0, 0, vrrp.TTL, vrrp.Protocol, 0, 0)
	b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
	binary.BigEndian.PutUint16(b[10:], rfc1071(b))
	return append(b, payload...)
}
