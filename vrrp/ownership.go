// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// ownership is the wanted state of the addresses on the host.
type ownership struct {
	own      bool
	id       ActionID      // the newest order; results of older ones are void
	fault    string        // why the addresses could not be owned; a live fault
	failures int           // in a row
	backoff  time.Duration // until the next try
}

// The back-off after an ownership failure doubles between these bounds.
const (
	minOwnershipBackoff = time.Second
	maxOwnershipBackoff = time.Minute
)

func (r *Router) orderOwnership(own bool) {
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

// finished takes the result of an action. A MASTER that cannot own its
// addresses resigns into FAULT and tries again after a back-off; a release
// that failed is ordered again.
func (r *Router) finished(ev ActionFinished) {
	switch {
	case ev.ID == r.sending.id:
		r.sent(ev.Err)
	case ev.ID == r.ownership.id && ev.Err == nil:
		r.ownership.failures, r.ownership.backoff = 0, 0
	case ev.ID == r.ownership.id:
		r.ownershipFailed(ev.Err)
	case ev.Err != nil:
		r.counters.ActionErrors++
	}
}

func (r *Router) ownershipFailed(err error) {
	r.counters.ActionErrors++
	o := &r.ownership
	o.failures++
	o.backoff = min(max(2*o.backoff, minOwnershipBackoff), maxOwnershipBackoff)
	r.notice(NoticeOwnership, netip.Addr{}, err.Error())
	r.timers[timerRetry] = r.now.Add(o.backoff)
	if r.state != Master {
		return
	}
	o.fault = string(CauseOwnership) + ": " + err.Error()
	r.settleFaults(CauseFaultCleared)
}

// retryOwnership is due a back-off after a failure.
func (r *Router) retryOwnership() {
	if r.ownership.fault == "" {
		r.orderOwnership(r.ownership.own)
		return
	}
	r.ownership.fault = ""
	r.settleFaults(CauseFaultCleared)
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
