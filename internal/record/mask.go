// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	hash "crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// The public secrets that stand for the real ones.
var (
	publicPassword = vrrp.MakePassword("recorded")
	wrongPassword  = vrrp.MakePassword("another")
)

func publicKey(id uint8) vrrp.HMACKey {
	return vrrp.HMACKey{ID: id, Secret: append(bytes.Repeat([]byte("recorded"), 4), id)}
}

// secrets are those of a configuration, by virtual router.
type secrets []engine.Router

// mask returns f with its secrets replaced, in a payload of its own. What was
// right stays right, what was wrong stays wrong.
func (s secrets) mask(f engine.FrameReceived) engine.FrameReceived {
	f.Payload = slices.Clone(f.Payload)
	if len(f.Payload) < 8 {
		return f // part of a header
	}
	b := f.Payload
	switch version := vrrp.Version(b[0] >> 4); {
	case version == vrrp.V2 && f.Source.Is4():
		f.Payload = s.maskPassword(f)
	case version != vrrp.V2 && version != vrrp.V3:
		f.Payload = b[:8]
	}
	if t := s.trailer(f); t != nil {
		s.maskTag(f, t)
	}
	return f
}

// maskPassword replaces the authentication data of VRRPv2. A message of an
// odd length may have it anywhere: only its header is kept.
func (s secrets) maskPassword(f engine.FrameReceived) []byte {
	b := f.Payload
	at := 8 + 4*int(b[3])
	if len(b) != at+8 && len(b) != at+8+vrrp.TrailerLen {
		return b[:8]
	}
	old := vrrp.Password(b[at:])
	if old == (vrrp.Password{}) {
		return b
	}
	with := wrongPassword
	if slices.ContainsFunc(s, func(r engine.Router) bool { return r.ID.VRID == b[1] && r.Password == old }) {
		with = publicPassword
	}
	replace(b, at, with[:])
	return b
}

// replace overwrites b[at:] and brings the checksum up to date (RFC 1624), so
// that it is as right or as wrong as before.
func replace(b []byte, at int, with []byte) {
	const checksum = 6
	sum := uint32(^binary.BigEndian.Uint16(b[checksum:]))
	for i := 0; i < len(with); i += 2 {
		sum += uint32(^binary.BigEndian.Uint16(b[at+i:])) + uint32(binary.BigEndian.Uint16(with[i:]))
	}
	copy(b[at:], with)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(b[checksum:], ^uint16(sum))
}

// trailer is the HMAC trailer of a frame, or nil.
func (s secrets) trailer(f engine.FrameReceived) []byte {
	b := f.Payload
	size := 8 + 4*int(b[3])
	if !f.Source.Is4() {
		size = 8 + 16*int(b[3])
	} else if vrrp.Version(b[0]>>4) == vrrp.V2 {
		size += 8
	}
	if len(b) != size+vrrp.TrailerLen {
		return nil
	}
	return b[size:]
}

// headLen is how much of a trailer is not its tag.
const headLen = 12

// maskTag signs a frame with the public key if it was signed with the real
// one; any other tag becomes zero. Over IPv4 the checksum does not cover it.
func (s secrets) maskTag(f engine.FrameReceived, t []byte) {
	message := f.Payload[:len(f.Payload)-len(t)]
	with := make([]byte, len(t)-headLen)
	for _, r := range s {
		if r.ID.VRID != f.Payload[1] || r.HMAC == nil {
			continue
		}
		for _, k := range r.HMAC.Keys {
			if k.ID == t[1] && hash.Equal(tag(k, f, message, t), t[headLen:]) {
				with = tag(publicKey(k.ID), f, message, t)
			}
		}
	}
	if f.Source.Is4() {
		copy(t[headLen:], with)
		return
	}
	replace(f.Payload, len(message)+headLen, with)
}

// tag is the MAC of draft-cassen-vrrp-auth-hmac.
func tag(k vrrp.HMACKey, f engine.FrameReceived, message, trailer []byte) []byte {
	prefix := make([]byte, 20)
	prefix[0], prefix[1], prefix[2] = byte(vrrp.FamilyOf(f.Source)), message[0]>>4, message[1]
	copy(prefix[4:], f.Source.AsSlice())
	m := slices.Clone(message)
	m[6], m[7] = 0, 0
	h := hash.New(sha256.New, k.Secret)
	h.Write(prefix)
	h.Write(m)
	h.Write(trailer[:headLen])
	h.Write(make([]byte, len(trailer)-headLen))
	return h.Sum(nil)[:len(trailer)-headLen]
}
