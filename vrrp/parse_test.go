// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
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

// wire is one of the four forms of an advert, with two addresses.
type wire struct {
	version  vrrp.Version
	src, dst netip.Addr
	payload  []byte // checksum not yet right
}

func wires(t testing.TB) []wire {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("fe80::1")
	return []wire{
		{vrrp.V2, v4, vrrp.GroupIPv4, unhex(t, "21 33 64 02 00 03 0000 c0000264 c0000265 0000000000000000")},
		{vrrp.V2, v6, vrrp.GroupIPv6, unhex(t, "21 33 64 02 00 03 0000 fe800000000000000000000000000064 20010db8000000000000000000000065")},
		{vrrp.V3, v4, vrrp.GroupIPv4, unhex(t, "31 33 64 02 00 64 0000 c0000264 c0000265")},
		{vrrp.V3, v6, vrrp.GroupIPv6, unhex(t, "31 33 64 02 00 64 0000 fe800000000000000000000000000064 20010db8000000000000000000000065")},
	}
}

// wiresOf returns the forms of one version.
func wiresOf(t testing.TB, version vrrp.Version) []wire {
	return slices.DeleteFunc(wires(t), func(w wire) bool { return w.version != version })
}

// with sets payload bytes from offset at.
func (w wire) with(at int, bytes ...byte) wire {
	w.payload = slices.Clone(w.payload)
	copy(w.payload[at:], bytes)
	return w
}

// resized cuts or extends the payload with zeros by n bytes.
func (w wire) resized(n int) wire {
	grown := append(slices.Clone(w.payload), make([]byte, max(n, 0))...)
	w.payload = grown[:len(w.payload)+n]
	return w
}

// sealed puts in the checksum, computed the long way as RFC 1071 tells it.
func (w wire) sealed() vrrp.Datagram {
	d := vrrp.Datagram{Source: w.src, Destination: w.dst, TTL: vrrp.TTL, Payload: slices.Clone(w.payload)}
	var covered []byte
	if w.version == vrrp.V3 || w.src.Is6() {
		covered = append(covered, w.src.AsSlice()...)
		covered = append(covered, w.dst.AsSlice()...)
		covered = binary.BigEndian.AppendUint32(covered, uint32(len(d.Payload)))
		covered = append(covered, 0, 0, 0, vrrp.Protocol)
	}
	if len(d.Payload) >= 8 {
		d.Payload[6], d.Payload[7] = 0, 0
		binary.BigEndian.PutUint16(d.Payload[6:], rfc1071(append(covered, d.Payload...)))
	}
	return d
}

