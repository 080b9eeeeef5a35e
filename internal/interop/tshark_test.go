// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
	"github.com/govrrp/vrrpd/vrrp"
)

// objections is what tshark has to say against a frame, as a display filter.
// A status of 0 is a bad checksum.
const objections = "_ws.malformed || ip.checksum.status == 0 || vrrp.checksum.status == 0 || icmpv6.checksum.status == 0"

// TestTshark has another program read all that a vrrpd sends from its start to
// its end: adverts, announcements and the resignation. RFC 9568's checksum of
// VRRPv3 over IPv4 is not among it, as tshark knows only RFC 5798's.
func TestTshark(t *testing.T) {
	require.Need(t, require.NetNS)
	tshark := require.Peer(t, "tshark")
	const pass = " authentication {\n  auth_type PASS\n  auth_pass secret\n }\n"
	for _, c := range []struct {
		cell
		extra string
	}{
		{cell{version: v2, family: ipv4Only, wire: multicast, mac: plain}, ""},
		{cell{version: v2, family: ipv4Only, wire: multicast, mac: plain}, pass},
		{cell{version: v2, family: ipv4Only, wire: unicast, mac: plain}, ""},
		{cell{version: v3, family: ipv4Only, wire: multicast, mac: plain}, ""},
		{cell{version: v3, family: ipv4Only, wire: multicast, mac: vmac}, ""},
		{cell{version: v3, family: ipv4Only, wire: unicast, mac: plain}, ""},
		{cell{version: v3, family: ipv6Only, wire: multicast, mac: plain}, ""},
		{cell{version: v3, family: ipv6Only, wire: multicast, mac: vmac}, ""},
		{cell{version: v3, family: ipv6Only, wire: unicast, mac: plain}, ""},
	} {
		name := strings.Join([]string{c.version, c.family, c.wire, c.mac}, "_")
		if c.extra != "" {
			name += "_PASS"
		}
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			conf := c.keepalivedConf("1", "2", 200)
			conf = strings.Replace(conf, " virtual_ipaddress", c.extra+" virtual_ipaddress", 1)
			file := lifetime(t, conf)
			read := func(filter string) string { return readWith(t, tshark, file, filter) }
			if bad := read(objections); bad != "" {
				t.Errorf("tshark objects to:\n%s", bad)
			}
			if n := strings.Count(read("vrrp.prio > 0"), "\n"); n < 2 {
				t.Errorf("tshark sees %d adverts, want at least 2", n)
			}
			if n := strings.Count(read("vrrp.prio == 0"), "\n"); n != 1 {
				t.Errorf("tshark sees %d resignations, want 1", n)
			}
			if read("arp.isgratuitous || icmpv6.type == 136") == "" {
				t.Error("tshark sees no announcement")
			}
		})
	}
}

// readWith has tshark print the frames that match a display filter.
func readWith(t *testing.T, tshark, file, filter string) string {
	t.Helper()
	out, err := execOutput(tshark, "-r", file, "-o", "ip.check_checksum:TRUE", "-Y", filter)
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	return out
}

// TestTsharkObjects makes sure that silence means something.
func TestTsharkObjects(t *testing.T) {
	tshark := require.Peer(t, "tshark")
	advert := goodAdvert()
	for _, c := range []struct {
		what    string
		payload []byte
		silent  bool
	}{
		{"a good advert", encode(&advert), true},
		{"a bad checksum", patch(encode(&advert), 6, ^encode(&advert)[6]), false},
		{"a short advert", encode(&advert)[:10], false},
	} {
		ip := &layers.IPv4{Version: 4, TTL: 255, Protocol: layers.IPProtocolVRRP, SrcIP: masterAddress.AsSlice(), DstIP: vrrp.GroupIPv4.AsSlice()}
		frame := gopacket.NewSerializeBuffer()
		err := gopacket.SerializeLayers(frame, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
			&layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: []byte{1, 0, 0x5e, 0, 0, 0x12}, EthernetType: layers.EthernetTypeIPv4},
			ip, gopacket.Payload(c.payload))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "one.pcap")
		out, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		w := pcapgo.NewWriter(out)
		info := gopacket.CaptureInfo{CaptureLength: len(frame.Bytes()), Length: len(frame.Bytes())}
		if err := errors.Join(w.WriteFileHeader(65536, layers.LinkTypeEthernet), w.WritePacket(info, frame.Bytes()), out.Close()); err != nil {
			t.Fatal(err)
		}
		if said := readWith(t, tshark, file, objections); (said == "") != c.silent {
			t.Errorf("%s: tshark says %q", c.what, said)
		}
	}
}

// lifetime captures a vrrpd that becomes MASTER and is stopped.
func lifetime(t *testing.T, conf string) (file string) {
	lab := netns.New(t)
	addresses := func(last string) []string { return []string{"192.0.2." + last + "/24", "2001:db8::" + last + "/64"} }
	h := lab.Host("A", netns.NIC{Name: "ens3", Segment: "lan", Addresses: addresses("1")})
	lab.Host("Z", netns.NIC{Name: "ens3", Segment: "lan", Addresses: addresses("2")})
	sent := h.Capture("ens3")
	d := start(t, ours, h, conf)
	adverts := 0
	sent.Wait("third advert", func(f gopacket.Packet) bool {
		if _, ok := vrrpOf(f); ok {
			adverts++
		}
		return adverts == 3
	})
	sent.Wait("announcement", func(f gopacket.Packet) bool {
		return isGratuitous(f) || f.Layer(layers.LayerTypeICMPv6NeighborAdvertisement) != nil
	})
	d.proc.Signal(syscall.SIGTERM)
	d.proc.Wait()
	sent.Wait("resignation", func(f gopacket.Packet) bool {
		p, ok := vrrpOf(f)
		return ok && p[2] == 0
	})
	file = filepath.Join(t.TempDir(), "sent.pcap")
	if err := sent.WritePcap(file); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Fatalf("no capture: %v", err)
	}
	return file
}
