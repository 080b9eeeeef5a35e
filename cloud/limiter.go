// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/cloud/internal/boottime"
)

// BootTime returns the time since boot, suspension included (CLOCK_BOOTTIME on
// Linux, the time since the process started elsewhere).
func BootTime() time.Duration { return boottime.Now() }

// Limiter keeps this process below the vendor's request rates, so that a burst
// of routes does not get the addresses throttled. One limiter is shared by all
// claims that use the same account: give the same one to each [Config].
//
// Writes have a burst of 40 and then 4 per second, reads a burst of 60 and
// then 6 per second. The looks of a node that is not MASTER leave half of the
// reads for the takeover that may come next. A throttled reply halves both rates, down to an eighth; every
// minute without one doubles them again.
type Limiter struct {
	clock func() time.Duration

	mu        sync.Mutex
	read      bucket
	write     bucket
	slow      uint // rates are divided by 1<<slow
	throttled time.Duration
}

type bucket struct {
	burst, perSecond, tokens float64
	at                       time.Duration
}

// Rates are the bursts and sustained rates of a [Limiter], in requests and
// requests per second.
type Rates struct {
	ReadBurst, ReadPerSecond   float64
	WriteBurst, WritePerSecond float64
}

// DefaultRates are below what every vendor allows.
var DefaultRates = Rates{ReadBurst: 60, ReadPerSecond: 6, WriteBurst: 40, WritePerSecond: 4}

// NewLimiter returns a limiter with [DefaultRates] that is full. The clock must
// never go back; nil means [BootTime].
func NewLimiter(clock func() time.Duration) *Limiter {
	return NewLimiterWithRates(clock, DefaultRates)
}

// NewLimiterWithRates returns a limiter with other rates, for accounts with
// other limits.
func NewLimiterWithRates(clock func() time.Duration, r Rates) *Limiter {
	if clock == nil {
		clock = BootTime
	}
	now := clock()
	return &Limiter{
		clock: clock,
		read:  bucket{burst: r.ReadBurst, perSecond: r.ReadPerSecond, tokens: r.ReadBurst, at: now},
		write: bucket{burst: r.WriteBurst, perSecond: r.WritePerSecond, tokens: r.WriteBurst, at: now},
	}
}

// Read waits until one read request may be sent.
func (l *Limiter) Read(ctx context.Context) error {
	keep := 0.0
	if ctx.Value(backgroundKey{}) != nil {
		keep = l.read.burst / 2
	}
	return l.wait(ctx, &l.read, keep)
}

// Write waits until one mutating request may be sent.
func (l *Limiter) Write(ctx context.Context) error { return l.wait(ctx, &l.write, 0) }

// Throttled tells the limiter that the vendor refused a request for its rate.
func (l *Limiter) Throttled() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slow = min(l.slow+1, 3)
	l.throttled = l.clock()
}

func (l *Limiter) wait(ctx context.Context, b *bucket, keep float64) error {
	for {
		d := l.take(b, keep)
		if d == 0 {
			return ctx.Err()
		}
		t := time.NewTimer(d)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
}

// take removes one token of those above keep and returns zero, or returns how
// long to wait.
func (l *Limiter) take(b *bucket, keep float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock()
	for l.slow > 0 && now-l.throttled >= time.Minute {
		l.slow--
		l.throttled += time.Minute
	}
	rate := b.perSecond / float64(uint(1)<<l.slow)
	b.tokens = min(b.burst, b.tokens+rate*(now-b.at).Seconds())
	b.at = now
	// The tolerance keeps a rounding error from asking for a wait of 0 ns.
	if b.tokens-keep >= 1-1e-6 {
		b.tokens--
		return 0
	}
	return time.Duration((1+keep-b.tokens)/rate*float64(time.Second)) + time.Microsecond
}

type backgroundKey struct{}

// inBackground marks the reads of a context as those that can wait.
func inBackground(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

type limiterKey struct{}

// WithLimiter returns a context that carries the limiter to where requests are
// sent. The reconciler does so for every call of a [Provider].
func WithLimiter(ctx context.Context, l *Limiter) context.Context {
	return context.WithValue(ctx, limiterKey{}, l)
}

// LimiterFrom returns the limiter of [WithLimiter], nil if there is none. A
// provider calls Read or Write once per HTTP request, before it consults the
// fence: time may pass in between. Package cloud/transport does both.
func LimiterFrom(ctx context.Context) *Limiter {
	l, _ := ctx.Value(limiterKey{}).(*Limiter)
	return l
}
