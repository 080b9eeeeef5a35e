// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"net/netip"
	"time"
)

// masterAdvert is "If an ADVERTISEMENT is received" of RFC 9568 §6.4.3.
//
// One that slept past its own Master_Down_Interval is MASTER in name only: it
// must not drive away with an answer who has replaced it.
func (r *Router) masterAdvert(a *Advertisement, src netip.Addr) {
	if late, asleep := r.overslept(); asleep {
		r.advertDue(late)
		r.backupAdvert(a, src)
		return
	}
	switch {
	case a.Priority == PriorityResign:
		r.sendAdvert(r.priority())
		r.timers[timerAdvert] = r.now.Add(r.cfg.Interval)
	case r.better(a, src):
		if r.cfg.HigherSendsAdvert {
			r.sendAdvert(r.priority())
		}
		if a.Priority == PriorityOwner && r.priority() == PriorityOwner {
			r.notice(NoticeSecondOwner, src, "two routers claim priority 255")
		}
		r.leaveMaster(silently)
		r.becomeBackup(Cause{CauseBetterHeard, fmt.Sprintf("%v priority %d", src, a.Priority)})
		r.accept(a, src)
	default:
		r.lowerAdvert(a, src)
	}
}

// better reports whether the sender outranks this MASTER: higher priority, or
// the same and a higher primary address (RFC 9568 §6.4.3).
func (r *Router) better(a *Advertisement, src netip.Addr) bool {
	own := r.priority()
	return a.Priority > own || (a.Priority == own && src.Compare(r.source()) > 0)
}

// answersPerInterval bounds the answers to lower adverts. Two routers that
// both think themselves the better one (equal priorities, and a NAT between
// them that rewrites addresses) would otherwise answer each other at the speed
// of the network. A sender that was told a moment ago need not be told again.
const answersPerInterval = 10

// lowerAdvert asserts mastership towards a router that does not hear or obey
// it (RFC 9568 §6.4.3), and corrects the segment's address tables.
func (r *Router) lowerAdvert(a *Advertisement, src netip.Addr) {
	if a.Priority == PriorityOwner {
		r.notice(NoticeSecondOwner, src, "two routers claim priority 255")
	}
	r.notice(NoticeLowerPriority, src, fmt.Sprintf("its priority is %d, ours %d", a.Priority, r.priority()))
	if !r.cfg.LowerGetsNoAdvert && r.now.Sub(r.sending.at) >= r.cfg.Interval/answersPerInterval {
		r.sendAdvert(r.priority())
	}
	if n := r.cfg.Announce.LowerRepeat; n > 0 {
		r.announce(n, n)
		if d := r.cfg.Announce.LowerDelay; d > 0 && !r.timers.armed(timerLower) {
			r.timers[timerLower] = r.now.Add(d)
		}
	}
}

// advertDue is the Adver_Timer (RFC 9568 §6.4.3), on an absolute
// schedule. A MASTER that slept past its own Master_Down_Interval has surely
// been replaced: it listens for an interval before it claims to be one again.
func (r *Router) advertDue(late time.Duration) {
	if late > r.cfg.Interval {
		r.stalled(late)
	}
	if late > r.ownDownInterval() {
		r.leaveMaster(silently)
		r.becomeBackup(Cause{CauseStalled, late.String()})
		r.listening = true
		r.timers[timerMasterDown] = r.now.Add(r.interval + r.skew())
		return
	}
	r.sendAdvert(r.priority())
	r.timers[timerAdvert] = next(r.now, late, r.cfg.Interval)
}

// overslept reports whether the next advert is so late that the others have
// declared this MASTER down.
func (r *Router) overslept() (late time.Duration, asleep bool) {
	late = r.now.Sub(r.timers[timerAdvert])
	return late, late > r.ownDownInterval()
}

// ownDownInterval is the Master_Down_Interval of the adverts sent here.
func (r *Router) ownDownInterval() time.Duration {
	return MasterDownInterval(r.cfg.Version, r.priority(), r.cfg.Interval, r.cfg.DownAdverts)
}

// sendAdvert orders one advert to every destination.
func (r *Router) sendAdvert(priority uint8) {
	a := Advertisement{
		Version:   r.cfg.Version,
		Family:    r.cfg.ID.Family,
		VRID:      r.cfg.ID.VRID,
		Priority:  priority,
		Interval:  r.cfg.Interval,
		Addresses: r.own,
		AuthType:  r.cfg.AuthType,
		AuthData:  r.cfg.Password,
	}
	first := len(r.packets)
	if !r.cfg.Unicast() {
		r.appendPacket(&a, r.group(), r.dialect(netip.Addr{}))
	}
	for _, p := range r.cfg.Peers {
		if p.Address == r.source() {
			continue // a list of peers that is the same on every node
		}
		r.appendPacket(&a, p.Address, r.dialect(p.Address))
	}
	r.counters.AdvertsSent++
	r.sending.id, r.sending.at = r.id(), r.now
	r.do(SendAdvert{ID: r.sending.id, Priority: priority, Packets: r.packets[first:len(r.packets):len(r.packets)]})
}

func (r *Router) appendPacket(a *Advertisement, dst netip.Addr, c Checksum) {
	src := r.source()
	if !src.IsValid() {
		return // the priority 0 of a router whose last address has gone
	}
	start := len(r.buf)
	r.buf = r.hmac.Append(r.buf, a, src, dst, c, r.now)
	r.packets = append(r.packets, Packet{Source: src, Destination: dst, Payload: r.buf[start:len(r.buf):len(r.buf)]})
}

// group is the multicast destination.
func (r *Router) group() netip.Addr {
	switch {
	case r.cfg.Group.IsValid():
		return r.cfg.Group
	case r.cfg.ID.Family == IPv6:
		return GroupIPv6
	}
	return GroupIPv4
}

// dialect is the checksum to send in: as configured, else as the peer (or, on
// multicast, the router last heard) was heard to use, else with the
// pseudo-header, which the installed base expects.
func (r *Router) dialect(peer netip.Addr) Checksum {
	if r.cfg.Checksum != ChecksumUnknown {
		return r.cfg.Checksum
	}
	if c := r.peers.dialect(peer); c != ChecksumUnknown {
		return c
	}
	return ChecksumPseudo
}

// MasterInfo is what a router knows of the MASTER.
type MasterInfo struct {
	Address    netip.Addr
	Priority   uint8
	Interval   time.Duration
	LastHeard  time.Time // zero when this router is MASTER or has heard none
	Preempting bool      // a MASTER of lower priority is being timed out
}
