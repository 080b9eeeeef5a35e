// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPanicBecomesAResult(t *testing.T) {
	d := New(nil)
	set(t, d, Lane{Name: "x", Hooks: []Hook{{Target: Func("bad", func(context.Context, Event) error { panic("oops") })}}})
	d.Post(instance("VI", Master))
	closeAll(t, d)
	if r := d.Results(); len(r) != 1 || r[0].Err != "panic in bad: oops" || r[0].Failures != 1 {
		t.Errorf("got %+v", r)
	}
}

func TestChannelFindsTheNewestState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := make(chan Event)
		d := New(nil)
		set(t, d, Lane{Name: "chan", Hooks: []Hook{{Target: Chan("chan", ch)}}})
		for range 20 {
			d.Post(instance("VI", Backup))
			d.Post(instance("VI", Master))
			synctest.Wait()
		}
		// One event was in hand already; the next is the newest.
		if <-ch; (<-ch).State != Master {
			t.Error("an older state followed")
		}
		d.Post(instance("VI", Fault)) // nobody receives: Close must end the wait
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.Close(ctx); !errors.Is(err, ErrCutShort) {
			t.Errorf("got %v", err)
		}
	})
}

func TestYieldingCallEndsWhenANewerStateComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var causes []error
		wait := Func("ipsec", func(ctx context.Context, e Event) error {
			if e.State != Master {
				return nil
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Hour):
			}
			causes = append(causes, context.Cause(ctx))
			return context.Cause(ctx)
		})
		d := New(nil)
		set(t, d, Lane{Name: "x", Hooks: []Hook{{Target: wait, Yields: true}}})
		began := time.Now()
		d.Post(instance("VI", Master))
		synctest.Wait()
		d.Post(instance("VI", RxLowerPri)) // a remark and somebody else's state do not count
		d.Post(instance("other", Backup))
		synctest.Wait()
		if len(causes) != 0 {
			t.Error("ended for nothing")
		}
		d.Post(instance("VI", Backup))
		closeAll(t, d)
		if len(causes) != 1 || !errors.Is(causes[0], ErrSuperseded) || time.Since(began) != 0 {
			t.Errorf("causes %v after %v", causes, time.Since(began))
		}
	})
}
