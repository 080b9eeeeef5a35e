// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// receive examines an advert and, unless it is refused, hands it to the
// state. A refused one changes nothing but its counter (RFC 9568 §7.1).
func (r *Router) receive(ev *AdvertReceived) {
	a := &ev.Advert
	skew, why := r.examine(a, ev)
	if why != 0 {
		r.refuse(why, a, ev)
		return
	}
	r.counters.AdvertsReceived++
	if a.Priority == PriorityResign {
		r.counters.PriorityZeroReceived++
	}
	r.peerHeard(a, ev.Source, skew)
	if r.state == Master {
		r.masterAdvert(a, ev.Source)
	} else {
		r.backupAdvert(a, ev.Source)
	}
}

// refuse counts an advert and, once in a while, says why.
func (r *Router) refuse(why Refusal, a *Advertisement, ev *AdvertReceived) {
	suppressed, due := r.refused(why, ev.Source)
	if !due {
		return
	}
	detail := r.explain(why, a, ev)
	r.do(ReportRefusal{Reason: why, Source: ev.Source, Detail: detail, Suppressed: suppressed})
	if r.state == Master && r.makesTwoMasters(why, a) {
		r.notice(NoticeConfigMismatch, ev.Source, withDetail(why.String(), detail))
	}
}

// makesTwoMasters reports whether the refusal speaks of a router that is
// meant to be heard: a MASTER that refuses it is not the only one.
//
// Somebody may have chosen unicast because the VRID is in use by strangers on
// the same segment: their multicast adverts matter if they are for one of our
// addresses.
func (r *Router) makesTwoMasters(why Refusal, a *Advertisement) bool {
	switch why {
	case RefusedDestination:
		return r.sharesAddress(a)
	case RefusedVersion, RefusedInterval, RefusedOwnPacket, RefusedAuthMismatch, RefusedPassword,
		RefusedAddresses, RefusedHMACMissing, RefusedHMACUnexpected, RefusedHMACKey, RefusedHMACStale:
		return true
	}
	return false
}

// packetRefused counts a packet that was not fit to become an advert.
func (r *Router) packetRefused(ev *PacketRefused) {
	if suppressed, due := r.refused(ev.Reason, ev.Source); due {
		r.do(ReportRefusal{Reason: ev.Reason, Source: ev.Source, Suppressed: suppressed})
	}
}

// refused counts a discarded packet and tells whether to report it.
func (r *Router) refused(why Refusal, src netip.Addr) (suppressed uint64, due bool) {
	r.counters.Refused[why]++
	return r.reports.due(why, src, r.now)
}

// explain says what was heard and what was wanted, without secrets.
func (r *Router) explain(why Refusal, a *Advertisement, ev *AdvertReceived) string {
	switch why {
	case RefusedVersion:
		return fmt.Sprintf("it speaks VRRPv%d, we VRRPv%d", a.Version, r.cfg.Version)
	case RefusedOwnPacket:
		return "another router sends from our address " + ev.Source.String()
	case RefusedDestination:
		return "sent to " + ev.Destination.String() + "; one side is unicast, the other multicast"
	case RefusedTTL:
		return fmt.Sprintf("TTL %d", ev.TTL)
	case RefusedSource:
		return "not one of the configured peers"
	case RefusedAuthMismatch:
		return fmt.Sprintf("its authentication type is %d, ours %d", a.AuthType, r.cfg.AuthType)
	case RefusedInterval:
		return "its interval is " + a.Interval.String() + ", ours " + r.cfg.Interval.String()
	case RefusedAddresses:
		return fmt.Sprintf("it advertises %v, we %v", slices.Collect(a.Addresses.All()), r.cfg.Addresses)
	case RefusedHMACKey:
		return fmt.Sprintf("key id %d", a.Trailer[1])
	}
	return ""
}

// examine returns why an advert is refused, or zero: the checks of RFC 9568
// §7.1 and RFC 3768 §7.1 that need the configuration. The HMAC comes last,
// because an accepted trailer uses up its sequence; skew is how far the
// sender's clock is behind.
func (r *Router) examine(a *Advertisement, ev *AdvertReceived) (skew time.Duration, why Refusal) {
	switch {
	case r.state == Init || r.state == Fault:
		return 0, RefusedInactive
	case a.Version != r.cfg.Version:
		return 0, RefusedVersion
	case a.VRID != r.cfg.ID.VRID:
		return 0, RefusedVRID
	case a.Family != r.cfg.ID.Family:
		return 0, RefusedFamily
	case ev.Source == r.source():
		return 0, RefusedOwnPacket
	}
	if why := r.examinePath(ev); why != 0 {
		return 0, why
	}
	if why := r.examinePassword(a); why != 0 {
		return 0, why
	}
	if a.Interval <= 0 || r.cfg.Version == V2 && a.Interval != r.cfg.Interval {
		return 0, RefusedInterval
	}
	if r.cfg.StrictAddresses && a.Priority != PriorityOwner && !r.sameAddresses(a) {
		return 0, RefusedAddresses
	}
	return r.hmac.Verify(a, ev.Source, r.now)
}

