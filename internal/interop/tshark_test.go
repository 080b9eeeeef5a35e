// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
	"github.com/govrrp/vrrpd/vrrp"
)

// exchange is one kind of all that a vrrpd sends in a life as MASTER.
type exchange struct {
	cell
	auth string // "", PASS or HMAC
}

// exchanges are all the kinds there are a standard for: VRRPv2 over IPv6 is
// keepalived's, and what tshark thinks of its checksum is not what keepalived
// does.
func exchanges() (all []exchange) {
	for _, version := range []string{v2, v3} {
		for _, family := range []string{ipv4Only, ipv6Only} {
			if version == v2 && family == ipv6Only {
				continue
			}
			for _, wire := range []string{multicast, unicast} {
				for _, mac := range []string{plain, vmac} {
					c := cell{version: version, family: family, wire: wire, mac: mac}
					all = append(all, exchange{c, ""}, exchange{c, "HMAC"})
					if version == v2 {
						all = append(all, exchange{c, "PASS"})
					}
				}
			}
		}
	}
	return all
}

func (e exchange) row() string {
	auth := e.auth
	if auth == "" {
		auth = "–"
	}
	return "| " + strings.Join([]string{e.version, e.family, e.wire, e.mac, auth}, " | ") + " | "
}

func (e exchange) conf() string {
	auth := map[string]string{
		"PASS": " authentication {\n  auth_type PASS\n  auth_pass secret\n }\n",
		"HMAC": " auth_hmac {\n  key 1 hex:" + strings.Repeat("6b", 32) + "\n  active_key 1\n }\n",
	}[e.auth]
	return strings.Replace(e.keepalivedConf("1", "2", 200), " virtual_ipaddress", auth+" virtual_ipaddress", 1)
}

// TestTshark has another program read all that a vrrpd sends from its start to
// its end: adverts, announcements and the resignation. RFC 9568's checksum of
// VRRPv3 over IPv4 is not among it, as tshark knows only RFC 5798's.
func TestTshark(t *testing.T) {
	require.Need(t, require.NetNS)
	tshark := require.Peer(t, "tshark")
	var mu sync.Mutex
	seen := map[exchange]string{}
	t.Run("kinds", func(t *testing.T) {
		for _, e := range exchanges() {
			t.Run(strings.Trim(e.row(), "| "), func(t *testing.T) {
				t.Parallel()
				counts := e.examine(t, tshark)
				mu.Lock()
				defer mu.Unlock()
				seen[e] = counts
			})
		}
	})
	if !*update || t.Failed() {
		return
	}
	var b strings.Builder
	b.WriteString("| version | family | adverts | addresses on | authentication | frames | adverts | resignations | announcements | objections |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|\n")
	for _, e := range exchanges() {
		b.WriteString(e.row() + seen[e] + " |\n")
	}
	writeTable(t, wireTable, b.String())
}

// examine returns the cells of the row.
func (e exchange) examine(t *testing.T, tshark string) string {
	frames := lifetime(t, e.conf())
	if e.auth == "HMAC" && e.family == ipv4Only { // over IPv6 the checksum covers it
		for i := range frames {
			frames[i] = withoutTrailer(t, frames[i])
		}
	}
	r := readWith(t, tshark, frames)
	if len(r.objections) > 0 {
		t.Errorf("tshark objects to %v", r.objections)
	}
	if r.adverts < 2 || r.resignations != 1 || r.announcements == 0 {
		t.Errorf("tshark sees %d adverts, want at least 2, %d resignations, want 1, and %d announcements", r.adverts, r.resignations, r.announcements)
	}
	return fmt.Sprintf("%d | %d | %d | %d | %d", len(frames), r.adverts, r.resignations, r.announcements, len(r.objections))
}

// withoutTrailer takes the HMAC trailer, which tshark does not know, off an
// advert. What remains must be right without it.
func withoutTrailer(t *testing.T, frame []byte) []byte {
	f := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	message, is := vrrpOf(f)
	if !is {
		return frame
	}
	if len(message) < vrrp.TrailerLen+8 {
		t.Fatalf("an advert of %d bytes has no trailer", len(message))
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		f.LinkLayer().(*layers.Ethernet), f.NetworkLayer().(gopacket.SerializableLayer), gopacket.Payload(message[:len(message)-vrrp.TrailerLen]))
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// reading is what tshark sees in a capture.
type reading struct {
	adverts, resignations, announcements int
	objections                           []string
}

// readWith has tshark read frames, in one run: it takes seconds to start.
func readWith(t *testing.T, tshark string, frames [][]byte) (r reading) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "frames.pcap")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := pcapgo.NewWriter(out)
	errs := []error{w.WriteFileHeader(65536, layers.LinkTypeEthernet)}
	for _, f := range frames {
		errs = append(errs, w.WritePacket(gopacket.CaptureInfo{CaptureLength: len(f), Length: len(f)}, f))
	}
	if err := errors.Join(append(errs, out.Close())...); err != nil {
		t.Fatal(err)
	}
	args := []string{"-r", file, "-o", "ip.check_checksum:TRUE", "-T", "fields"}
	fields := []string{
		"vrrp.prio", "arp.isgratuitous", "icmpv6.type",
		"_ws.malformed", "ip.checksum.status", "vrrp.checksum.status", "icmpv6.checksum.status",
	}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	text, err := execOutput(tshark, args...)
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != len(frames) {
		t.Fatalf("tshark read %d of %d frames", len(lines), len(frames))
	}
	for n, line := range lines {
		value := strings.Split(line, "\t")
		switch {
		case value[0] == "0":
			r.resignations++
		case value[0] != "":
			r.adverts++
		case value[1] != "", value[2] == "136":
			r.announcements++
		}
		for i, v := range value[3:] {
			if malformed := i == 0; malformed && v != "" || !malformed && v == "0" { // a status of 0 is a bad checksum
				r.objections = append(r.objections, fmt.Sprintf("frame %d: %s", n+1, fields[3+i]))
			}
		}
	}
	return r
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
		if r := readWith(t, tshark, [][]byte{frame.Bytes()}); (len(r.objections) == 0) != c.silent {
			t.Errorf("%s: tshark says %q", c.what, r.objections)
		}
	}
}

// lifetime captures a vrrpd that becomes MASTER and is stopped.
func lifetime(t *testing.T, conf string) (frames [][]byte) {
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
	for _, f := range sent.Frames() {
		frames = append(frames, f.Data())
	}
	return frames
}
