// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// vectorTime is the moment of sequence 0x6800000080000000.
var vectorTime = time.Unix(0x68000000, 500*int64(time.Millisecond))

// hmacSecret returns 32 bytes counting up from first.
func hmacSecret(first byte) []byte {
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = first + byte(i)
	}
	return secret
}

// hmacConfig is enforce mode with key 1, the vectors' key.
func hmacConfig() vrrp.HMAC {
	return vrrp.HMAC{Keys: []vrrp.HMACKey{{ID: 1, Secret: hmacSecret(0)}}, ActiveKey: 1}
}

type hmacVector struct {
	name            string
	source, dest    netip.Addr
	advert          vrrp.Advertisement
	checksum        vrrp.Checksum
	payload         string
	addressAt, size int // offset of the address, length of the message
}

// hmacVectors are the two the draft publishes.
func hmacVectors() []hmacVector {
	base := vrrp.Advertisement{Version: vrrp.V3, VRID: 51, Priority: 200, Interval: time.Second}
	v4, v6 := base, base
	v4.Family, v6.Family = vrrp.IPv4, vrrp.IPv6
	v4.Addresses = vrrp.MakeAddressList(vrrp.IPv4, []netip.Addr{netip.MustParseAddr("192.0.2.100")})
	v6.Addresses = vrrp.MakeAddressList(vrrp.IPv6, []netip.Addr{netip.MustParseAddr("fe80::100")})
	return []hmacVector{
		{
			name: "ipv4", advert: v4, checksum: vrrp.ChecksumMessage, addressAt: 8, size: 12,
			source: netip.MustParseAddr("198.51.100.10"), dest: netip.MustParseAddr("198.51.100.20"),
			payload: "3133c80100644402 c0000264 010100006800000080000000 1b84bc4e8e43892dc6d98448f8ee2265",
		},
		{
			name: "ipv6", advert: v6, checksum: vrrp.ChecksumPseudo, addressAt: 8, size: 24,
			source: netip.MustParseAddr("fe80::10"), dest: netip.MustParseAddr("fe80::20"),
			payload: "3133c8010064a2e9 fe800000000000000000000000000100 010100006800000080000000 c8c56146ebfd66ee10ec4d8186461b78",
		},
	}
}

func TestHMACVectors(t *testing.T) {
	for _, v := range hmacVectors() {
		t.Run(v.name, func(t *testing.T) {
			want := unhex(t, v.payload)
			h := vrrp.NewAuthenticator(hmacConfig(), time.Second)
			got := h.Append([]byte("kept"), &v.advert, v.source, v.dest, v.checksum, vectorTime)
			if !bytes.Equal(got, append([]byte("kept"), want...)) {
				t.Fatalf("signed\n%x, want\n%x", got[4:], want)
			}
			a, err := vrrp.Parse(vrrp.Datagram{Source: v.source, Destination: v.dest, Payload: want})
			if err != nil {
				t.Fatal(err)
			}
			if a.Checksum != v.checksum {
				t.Errorf("checksum dialect %v, want %v", a.Checksum, v.checksum)
			}
			before := bytes.Clone(want)
			skew, refused := h.Verify(&a, v.source, vectorTime.Add(time.Second))
			if refused != 0 || skew != time.Second {
				t.Errorf("Verify = %v, %v; want 1s, accepted", skew, refused)
			}
			if !bytes.Equal(before, want) {
				t.Error("Verify changed the payload")
			}
		})
	}
}

// TestHMACBitFlips flips every single bit of both vectors and compares with
// what the draft says of the field the bit belongs to. The message is handed
// over with its checksum as it stands: Parse has its own tests.
func TestHMACBitFlips(t *testing.T) {
	for _, v := range hmacVectors() {
		payload := unhex(t, v.payload)
		want := func(at int) vrrp.Refusal {
			switch trailer := at - v.size; {
			case at == 6 || at == 7:
				return 0 // the checksum is not signed
			case trailer < 0:
				return vrrp.RefusedHMACBad
			case trailer == 0 || trailer == 2 || trailer == 3:
				return vrrp.RefusedHMACMalformed
			case trailer == 1:
				return vrrp.RefusedHMACKey
			}
			return vrrp.RefusedHMACBad
		}
		cfg := hmacConfig()
		cfg.Monotonic = true // else a flipped second is stale before it is bad
		for bit := range len(payload) * 8 {
			p := bytes.Clone(payload)
			p[bit/8] ^= 0x80 >> (bit % 8)
			a := v.advert
			a.Message, a.Trailer = p[:v.size], p[v.size:]
			h := vrrp.NewAuthenticator(cfg, time.Second)
			if _, got := h.Verify(&a, v.source, vectorTime); got != want(bit/8) {
				t.Errorf("%s: byte %d bit %d: %v, want %v", v.name, bit/8, bit%8, got, want(bit/8))
			}
		}
	}
}

