// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// address makes any bytes into an address, or into none.
func address(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

// FuzzParse: no payload panics, a refusal is one of the list, and what is
// accepted survives being sent again.
func FuzzParse(f *testing.F) {
	for _, c := range readCaptures(f) {
		f.Add(c.Source.AsSlice(), c.Destination.AsSlice(), c.Payload)
	}
	for _, v := range hmacVectors() {
		f.Add(v.source.AsSlice(), v.dest.AsSlice(), unhex(f, v.payload))
	}
	for _, w := range wires(f) {
		f.Add(w.src.AsSlice(), w.dst.AsSlice(), w.payload)
		d := w.sealed()
		f.Add(w.src.AsSlice(), w.dst.AsSlice(), d.Payload)
	}
	f.Fuzz(func(t *testing.T, src, dst, payload []byte) {
		d := vrrp.Datagram{Source: address(src), Destination: address(dst), Payload: payload}
		before := bytes.Clone(payload)
		a, err := vrrp.Parse(d)
		if !bytes.Equal(payload, before) {
			t.Fatal("Parse wrote to the payload")
		}
		if err != nil {
			var r vrrp.Refusal
			if !errors.As(err, &r) || !slices.Contains(vrrp.Refusals(), r) {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		if len(a.Message)+len(a.Trailer) != len(payload) || a.Len() != len(a.Message) {
			t.Fatalf("message %d, Len %d, trailer %d, payload %d", len(a.Message), a.Len(), len(a.Trailer), len(payload))
		}
		a.Trailer = nil // AppendTo does not send it
		d.Payload = a.AppendTo(nil, d.Source, d.Destination, a.Checksum)
		again, err := vrrp.Parse(d)
		if err != nil {
			t.Fatalf("%x sent again as %x: %v", payload, d.Payload, err)
		}
		if describe(&a) != describe(&again) || a.AuthData != again.AuthData {
			t.Fatalf("%x: %s, again %s", payload, describe(&a), describe(&again))
		}
	})
}

// FuzzRoundTrip: every advert that can be said is heard as it was said.
func FuzzRoundTrip(f *testing.F) {
	f.Add(true, false, uint8(51), uint8(100), uint16(100), uint8(0), "secret", []byte{192, 0, 2, 1}, []byte{192, 0, 2, 2}, []byte{192, 0, 2, 100}, uint8(0))
	f.Add(false, true, uint8(1), uint8(255), uint16(1), uint8(1), "", make([]byte, 16), make([]byte, 16), make([]byte, 32), uint8(1))
	f.Fuzz(func(t *testing.T, three, six bool, vrid, priority uint8, interval uint16, auth uint8,
		password string, src, dst, addresses []byte, dialect uint8,
	) {
		a := vrrp.Advertisement{Version: vrrp.V2, Family: vrrp.IPv4, VRID: max(vrid, 1), Priority: priority}
		size := 4
		if six {
			a.Family, size = vrrp.IPv6, 16
		}
		a.Interval = time.Duration(max(interval&0xff, 1)) * time.Second
		if three {
			a.Version = vrrp.V3
			a.Interval = time.Duration(max(interval&0xfff, 1)) * 10 * time.Millisecond
		} else {
			a.AuthType = vrrp.AuthType(auth % 3)
		}
		if !three && !six {
			a.AuthData = vrrp.MakePassword(password)
		}
		var list []netip.Addr
		for b := range slices.Chunk(addresses, size) {
			if len(b) == size && len(list) < 255 {
				list = append(list, address(b))
			}
		}
		a.Addresses = vrrp.MakeAddressList(a.Family, list)
		d := vrrp.Datagram{
			Source:      address(append(bytes.Clone(src), make([]byte, size)...)[:size]),
			Destination: address(append(bytes.Clone(dst), make([]byte, size)...)[:size]),
		}
		d.Payload = a.AppendTo(nil, d.Source, d.Destination, vrrp.Checksum(dialect%4))
		got, err := vrrp.Parse(d)
		if err != nil {
			t.Fatalf("%s: %v", describe(&a), err)
		}
		a.Checksum = got.Checksum // several may match
		if describe(&got) != describe(&a) || got.AuthType != a.AuthType || got.AuthData != a.AuthData || got.Trailer != nil {
			t.Fatalf("sent %s, heard %s", describe(&a), describe(&got))
		}
	})
}

// FuzzHMACVerify: nothing panics, nothing but the signer's own bytes passes,
// and nothing passes twice.
func FuzzHMACVerify(f *testing.F) {
	for _, v := range hmacVectors() {
		f.Add(v.source.AsSlice(), v.dest.AsSlice(), unhex(f, v.payload), vectorTime.Unix(), uint8(0), false)
	}
	f.Add(address([]byte{192, 0, 2, 1}).AsSlice(), vrrp.GroupIPv4.AsSlice(), wires(f)[0].sealed().Payload, int64(0), uint8(1), true)
	f.Fuzz(func(t *testing.T, src, dst, payload []byte, now int64, mode uint8, monotonic bool) {
		d := vrrp.Datagram{Source: address(src), Destination: address(dst), Payload: payload}
		a, err := vrrp.Parse(d)
		if err != nil {
			return
		}
		cfg := hmacConfig()
		cfg.Mode, cfg.Monotonic = vrrp.HMACMode(mode%3), monotonic
		at := time.Unix(now, 0)
		receiver := vrrp.NewAuthenticator(cfg, time.Second)
		_, refused := receiver.Verify(&a, d.Source, at)
		if refused != 0 && (refused < vrrp.RefusedHMACMissing || refused > vrrp.RefusedHMACReplay) {
			t.Fatalf("refused as %v", refused)
		}
		if refused == 0 && a.Trailer != nil {
			if !published(t, payload) {
				t.Fatalf("forged: %x", payload)
			}
			if _, again := receiver.Verify(&a, d.Source, at); again != vrrp.RefusedHMACReplay {
				t.Fatalf("replayed: %v", again)
			}
		}
		cfg.Mode = vrrp.HMACEnforce
		d.Payload = vrrp.NewAuthenticator(cfg, time.Second).Append(nil, &a, d.Source, d.Destination, a.Checksum, at)
		signed, err := vrrp.Parse(d)
		if err != nil {
			t.Fatalf("signed as %x: %v", d.Payload, err)
		}
		fresh := vrrp.NewAuthenticator(cfg, time.Second)
		if _, refused := fresh.Verify(&signed, d.Source, at); refused != 0 {
			t.Fatalf("signed as %x: %v", d.Payload, refused)
		}
		d.Payload[len(d.Payload)-1] ^= 1
		if _, refused := fresh.Verify(&signed, d.Source, at); refused != vrrp.RefusedHMACBad {
			t.Fatalf("broken tag: %v", refused)
		}
	})
}

// published reports whether payload is one of the two vectors, but for the
// checksum, which is not signed.
func published(t *testing.T, payload []byte) bool {
	for _, v := range hmacVectors() {
		p := unhex(t, v.payload)
		if len(payload) >= 8 {
			copy(p[6:8], payload[6:8])
		}
		if bytes.Equal(p, payload) {
			return true
		}
	}
	return false
}
