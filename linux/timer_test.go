// SPDX-License-Identifier: Apache-2.0

//go:build linux

package linux_test

import (
	"slices"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/linux"
	"github.com/govrrp/vrrpd/runner"
)

func newTimer(t testing.TB) runner.Timer {
	t.Helper()
	timer, err := linux.NewTimer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := timer.Close(); err != nil {
			t.Error(err)
		}
	})
	return timer
}

func TestTimerNeverFiresEarly(t *testing.T) {
	timer := newTimer(t)
	for range 50 {
		at := time.Now().Add(2 * time.Millisecond)
		timer.Reset(at)
		if fired := <-timer.C(); fired.Before(at) {
			t.Fatalf("%v early", at.Sub(fired))
		}
	}
}

func TestTimerFiresAtOnceForThePast(t *testing.T) {
	timer := newTimer(t)
	timer.Reset(time.Now().Add(-time.Hour))
	<-timer.C()
}

func TestTimerDisarmed(t *testing.T) {
	timer := newTimer(t)
	timer.Reset(time.Now().Add(time.Millisecond))
	timer.Reset(time.Time{})
	select {
	case <-timer.C():
		t.Error("fired although disarmed")
	case <-time.After(20 * time.Millisecond):
	}
	timer.Reset(time.Now().Add(time.Hour))
	timer.Reset(time.Now())
	<-timer.C() // the newer deadline counts
}

func TestTimerResetAfterCloseIsHarmless(t *testing.T) {
	timer, err := linux.NewTimer()
	if err != nil {
		t.Fatal(err)
	}
	if err := timer.Close(); err != nil {
		t.Fatal(err)
	}
	timer.Reset(time.Now())
}

// goTimer is time.Timer with the shape of runner.Timer.
type goTimer struct{ *time.Timer }

func (g goTimer) Reset(at time.Time)  { g.Timer.Reset(time.Until(at)) }
func (g goTimer) C() <-chan time.Time { return g.Timer.C }
func (g goTimer) Close() error        { g.Stop(); return nil }

// BenchmarkTimerLateness measures how late a wake-up is on an absolute 10 ms
// schedule:
//
//	go test ./linux -run '^$' -bench Lateness -benchtime 1000x
func BenchmarkTimerLateness(b *testing.B) {
	b.Run("time.Timer", func(b *testing.B) { lateness(b, goTimer{time.NewTimer(time.Hour)}) })
	b.Run("timerfd", func(b *testing.B) { lateness(b, newTimer(b)) })
}

func lateness(b *testing.B, timer runner.Timer) {
	late := make([]time.Duration, 0, b.N)
	at := time.Now()
	for b.Loop() {
		at = at.Add(10 * time.Millisecond)
		timer.Reset(at)
		<-timer.C()
		late = append(late, time.Since(at))
	}
	slices.Sort(late)
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	b.ReportMetric(us(late[len(late)/2]), "p50-µs")
	b.ReportMetric(us(late[len(late)*99/100]), "p99-µs")
	b.ReportMetric(us(late[len(late)-1]), "max-µs")
	b.ReportMetric(0, "ns/op")
}