func TestHMACCoversContext(t *testing.T) {
	for _, v := range hmacVectors() {
		payload := unhex(t, v.payload)
		parsed := v.advert
		parsed.Message, parsed.Trailer = payload[:v.size], payload[v.size:]
		h := vrrp.NewAuthenticator(hmacConfig(), time.Second)
		for name, change := range map[string]func(*vrrp.Advertisement, *netip.Addr){
			"source":  func(_ *vrrp.Advertisement, src *netip.Addr) { *src = src.Next() },
			"vrid":    func(a *vrrp.Advertisement, _ *netip.Addr) { a.VRID++ },
			"version": func(a *vrrp.Advertisement, _ *netip.Addr) { a.Version = vrrp.V2 },
			"family":  func(a *vrrp.Advertisement, _ *netip.Addr) { a.Family ^= vrrp.IPv4 ^ vrrp.IPv6 },
		} {
			a, src := parsed, v.source
			change(&a, &src)
			if _, got := h.Verify(&a, src, vectorTime); got != vrrp.RefusedHMACBad {
				t.Errorf("%s: another %s: %v, want %v", v.name, name, got, vrrp.RefusedHMACBad)
			}
		}
		if _, got := h.Verify(&parsed, v.source, vectorTime); got != 0 {
			t.Errorf("%s: unchanged: %v", v.name, got)
		}
	}
}

// hmacLink is one sender and one receiver.
type hmacLink struct {
	t        testing.TB
	advert   vrrp.Advertisement
	src, dst netip.Addr
	sender   *vrrp.Authenticator
	receiver *vrrp.Authenticator
}

func newHMACLink(t testing.TB, from, to vrrp.HMAC) *hmacLink {
	v := hmacVectors()[0]
	return &hmacLink{
		t: t, advert: v.advert, src: v.source, dst: v.dest,
		sender:   vrrp.NewAuthenticator(from, time.Second),
		receiver: vrrp.NewAuthenticator(to, time.Second, v.source),
	}
}

func (l *hmacLink) send(now time.Time) vrrp.Advertisement {
	l.t.Helper()
	p := l.sender.Append(nil, &l.advert, l.src, l.dst, vrrp.ChecksumPseudo, now)
	a, err := vrrp.Parse(vrrp.Datagram{Source: l.src, Destination: l.dst, Payload: p})
	if err != nil {
		l.t.Fatal(err)
	}
	return a
}

