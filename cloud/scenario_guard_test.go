// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/memory"
)

// fixed is a guard with one answer, that can be changed.
type fixed struct {
	verdict atomic.Pointer[cloud.Verdict]
	runs    atomic.Int32
	hang    bool
}

func newFixed(d cloud.Decision) *fixed {
	f := &fixed{}
	f.verdict.Store(&cloud.Verdict{Decision: d, Reason: d.String()})
	return f
}

func (f *fixed) Run(ctx context.Context) cloud.Verdict {
	f.runs.Add(1)
	if f.hang {
		<-ctx.Done()
	}
	return *f.verdict.Load()
}

func guarded(g cloud.Guard, also ...func(*cloud.Config)) func(*cloud.Config) {
	return func(c *cloud.Config) {
		c.Guard = g
		for _, f := range also {
			f(c)
		}
	}
}

func TestScenario22_HoldThenClaim(t *testing.T) {
	g := newFixed(cloud.Hold)
	inLab(t, memory.CompareAndSwap, []cloud.Item{vip1}, guarded(g), func(l *lab) {
		l.b.Master(cloud.CauseMasterDown)
		l.wait(9 * time.Second)
		l.state(l.b, cloud.StateSuspect)
		l.holds(l.a, vip1)
		l.wait(3 * time.Second)
		l.state(l.b, cloud.StateHeld)
		l.holds(l.b, vip1)
	})
}

func TestScenario22_HoldForAsLongAsThePeerIsWell(t *testing.T) {
	g := newFixed(cloud.Hold)
	hold := func(c *cloud.Config) { c.OnSuspect = cloud.SuspectHold }
	inLab(t, memory.CompareAndSwap, []cloud.Item{vip1}, guarded(g, hold), func(l *lab) {
		l.b.Master(cloud.CauseMasterDown)
		l.wait(10 * time.Minute)
		l.state(l.b, cloud.StateSuspect)
		g.verdict.Store(&cloud.Verdict{Decision: cloud.ClaimNow})
		l.wait(6 * time.Second)
		l.holds(l.b, vip1)
	})
}

func TestScenario23_GuardHangs(t *testing.T) {
	g := newFixed(cloud.ClaimNow)
	g.hang = true
	inLab(t, memory.CompareAndSwap, []cloud.Item{vip1}, guarded(g), func(l *lab) {
		l.b.Master(cloud.CauseMasterDown)
		l.wait(900 * time.Millisecond)
		l.holds(l.a, vip1)
		l.wait(200 * time.Millisecond)
		l.holds(l.b, vip1)
	})
}

func TestScenario24_PriorityZeroHasNoGuardDelay(t *testing.T) {
	for _, cause := range []cloud.Cause{cloud.CausePriorityZero, cloud.CausePreempt, cloud.CauseOperator} {
		g := newFixed(cloud.Hold)
		inLab(t, memory.CompareAndSwap, []cloud.Item{vip1}, guarded(g), func(l *lab) {
			l.b.Master(cause)
			l.wait(10 * time.Millisecond)
			l.holds(l.b, vip1)
			if g.runs.Load() != 0 {
				t.Errorf("%s: the guard ran", cause)
			}
		})
	}
}

func TestScenario25_CutOffDoesNotClaim(t *testing.T) {
	g := newFixed(cloud.CutOff)
	inLab(t, memory.CompareAndSwap, []cloud.Item{vip1}, guarded(g), func(l *lab) {
		l.b.Master(cloud.CauseMasterDown)
		l.wait(10 * time.Minute)
		l.state(l.b, cloud.StateCutOff)
		l.holds(l.a, vip1)
		g.verdict.Store(&cloud.Verdict{Decision: cloud.ClaimNow})
		l.wait(6 * time.Second)
		l.holds(l.b, vip1)
	})
}

// The API alone is unreachable: the node stays MASTER, the claim is pending,
// and goes through the moment the API answers.
func TestScenario25_OnlyTheAPIIsDead(t *testing.T) {
	g := newFixed(cloud.ClaimNow)
	inLab(t, memory.CompareAndSwap, all5, guarded(g), func(l *lab) {
		l.fault(func(memory.Request) memory.Fault { return memory.Fault{Lost: true} })
		l.b.Master(cloud.CauseMasterDown)
		l.wait(5 * time.Minute)
		l.state(l.b, cloud.StateClaiming)
		l.fault(nil)
		l.wait(15 * time.Second)
		l.holds(l.b, all5...)
	})
}

// The rival of a yielding node dies: the guard notices, and the node does not
// wait for the end of the yield.
func TestYieldEndsWhenTheRivalIsGone(t *testing.T) {
	g := newFixed(cloud.Hold)
	inLab(t, memory.CompareAndSwap, []cloud.Item{vip1}, guarded(g), func(l *lab) {
		l.a.Master(cloud.CausePriorityZero)
		l.b.Master(cloud.CausePriorityZero)
		l.wait(2 * time.Minute)
		l.state(l.b, cloud.StateYielded)
		l.stop(l.a)
		g.verdict.Store(&cloud.Verdict{Decision: cloud.ClaimNow})
		l.wait(20 * time.Second)
		l.holds(l.b, vip1)
		l.start(l.a, 5)
	})
}
