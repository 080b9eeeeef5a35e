// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"
	"net/netip"
	"slices"
	"time"
)

// The HMAC trailer (draft-cassen-vrrp-auth-hmac), big-endian: scheme, key id,
// two reserved bytes, an 8 byte sequence, 16 bytes of MAC.
const (
	hmacScheme     = 1 // HMAC-SHA256 truncated to 128 bits
	sequenceOffset = 4
	tagOffset      = 12
	tagLen         = TrailerLen - tagOffset
)

// otherSenders is how many senders that are not peers have replay state.
const otherSenders = 8

// Authenticator signs adverts with an HMAC trailer and verifies received ones
// (draft-cassen-vrrp-auth-hmac). It holds the keys, the last sequence sent and,
// for each sender, the highest sequence accepted. It is not safe for
// concurrent use; after construction its methods do not allocate, except that
// the first advert from a sender may.
//
// A nil Authenticator stands for "not configured": it appends plain messages
// and refuses trailers.
type Authenticator struct {
	mode    HMACMode
	window  time.Duration // zero in monotonic mode
	active  *signingKey
	keys    []signingKey
	last    sequence // last one sent
	senders []sender
	clock   uint64 // counts acceptances, for least recently used

	// Scratch space: what is written to a hash escapes to the heap.
	prefix [20]byte
	tag    [sha256.Size]byte
}

type signingKey struct {
	id  uint8
	mac hash.Hash
}

// sender is the replay state of one source address. Only a holder of a key
// can make one come to be.
type sender struct {
	address netip.Addr
	highest sequence
	used    uint64
	peer    bool // configured: never evicted
}

// NewAuthenticator returns an Authenticator for cfg, which has passed
// [HMAC.Validate]. The interval is the router's own, for the default time
// window. Each of the unicast peers has replay state of its own; other senders
// share a few slots, of which the least recently used is given up.
func NewAuthenticator(cfg HMAC, interval time.Duration, peers ...netip.Addr) *Authenticator {
	h := &Authenticator{}
	h.Reconfigure(cfg, interval, peers...)
	return h
}

// Reconfigure replaces keys, mode, window and peers, and keeps the sequence and
// the replay state of every sender, so that a reload opens no gap for replays
// and no peer has to wait.
func (h *Authenticator) Reconfigure(cfg HMAC, interval time.Duration, peers ...netip.Addr) {
	h.mode = cfg.Mode
	h.window = cfg.Window
	if h.window == 0 {
		h.window = max(3*interval, 5*time.Second)
	}
	if cfg.Monotonic {
		h.window = 0
	}
	h.keys = make([]signingKey, 0, len(cfg.Keys))
	for _, k := range cfg.Keys {
		h.keys = append(h.keys, signingKey{id: k.ID, mac: hmac.New(sha256.New, k.Secret)})
	}
	h.active = h.key(cfg.ActiveKey)
	for i := range h.senders {
		h.senders[i].peer = slices.Contains(peers, h.senders[i].address)
	}
	for _, p := range peers {
		if h.sender(p) == nil {
			h.senders = append(h.senders, sender{address: p, peer: true})
		}
	}
	for i, n := h.others(); n > otherSenders; i, n = h.others() {
		h.senders = slices.Delete(h.senders, i, i+1)
	}
}

// Append appends the complete payload of an advert to b: the message as
// [Advertisement.AppendTo] makes it and, unless the mode is receive-only, the
// trailer with the next sequence number. Over IPv6 the checksum covers the
// trailer, over IPv4 it does not. With [ChecksumMessage] over IPv4 the payload
// does not depend on dst: one image serves every peer.
//
// The sequence is now's wall clock reading, or one more than the last if the
// clock has not moved on. In time mode a last sequence that lies beyond the
// window in the future, left by a clock that was wrong, is given up.
func (h *Authenticator) Append(b []byte, a *Advertisement, src, dst netip.Addr, c Checksum, now time.Time) []byte {
	if h == nil || h.mode == HMACReceiveOnly {
		return a.AppendTo(b, src, dst, c)
	}
	start := len(b)
	b = a.appendMessage(b)
	size := len(b) - start
	b = append(b, hmacScheme, h.active.id, 0, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(h.nextSequence(now)))
	b = append(b, h.sum(h.active, a, src, b[start:start+size], b[start+size:])...)
	putChecksum(a.Version, b[start:], size, src, dst, c)
	return b
}

