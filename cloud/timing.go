// SPDX-License-Identifier: Apache-2.0

package cloud

import "time"

// Timing holds every duration of the reconciler. The zero value of a field
// means its default, given in brackets; the defaults suit the real clouds, and
// tests over real sockets shorten them.
type Timing struct {
	// Verify is how long after a write each read that confirms it comes, one
	// after the other; the last is repeated. [0, 0.2 s, 0.5 s, 1 s, 2 s]
	Verify []time.Duration
	// VerifyWindow is how long a read may contradict an acknowledged write
	// before the write is repeated. [5 s, or Node.Consistency]
	VerifyWindow time.Duration
	// Settle are the extra looks after everything became ours, counted from
	// then: an old master's last write may still be on its way. [2, 5, 15, 45 s]
	Settle []time.Duration
	// Drift is the period of looks at what is held, ± 20 %. [30 s]
	Drift time.Duration
	// Idle is the period of looks while not MASTER, ± 20 %. [60 s]
	Idle time.Duration
	// BackoffMin and BackoffMax bound the full-jitter back-off. Together with
	// the request deadline the maximum keeps the promise to converge within
	// 15 s of an API's return. [0.2 s, 12 s]
	BackoffMin, BackoffMax time.Duration
	// HintMax caps how long a busy object's hint is believed. [5 s]
	HintMax time.Duration
	// Blocked is the pause after a refusal that only a person can lift:
	// denied, limit, invalid. A little under a minute, so that a permission
	// that was granted is in use within one. [50 s]
	Blocked time.Duration
	// Refresh is the least time between two renewals of credentials on demand. [30 s]
	Refresh time.Duration
	// Warm is the period of [Warmer] calls. [25 s]
	Warm time.Duration
	// Discover is the period of discovery once it has succeeded. [10 min]
	Discover time.Duration
	// Late is when a claim that is not complete raises an alarm. [30 s]
	Late time.Duration
	// Drain is how long a new generation waits, before its first write, for
	// requests of the previous one that are still under way. [2 s]
	Drain time.Duration
	// GuardBudget is how long the guard may take, and GuardRetry when it is
	// asked again after it has said no. [1 s, 5 s]
	GuardBudget, GuardRetry time.Duration
	// Hold is the longest time a claim is held back because the peer says that
	// it is MASTER and well. [10 s]
	Hold time.Duration
	// ContentionLosses losses of one item within ContentionWindow are a fight
	// with another claimant: the higher-ranked node then re-claims every
	// ContentionPace, the lower stops writing for Yield. A node that never heard
	// the other one, and so cannot tell, bears twice as many.
	// [3, 5 min, 30 s, 5 min]
	ContentionLosses int
	ContentionWindow time.Duration
	ContentionPace   time.Duration
	Yield            time.Duration
	// Call bounds one call of a provider, above its own deadlines per request. [30 s]
	Call time.Duration
}

func (t Timing) withDefaults() Timing {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if t.Verify == nil {
		t.Verify = []time.Duration{0, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}
	}
	if t.Settle == nil {
		t.Settle = []time.Duration{2 * time.Second, 5 * time.Second, 15 * time.Second, 45 * time.Second}
	}
	def(&t.VerifyWindow, 5*time.Second)
	def(&t.Drift, 30*time.Second)
	def(&t.Idle, time.Minute)
	def(&t.BackoffMin, 200*time.Millisecond)
	def(&t.BackoffMax, 12*time.Second)
	def(&t.HintMax, 5*time.Second)
	def(&t.Blocked, 50*time.Second)
	def(&t.Refresh, 30*time.Second)
	def(&t.Warm, 25*time.Second)
	def(&t.Discover, 10*time.Minute)
	def(&t.Late, 30*time.Second)
	def(&t.Drain, 2*time.Second)
	def(&t.GuardBudget, time.Second)
	def(&t.GuardRetry, 5*time.Second)
	def(&t.Hold, 10*time.Second)
	if t.ContentionLosses == 0 {
		t.ContentionLosses = 3
	}
	def(&t.ContentionWindow, 5*time.Minute)
	def(&t.ContentionPace, 30*time.Second)
	def(&t.Yield, 5*time.Minute)
	def(&t.Call, 30*time.Second)
	return t
}