func rfc1071(b []byte) uint16 {
	var sum uint32
	for i, c := range b {
		sum += uint32(c) << (8 * (1 - i%2))
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// mustParse fails the test unless d is accepted.
func mustParse(t testing.TB, d vrrp.Datagram) vrrp.Advertisement {
	t.Helper()
	a, err := vrrp.Parse(d)
	if err != nil {
		t.Fatalf("%v to %v, %x: %v", d.Source, d.Destination, d.Payload, err)
	}
	return a
}

// mustRefuse checks the reason and that nothing of the packet leaks out.
func mustRefuse(t testing.TB, d vrrp.Datagram, want vrrp.Refusal) {
	t.Helper()
	a, err := vrrp.Parse(d)
	if !errors.Is(err, want) {
		t.Errorf("%v to %v, %x: %v, want %v", d.Source, d.Destination, d.Payload, err, want)
	}
	if a.Message != nil || a.VRID != 0 || a.Version != 0 {
		t.Errorf("refused, yet returned %+v", a)
	}
}

func TestRFC9568_5_2_1_Version(t *testing.T) { testVersion(t, vrrp.V3) }
func TestRFC3768_5_3_1_Version(t *testing.T) { testVersion(t, vrrp.V2) }

func testVersion(t *testing.T, want vrrp.Version) {
	for _, w := range wiresOf(t, want) {
		if a := mustParse(t, w.sealed()); a.Version != want {
			t.Errorf("version %d, want %d", a.Version, want)
		}
		for nibble := range byte(16) {
			if nibble != 2 && nibble != 3 {
				mustRefuse(t, w.with(0, nibble<<4|1).sealed(), vrrp.RefusedVersion)
			}
		}
	}
}

func TestRFC9568_5_2_2_Type(t *testing.T) { testType(t, vrrp.V3) }
func TestRFC3768_5_3_2_Type(t *testing.T) { testType(t, vrrp.V2) }

// A packet with an unknown type must be discarded.
func testType(t *testing.T, version vrrp.Version) {
	for _, w := range wiresOf(t, version) {
		for kind := range byte(16) {
			if kind != 1 {
				mustRefuse(t, w.with(0, byte(version)<<4|kind).sealed(), vrrp.RefusedType)
			}
		}
	}
}

func TestRFC9568_5_2_3_VRID(t *testing.T) { testVRID(t, vrrp.V3) }
func TestRFC3768_5_3_3_VRID(t *testing.T) { testVRID(t, vrrp.V2) }

func testVRID(t *testing.T, version vrrp.Version) {
	for _, w := range wiresOf(t, version) {
		mustRefuse(t, w.with(1, 0).sealed(), vrrp.RefusedVRID)
		for id := byte(255); id > 0; id-- {
			if a := mustParse(t, w.with(1, id).sealed()); a.VRID != id {
				t.Errorf("VRID %d, want %d", a.VRID, id)
			}
		}
	}
}

func TestRFC9568_5_2_4_Priority(t *testing.T) { testPriority(t, vrrp.V3) }
func TestRFC3768_5_3_4_Priority(t *testing.T) { testPriority(t, vrrp.V2) }

func testPriority(t *testing.T, version vrrp.Version) {
	for _, w := range wiresOf(t, version) {
		for _, p := range []byte{vrrp.PriorityResign, 1, vrrp.PriorityDefault, 254, vrrp.PriorityOwner} {
			if a := mustParse(t, w.with(2, p).sealed()); a.Priority != p {
				t.Errorf("priority %d, want %d", a.Priority, p)
			}
		}
	}
}

func TestRFC9568_5_2_5_AddressCount(t *testing.T) { testCount(t, vrrp.V3) }
func TestRFC3768_5_3_5_AddressCount(t *testing.T) { testCount(t, vrrp.V2) }

// The count and the length must agree exactly; whatever is missing or left
// over is refused, but for a trailer.
func testCount(t *testing.T, version vrrp.Version) {
	for _, w := range wiresOf(t, version) {
		for count := range 256 {
			if count != 2 {
				mustRefuse(t, w.with(3, byte(count)).sealed(), vrrp.RefusedLength)
			}
		}
		for extra := 8 - len(w.payload); extra <= 2*vrrp.TrailerLen; extra++ {
			if extra != 0 && extra != vrrp.TrailerLen {
				mustRefuse(t, w.resized(extra).sealed(), vrrp.RefusedLength)
			}
		}
		size := len(w.src.AsSlice())
		if a := mustParse(t, w.with(3, 0).resized(-2*size).sealed()); a.Addresses.Len() != 0 {
			t.Errorf("%d addresses, want none", a.Addresses.Len())
		}
		if a := mustParse(t, w.with(3, 255).resized(253*size).sealed()); a.Addresses.Len() != 255 {
			t.Errorf("%d addresses, want 255", a.Addresses.Len())
		}
	}
}

// The reserved bits are zero when sent and ignored when received.
func TestRFC9568_5_2_6_Reserve(t *testing.T) {
	for _, w := range wiresOf(t, vrrp.V3) {
		a := mustParse(t, w.with(4, 0xf0, 100).sealed())
		if a.Interval != time.Second {
			t.Errorf("interval %v, want 1s", a.Interval)
		}
		if b := a.AppendTo(nil, w.src, w.dst, vrrp.ChecksumPseudo); b[4] != 0 {
			t.Errorf("sent reserved bits %#x", b[4]>>4)
		}
	}
}

func TestRFC9568_5_2_7_MaxAdvertiseInterval(t *testing.T) {
	for _, w := range wiresOf(t, vrrp.V3) {
		mustRefuse(t, w.with(4, 0, 0).sealed(), vrrp.RefusedInterval)
		mustRefuse(t, w.with(4, 0xf0, 0).sealed(), vrrp.RefusedInterval)
		for _, cs := range []uint16{1, 100, 255, 256, 0xfff} {
			a := mustParse(t, w.with(4, byte(cs>>8), byte(cs)).sealed())
			if want := time.Duration(cs) * 10 * time.Millisecond; a.Interval != want {
				t.Errorf("interval %v, want %v", a.Interval, want)
			}
		}
	}
}

func TestRFC3768_5_3_7_AdvertisementInterval(t *testing.T) {
	for _, w := range wiresOf(t, vrrp.V2) {
		mustRefuse(t, w.with(5, 0).sealed(), vrrp.RefusedInterval)
		for _, s := range []byte{1, 2, 127, 128, 255} {
			if a := mustParse(t, w.with(5, s).sealed()); a.Interval != time.Duration(s)*time.Second {
				t.Errorf("interval %v, want %d s", a.Interval, s)
			}
		}
	}
}

// RFC 2338's types are known, so that a router can say which one differs.
func TestRFC3768_5_3_6_AuthenticationType(t *testing.T) {
	for _, w := range wiresOf(t, vrrp.V2) {
		for kind := range 256 {
			d := w.with(4, byte(kind)).sealed()
			if kind > int(vrrp.AuthAH) {
				mustRefuse(t, d, vrrp.RefusedAuthType)
			} else if a := mustParse(t, d); a.AuthType != vrrp.AuthType(kind) {
				t.Errorf("authentication type %d, want %d", a.AuthType, kind)
			}
		}
	}
}

// Over IPv4 the field has 8 bytes whatever the type. Over IPv6, which RFC 3768
// does not know, other implementations leave it out.
func TestRFC3768_5_3_10_AuthenticationData(t *testing.T) {
	w4, w6 := wiresOf(t, vrrp.V2)[0], wiresOf(t, vrrp.V2)[1]
	end := len(w4.payload)
	a := mustParse(t, w4.with(4, byte(vrrp.AuthPass)).with(end-8, []byte("s3cret")...).sealed())
	if a.AuthData != vrrp.MakePassword("s3cret") {
		t.Errorf("authentication data %x", a.AuthData[:])
	}
	if a.AuthData.String() != "***" {
		t.Errorf("authentication data prints as %v", a.AuthData)
	}
	mustRefuse(t, w4.resized(-8).sealed(), vrrp.RefusedLength)
	mustRefuse(t, w6.resized(8).sealed(), vrrp.RefusedLength)
}

func TestRFC9568_5_2_9_Addresses(t *testing.T) { testAddresses(t, vrrp.V3) }
func TestRFC3768_5_3_9_Addresses(t *testing.T) { testAddresses(t, vrrp.V2) }

func testAddresses(t *testing.T, version vrrp.Version) {
	for _, w := range wiresOf(t, version) {
		want := []netip.Addr{netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("192.0.2.101")}
		if w.src.Is6() {
			want = []netip.Addr{netip.MustParseAddr("fe80::64"), netip.MustParseAddr("2001:db8::65")}
		}
		a := mustParse(t, w.sealed())
		if got := slices.Collect(a.Addresses.All()); !slices.Equal(got, want) {
			t.Errorf("addresses %v, want %v", got, want)
		}
		for first := range a.Addresses.All() {
			if first != want[0] {
				t.Errorf("first address %v, want %v", first, want[0])
			}
			break
		}
		made := vrrp.MakeAddressList(a.Family, want)
		if !slices.Equal(slices.Collect(made.All()), want) || made.Len() != 2 {
			t.Errorf("made %v, want %v", made, want)
		}
	}
	if n := (vrrp.AddressList{}).Len(); n != 0 {
		t.Errorf("zero list has %d addresses", n)
	}
}

// TestRFC9568_7_1_Order starts from a packet that is wrong in every way and
// mends one fault at a time: the refusals must come in the order of the
// constants, so that a counter always names the outermost fault.
func TestRFC9568_7_1_Order(t *testing.T) { testOrder(t, vrrp.V3) }
func TestRFC3768_7_1_Order(t *testing.T) { testOrder(t, vrrp.V2) }

func testOrder(t *testing.T, version vrrp.Version) {
	for _, w := range wiresOf(t, version) {
		good := w.sealed()
		bad := vrrp.Datagram{Source: w.src, Payload: []byte{0, 0, 100, 2, 0, 0, 0}}
		interval := good.Payload[5]
		if version == vrrp.V2 {
			bad.Payload[4] = 99
		}
		steps := []struct {
			want vrrp.Refusal
			mend func()
		}{
			{vrrp.RefusedTooShort, func() { bad.Payload = append(bad.Payload, good.Payload[7:]...) }},
			{vrrp.RefusedVersion, func() { bad.Payload[0] |= byte(version) << 4 }},
			{vrrp.RefusedType, func() { bad.Payload[0] |= 1 }},
			{vrrp.RefusedFamily, func() { bad.Destination = w.dst }},
			{vrrp.RefusedVRID, func() { bad.Payload[1] = good.Payload[1] }},
			{vrrp.RefusedAuthType, func() { bad.Payload[4] = 0 }},
			{vrrp.RefusedInterval, func() { bad.Payload[5] = interval; bad.Payload = append(bad.Payload, 0) }},
			{vrrp.RefusedLength, func() { bad.Payload = bad.Payload[:len(bad.Payload)-1] }},
			{vrrp.RefusedChecksum, func() { copy(bad.Payload, good.Payload) }},
		}
		for _, s := range steps {
			if s.want == vrrp.RefusedAuthType && version == vrrp.V3 {
				continue
			}
			mustRefuse(t, bad, s.want)
			s.mend()
		}
		mustParse(t, bad)
	}
}

func TestRFC9568_7_1_Length(t *testing.T) { testLength(t, vrrp.V3) }
func TestRFC3768_7_1_Length(t *testing.T) { testLength(t, vrrp.V2) }

// A packet cut short anywhere is not the complete packet.
func testLength(t *testing.T, version vrrp.Version) {
	for _, w := range wiresOf(t, version) {
		for size := range w.payload {
			want := vrrp.RefusedLength
			if size < 8 {
				want = vrrp.RefusedTooShort
			}
			mustRefuse(t, w.resized(size-len(w.payload)).sealed(), want)
		}
		mustRefuse(t, vrrp.Datagram{Source: w.src, Destination: w.dst}, vrrp.RefusedTooShort)
	}
}

func TestParseFamily(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, w := range wires(t) {
		for _, pair := range [][2]netip.Addr{{v4, v6}, {v6, v4}, {{}, v4}, {v6, {}}, {{}, {}}} {
			d := w.sealed()
			d.Source, d.Destination = pair[0], pair[1]
			mustRefuse(t, d, vrrp.RefusedFamily)
		}
	}
}

func TestParseKeepsThePayload(t *testing.T) {
	for _, w := range wires(t) {
		d := w.resized(vrrp.TrailerLen).sealed()
		if w.src.Is4() { // the trailer is not covered
			d = w.sealed()
			d.Payload = append(d.Payload, make([]byte, vrrp.TrailerLen)...)
		}
		before := bytes.Clone(d.Payload)
		a := mustParse(t, d)
		if !bytes.Equal(d.Payload, before) {
			t.Errorf("payload changed from %x to %x", before, d.Payload)
		}
		if !bytes.Equal(append(bytes.Clone(a.Message), a.Trailer...), before) || len(a.Trailer) != vrrp.TrailerLen {
			t.Errorf("message %x trailer %x, want %x", a.Message, a.Trailer, before)
		}
		if cap(a.Message) != len(a.Message) {
			t.Error("appending to the message would overwrite the trailer")
		}
	}
}