// Verify judges the trailer of a, an advert from [Parse] that came from src, or
// the lack of one, and returns zero if it is accepted. The checks are made in
// the order of the constants from [RefusedHMACMissing]. Acceptance raises the
// sender's highest sequence, so Verify is the last check to make of an advert,
// once.
//
// The skew of an accepted advert is now less the sender's timestamp: positive
// if the sender's clock is behind. It is zero in monotonic mode and for an
// advert without a trailer.
func (h *Authenticator) Verify(a *Advertisement, src netip.Addr, now time.Time) (time.Duration, Refusal) {
	switch {
	case h == nil && a.Trailer == nil:
		return 0, 0
	case h == nil:
		return 0, RefusedHMACUnexpected
	case a.Trailer == nil && h.mode == HMACEnforce:
		return 0, RefusedHMACMissing
	case a.Trailer == nil:
		return 0, 0
	}
	t := a.Trailer
	if len(t) != TrailerLen || len(a.Message) < headerLen || t[0] != hmacScheme || t[2] != 0 || t[3] != 0 {
		return 0, RefusedHMACMalformed
	}
	k := h.key(t[1])
	if k == nil {
		return 0, RefusedHMACKey
	}
	seq := sequence(binary.BigEndian.Uint64(t[sequenceOffset:]))
	if !h.fresh(seq, now) {
		return 0, RefusedHMACStale
	}
	if !hmac.Equal(h.sum(k, a, src, a.Message, t[:tagOffset]), t[tagOffset:]) {
		return 0, RefusedHMACBad
	}
	if !h.accept(src, seq, now) {
		return 0, RefusedHMACReplay
	}
	if h.window == 0 {
		return 0, 0
	}
	return now.Sub(seq.time()), 0
}

// sum returns the MAC of message and the head of its trailer. The result is
// valid until the next call.
func (h *Authenticator) sum(k *signingKey, a *Advertisement, src netip.Addr, message, head []byte) []byte {
	h.prefix = [20]byte{byte(a.Family), byte(a.Version), a.VRID}
	if src.Is4() {
		s := src.As4()
		copy(h.prefix[4:], s[:])
	} else {
		s := src.As16()
		copy(h.prefix[4:], s[:])
	}
	k.mac.Reset()
	k.mac.Write(h.prefix[:])
	k.mac.Write(message[:checksumOffset])
	k.mac.Write(zeros[:2]) // the checksum
	k.mac.Write(message[checksumOffset+2:])
	k.mac.Write(head)
	k.mac.Write(zeros[:tagLen])
	return k.mac.Sum(h.tag[:0])[:tagLen]
}

var zeros [tagLen]byte

func (h *Authenticator) key(id uint8) *signingKey {
	for i := range h.keys {
		if h.keys[i].id == id {
			return &h.keys[i]
		}
	}
	return nil
}

// accept records seq as the highest from src, unless one at least as high has
// been accepted before.
func (h *Authenticator) accept(src netip.Addr, seq sequence, now time.Time) bool {
	s := h.sender(src)
	if s == nil {
		s = h.newSender(src)
	}
	// A mark that has left the window lies in the future and dates from a clock
	// that was wrong, ours or theirs; kept, it would lock the sender out until
	// that hour. (One in the past is below seq anyway.)
	if seq <= s.highest && h.fresh(s.highest, now) {
		return false
	}
	h.clock++
	s.highest, s.used = seq, h.clock
	return true
}

func (h *Authenticator) sender(src netip.Addr) *sender {
	for i := range h.senders {
		if h.senders[i].address == src {
			return &h.senders[i]
		}
	}
	return nil
}

// newSender finds a slot for src, evicting the least recently used if the
// slots for senders that are not peers are all taken.
func (h *Authenticator) newSender(src netip.Addr) *sender {
	i, n := h.others()
	if n < otherSenders {
		i = len(h.senders)
		h.senders = append(h.senders, sender{})
	}
	h.senders[i] = sender{address: src}
	return &h.senders[i]
}

// others returns the index of the least recently used sender that is not a
// peer, and how many of them there are.
func (h *Authenticator) others() (oldest, count int) {
	for i := range h.senders {
		if h.senders[i].peer {
			continue
		}
		if count == 0 || h.senders[i].used < h.senders[oldest].used {
			oldest = i
		}
		count++
	}
	return oldest, count
}

// nextSequence returns the sequence to send at now.
func (h *Authenticator) nextSequence(now time.Time) sequence {
	seq := sequenceAt(now)
	if seq <= h.last && h.fresh(h.last, now) {
		seq = h.last + 1
	}
	h.last = seq
	return seq
}

// fresh reports whether seq lies within the time window around now, compared
// in whole seconds. In monotonic mode everything does.
func (h *Authenticator) fresh(seq sequence, now time.Time) bool {
	if h.window == 0 {
		return true
	}
	apart := int64(sequenceAt(now).seconds()) - int64(seq.seconds())
	return time.Duration(max(apart, -apart))*time.Second <= h.window
}

// sequence is bytes 4…11 of a trailer: 32 bits of seconds since 1970, 16 bits
// of binary fraction, 16 bits of counter.
type sequence uint64

// sequenceAt returns the sequence of the wall clock, which counts as 1970 or
// 2106 when it is outside those years.
func sequenceAt(now time.Time) sequence {
	seconds := max(0, min(now.Unix(), math.MaxUint32))
	fraction := int64(now.Nanosecond()) << 16 / int64(time.Second)
	return sequence(seconds<<32 | fraction<<16)
}

func (s sequence) seconds() uint32 { return uint32(s >> 32) }

func (s sequence) time() time.Time {
	fraction := int64(s >> 16 & 0xffff)
	return time.Unix(int64(s.seconds()), fraction*int64(time.Second)>>16)
}
