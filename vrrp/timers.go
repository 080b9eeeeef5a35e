// SPDX-License-Identifier: Apache-2.0

package vrrp

import "time"

// SkewTime is how long a BACKUP of the given priority waits beyond the missed
// adverts, so that the best one moves first: v2 (256 − priority) / 256 seconds
// whatever the interval (RFC 3768 §6.1), v3 the same fraction of
// Active_Adver_Interval (RFC 9568 §6.1).
func SkewTime(v Version, priority uint8, interval time.Duration) time.Duration {
	if v == V2 {
		interval = time.Second
	}
	return time.Duration(256-int(priority)) * interval / 256
}

// MasterDownInterval is how long a BACKUP hears nothing before it declares
// the MASTER down: adverts × interval + Skew_Time, with adverts 3 unless
// configured otherwise (RFC 3768 §6.1, RFC 9568 §6.1).
func MasterDownInterval(v Version, priority uint8, interval time.Duration, adverts int) time.Duration {
	if adverts == 0 {
		adverts = 3
	}
	return time.Duration(adverts)*interval + SkewTime(v, priority, interval)
}

// timer names one of a router's timers. They fire in this order.
type timer int

const (
	timerStart      timer = iota // the start delay ends
	timerMasterDown              // Master_Down_Timer, RFC 9568 §6.2
	timerAdvert                  // Adver_Timer, RFC 9568 §6.2
	timerPreempt                 // the preempt delay ends
	timerAnnounce                // second burst after promotion
	timerRefresh                 // periodic announcement
	timerElsewhere               // periodic announcement on other interfaces
	timerLower                   // second burst after a lower advert
	timerRetry                   // the back-off after a failure to own the addresses ends
	timerRelease                 // a release that failed is ordered again
	timerCount
)

// timers holds a deadline each; the zero time means not armed.
type timers [timerCount]time.Time

func (t *timers) next() (at time.Time, ok bool) {
	for _, d := range t {
		if !d.IsZero() && (!ok || d.Before(at)) {
			at, ok = d, true
		}
	}
	return at, ok
}

func (t *timers) armed(i timer) bool { return !t[i].IsZero() }

func (t *timers) stop(which ...timer) {
	for _, i := range which {
		t[i] = time.Time{}
	}
}

// bringForward moves timer i to at, if it is armed and at is earlier.
func (t *timers) bringForward(i timer, at time.Time) {
	if t.armed(i) && at.Before(t[i]) {
		t[i] = at
	}
}

// forward moves every timer as if so much time had passed.
func (t *timers) forward(by time.Duration) {
	for i := range t {
		if !t[i].IsZero() {
			t[i] = t[i].Add(-by)
		}
	}
}

// take disarms timer i if it is due at now and returns how late it is.
func (t *timers) take(i timer, now time.Time) (late time.Duration, due bool) {
	if !t.armed(i) || t[i].After(now) {
		return 0, false
	}
	late = now.Sub(t[i])
	t[i] = time.Time{}
	return late, true
}