// examinePath checks where a packet came from and how far it came.
func (r *Router) examinePath(ev *AdvertReceived) Refusal {
	if ev.Destination.IsMulticast() == r.cfg.Unicast() {
		return RefusedDestination
	}
	if !r.cfg.Unicast() {
		if ev.TTL >= 0 && ev.TTL != TTL {
			return RefusedTTL
		}
		return 0
	}
	for _, p := range r.cfg.Peers {
		if p.Address != ev.Source {
			continue
		}
		if p.MinTTL == 0 && p.MaxTTL == 0 || ev.TTL < 0 {
			return 0
		}
		if ev.TTL < int(p.MinTTL) || p.MaxTTL != 0 && ev.TTL > int(p.MaxTTL) {
			return RefusedTTL
		}
		return 0
	}
	if r.cfg.AnyUnicastSource {
		return 0
	}
	return RefusedSource
}

// examinePassword is RFC 3768 §5.3.6: the type and, for PASS, the data of RFC
// 2338 §5.3.6 must be the configured ones.
func (r *Router) examinePassword(a *Advertisement) Refusal {
	switch {
	case a.Version != V2 || a.Family != IPv4:
		return 0
	case a.AuthType != r.cfg.AuthType:
		return RefusedAuthMismatch
	case a.AuthType == AuthPass && a.AuthData != r.cfg.Password:
		return RefusedPassword
	}
	return 0
}

// sameAddresses reports whether both lists hold the same addresses in any
// order: as many, and each of ours among theirs.
func (r *Router) sameAddresses(a *Advertisement) bool {
	if bytes.Equal(a.Addresses.raw, r.own.raw) {
		return true
	}
	if a.Addresses.Len() != r.own.Len() {
		return false
	}
	for i := range r.own.Len() {
		if !a.Addresses.has(r.own.At(i)) {
			return false
		}
	}
	return true
}

// sharesAddress reports whether an advert lists one of our addresses, or
// neither side lists any.
func (r *Router) sharesAddress(a *Advertisement) bool {
	for i := range r.own.Len() {
		if a.Addresses.has(r.own.At(i)) {
			return true
		}
	}
	return r.own.Len() == 0 && a.Addresses.Len() == 0
}

func (l AddressList) has(addr netip.Addr) bool {
	for i := range l.Len() {
		if l.At(i) == addr {
			return true
		}
	}
	return false
}

// peerHeard keeps the table of senders and notices what changed about one.
func (r *Router) peerHeard(a *Advertisement, src netip.Addr, skew time.Duration) {
	p, first := r.peers.heard(src)
	p.Adverts++
	p.LastHeard, p.Priority, p.Interval = r.now, a.Priority, a.Interval
	if p.Checksum != a.Checksum && a.Version == V3 && a.Family == IPv4 {
		if !first || a.Checksum != ChecksumPseudo {
			r.notice(NoticeChecksum, src, "its checksum dialect is "+a.Checksum.String())
		}
	}
	p.Checksum = a.Checksum
	differs := !r.sameAddresses(a)
	if differs && !p.AddressesDiffer {
		r.notice(NoticeAddressList, src, fmt.Sprintf("it advertises %v, we %v", slices.Collect(a.Addresses.All()), r.cfg.Addresses))
	}
	p.AddressesDiffer = differs
	equal := a.Priority == r.priority()
	if equal && !p.EqualPriority {
		r.notice(NoticeEqualPriority, src, fmt.Sprintf("priority %d is ours too: the higher address wins", a.Priority))
	}
	p.EqualPriority = equal
	if r.hmac != nil && r.skewed(skew) && !r.skewed(p.ClockSkew) {
		r.notice(NoticeHMACSkew, src, "clocks differ by "+skew.String())
	}
	p.ClockSkew = skew
}

// skewed reports whether a clock skew has used up half of the HMAC window.
func (r *Router) skewed(skew time.Duration) bool { return skew.Abs() > r.hmac.window/2 }
