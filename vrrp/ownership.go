// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// ownership is the wanted state of the addresses on the host.
type ownership struct {
	own            bool
	id             ActionID // the newest order; results of older ones are void
	fault          string   // why the addresses could not be owned; a live fault
	ownBackoff     time.Duration
	releaseBackoff time.Duration
}

// The back-off after an ownership failure doubles between these bounds.
const (
	minOwnershipBackoff = time.Second
	maxOwnershipBackoff = time.Minute
)

// Succeed makes r go on where old, a stopped router of the same identity,
// ended: its action IDs follow those of old, whose results may still be on
// their way, and a release that old has not achieved is r's to see through.
// Call it before the first Step.
func (r *Router) Succeed(old *Router) {
	r.nextID = old.nextID
	r.ownership.id, r.ownership.releaseBackoff = old.ownership.id, old.ownership.releaseBackoff
	r.timers[timerRelease] = old.timers[timerRelease]
}

func (r *Router) orderOwnership(own bool) {
	r.timers.stop(timerRelease)
	r.ownership.own = own
	r.ownership.id = r.id()
	r.do(SetOwnership{ID: r.ownership.id, Own: own})
}

func (r *Router) announce(repeat, otherwise int) {
	if repeat == 0 {
		repeat = otherwise
	}
	r.counters.Announcements++
	r.do(Announce{ID: r.id(), Repeat: repeat})
}

// finished takes the result of an action.
func (r *Router) finished(ev ActionFinished) {
	switch {
	case ev.ID == r.sending.id:
		r.sent(ev.Err)
	case ev.ID != r.ownership.id && ev.Err != nil:
		r.counters.ActionErrors++
	case ev.ID != r.ownership.id:
	case ev.Err != nil:
		r.ownershipFailed(ev.Err)
	case r.ownership.own:
		r.ownership.ownBackoff = 0
	default:
		r.ownership.releaseBackoff = 0
	}
}

// ownershipFailed: a MASTER that cannot own its addresses resigns into FAULT
// and tries again after a back-off, which only a success shortens. A release
// that failed is ordered again until it succeeds: nothing is worse than an
// address on two hosts.
func (r *Router) ownershipFailed(err error) {
	r.counters.ActionErrors++
	r.notice(NoticeOwnership, netip.Addr{}, err.Error())
	o := &r.ownership
	if !o.own {
		o.releaseBackoff = longer(o.releaseBackoff)
		r.timers[timerRelease] = r.now.Add(o.releaseBackoff)
		return
	}
	o.ownBackoff = longer(o.ownBackoff)
	o.fault = string(CauseOwnership) + ": " + err.Error()
	r.timers[timerRetry] = r.now.Add(o.ownBackoff)
	r.settleFaults(CauseFaultCleared)
}

func longer(backoff time.Duration) time.Duration {
	return min(max(2*backoff, minOwnershipBackoff), maxOwnershipBackoff)
}

// sent takes the result of the newest advert. Failing to send is reported
// once a run; the link, if it is gone, says so itself.
func (r *Router) sent(err error) {
	if err != nil {
		r.counters.SendErrors++
	}
	switch {
	case err != nil && !r.sending.failed:
		r.notice(NoticeSendFailed, netip.Addr{}, err.Error())
	case err == nil && r.sending.failed:
		r.notice(NoticeSendRecovered, netip.Addr{}, "")
	}
	r.sending.failed = err != nil
}