func (l *hmacLink) expect(what string, a vrrp.Advertisement, now time.Time, want vrrp.Refusal) {
	l.t.Helper()
	if _, got := l.receiver.Verify(&a, l.src, now); got != want {
		l.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestHMACModes(t *testing.T) {
	signed := map[vrrp.HMACMode]bool{vrrp.HMACEnforce: true, vrrp.HMACPermissive: true, vrrp.HMACReceiveOnly: false}
	for from, signs := range signed {
		for to := range signed {
			t.Run(fmt.Sprint(from, "to", to), func(t *testing.T) {
				cfgFrom, cfgTo := hmacConfig(), hmacConfig()
				cfgFrom.Mode, cfgTo.Mode = from, to
				l := newHMACLink(t, cfgFrom, cfgTo)
				a := l.send(vectorTime)
				if (a.Trailer != nil) != signs {
					t.Errorf("trailer %x, want one: %v", a.Trailer, signs)
				}
				var want vrrp.Refusal
				if !signs && to == vrrp.HMACEnforce {
					want = vrrp.RefusedHMACMissing
				}
				l.expect("advert", a, vectorTime, want)
				if signs { // whatever the mode, a trailer that is there must be good
					l.expect("again", a, vectorTime, vrrp.RefusedHMACReplay)
				}
			})
		}
	}
}

func TestHMACNil(t *testing.T) {
	l := newHMACLink(t, hmacConfig(), hmacConfig())
	signed := l.send(vectorTime)
	l.sender, l.receiver = nil, nil
	plain := l.send(vectorTime)
	if plain.Trailer != nil {
		t.Errorf("a nil Authenticator signed: %x", plain.Trailer)
	}
	l.expect("plain", plain, vectorTime, 0)
	l.expect("signed", signed, vectorTime, vrrp.RefusedHMACUnexpected)
}

func TestHMACOneImageForAllPeers(t *testing.T) {
	v := hmacVectors()[0]
	sign := func(dst netip.Addr) []byte {
		h := vrrp.NewAuthenticator(hmacConfig(), time.Second)
		return h.Append(nil, &v.advert, v.source, dst, vrrp.ChecksumMessage, vectorTime)
	}
	if a, b := sign(v.dest), sign(v.dest.Next()); !bytes.Equal(a, b) {
		t.Errorf("payload depends on the destination:\n%x\n%x", a, b)
	}
}

func TestHMACRejectsForeignAdvertisement(t *testing.T) {
	h := vrrp.NewAuthenticator(hmacConfig(), time.Second)
	for _, a := range []vrrp.Advertisement{
		{Trailer: []byte{1}},
		{Trailer: make([]byte, vrrp.TrailerLen)},
		{Trailer: append([]byte{1, 1}, make([]byte, 26)...)},
	} {
		if _, got := h.Verify(&a, netip.Addr{}, vectorTime); got != vrrp.RefusedHMACMalformed {
			t.Errorf("trailer %x: %v, want %v", a.Trailer, got, vrrp.RefusedHMACMalformed)
		}
	}
}

func TestHMACKeyPrintsNoSecret(t *testing.T) {
	cfg := hmacConfig()
	cfg.Keys[0].Secret = bytes.Repeat([]byte("S"), 32)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		s := fmt.Sprintf(verb, cfg) + fmt.Sprintf(verb, &cfg) + fmt.Sprintf(verb, vrrp.NewAuthenticator(cfg, time.Second))
		if bytes.Contains([]byte(s), []byte("SSSS")) || bytes.Contains([]byte(s), []byte("83 83")) {
			t.Errorf("%s prints the secret: %s", verb, s)
		}
	}
}

func TestHMACValidate(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*vrrp.HMAC)
		want   string // part of the error; empty = valid
	}{
		{"as is", func(*vrrp.HMAC) {}, ""},
		{"64 bytes", func(h *vrrp.HMAC) { h.Keys[0].Secret = make([]byte, 64) }, ""},
		{"window at its least", func(h *vrrp.HMAC) { h.Window = time.Second }, ""},
		{"window at its most", func(h *vrrp.HMAC) { h.Window = 300 * time.Second }, ""},
		{"31 bytes", func(h *vrrp.HMAC) { h.Keys[0].Secret = make([]byte, 31) }, "key 1 has 31 bytes"},
		{"65 bytes", func(h *vrrp.HMAC) { h.Keys[0].Secret = make([]byte, 65) }, "key 1 has 65 bytes"},
		{"key 0", func(h *vrrp.HMAC) { h.Keys[0].ID = 0 }, "must be 1…255"},
		{"one id twice", func(h *vrrp.HMAC) { h.Keys = append(h.Keys, h.Keys[0]) }, "key 1 is given twice"},
		{"no keys", func(h *vrrp.HMAC) { h.Keys = nil }, "active hmac key 1 is not configured"},
		{"active key unknown", func(h *vrrp.HMAC) { h.ActiveKey = 2 }, "active hmac key 2 is not configured"},
		{"mode", func(h *vrrp.HMAC) { h.Mode = 3 }, "mode 3"},
		{"window too small", func(h *vrrp.HMAC) { h.Window = time.Second - 1 }, "time window"},
		{"window too large", func(h *vrrp.HMAC) { h.Window = 301 * time.Second }, "time window"},
	} {
		cfg := hmacConfig()
		tc.change(&cfg)
		err := cfg.Validate()
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: %v, want … %s …", tc.name, err, tc.want)
		}
	}
}

func TestSecretsStayOutOfJSON(t *testing.T) {
	cfg := vrrp.Config{Password: vrrp.MakePassword("hunter2"), AuthType: vrrp.AuthPass}
	h := hmacConfig()
	h.Keys[0].Secret = []byte("correct horse battery staple etc")
	cfg.HMAC = &h
	text, err := json.Marshal(struct {
		Config vrrp.Config
		Advert vrrp.Advertisement
	}{cfg, vrrp.Advertisement{AuthData: cfg.Password}})
	if err != nil {
		t.Fatal(err)
	}
	// Base64 or a list of numbers would give it away as well.
	for _, leak := range []string{"hunter2", "correct", "aHVudGVyMg", "Y29ycmVjd", "104,117", "99,111"} {
		if strings.Contains(string(text), leak) {
			t.Errorf("JSON contains %q: %s", leak, text)
		}
	}
}

func TestAdvertisementPrintsNoPassword(t *testing.T) {
	w := wiresOf(t, vrrp.V2)[0].with(4, byte(vrrp.AuthPass)).with(16, []byte("hunter2")...)
	a := mustParse(t, w.sealed())
	const want = "VRRPv2 ipv4 vrid 51 priority 100 interval 3s addresses [192.0.2.100 192.0.2.101]"
	for _, verb := range []string{"%v", "%+v", "%s"} {
		if got := fmt.Sprintf(verb, a); got != want {
			t.Errorf("%s prints %q, want %q", verb, got, want)
		}
		if got := fmt.Sprintf(verb, &a); got != want {
			t.Errorf("%s prints %q, want %q", verb, got, want)
		}
	}
}
