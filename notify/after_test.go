// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// rows is a dispatcher whose lanes come one after the other; what they are told is
// noted in one list.
func rows(t *testing.T, takes time.Duration, hooks ...Hook) (*Dispatcher, func() []string) {
	t.Helper()
	all := newRecorder("", takes)
	var lanes []Lane
	for i, h := range hooks {
		name := string(rune('a' + i))
		if h.Target == nil {
			h.Target = Func(name, func(ctx context.Context, e Event) error {
				return all.Notify(ctx, Event{Name: name, State: e.State}).Err
			})
		}
		l := Lane{Name: name, Hooks: []Hook{h}}
		if i > 0 {
			l.After = lanes[i-1].Name
		}
		lanes = append(lanes, l)
	}
	d := New(nil)
	set(t, d, lanes...)
	return d, all.all
}

func TestLaneComesAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The one in the middle has nothing to hear of BACKUP: order holds across it.
		d, told := rows(t, time.Second, Hook{}, Hook{On: []State{Master}}, Hook{})
		for _, s := range []State{Master, Backup} {
			d.Post(instance("VI", s))
			time.Sleep(time.Minute)
		}
		closeAll(t, d)
		if want := []string{"a:MASTER", "b:MASTER", "c:MASTER", "a:BACKUP", "c:BACKUP"}; !slices.Equal(told(), want) {
			t.Errorf("got %v, want %v", told(), want)
		}
	})
}

// A slow lane keeps the newest state waiting only behind it, not before it.
func TestSlowLaneDelaysOnlyThoseAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, told := rows(t, 0, Hook{}, Hook{Target: newRecorder("slow", time.Minute)})
		for _, s := range []State{Backup, Master, Fault} {
			d.Post(instance("VI", s))
			synctest.Wait()
		}
		if want := []string{"a:BACKUP", "a:MASTER", "a:FAULT"}; !slices.Equal(told(), want) {
			t.Errorf("got %v, want %v", told(), want)
		}
		closeAll(t, d)
	})
}

// What waits for another lane is still replaced by a newer state.
func TestWaitingEventIsSuperseded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, told := rows(t, time.Second, Hook{}, Hook{})
		for _, s := range []State{Master, Backup, Fault} {
			d.Post(instance("VI", s))
			time.Sleep(10 * time.Millisecond)
		}
		closeAll(t, d)
		if want := []string{"a:MASTER", "a:FAULT", "b:FAULT"}; !slices.Equal(told(), want) {
			t.Errorf("got %v, want %v", told(), want)
		}
	})
}

// At the end a hook that hangs does not take the time of those that wait for it.
func TestCloseLeavesTimeForTheLaneBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, told := rows(t, time.Second, Hook{Target: newRecorder("hung", time.Hour)}, Hook{})
		d.Post(instance("VI", Stop))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := d.Close(ctx); err != nil {
			t.Error(err)
		}
		if want := []string{"b:STOP"}; !slices.Equal(told(), want) {
			t.Errorf("got %v, want %v", told(), want)
		}
	})
}

func TestCloseIsNotHeldUpByLanesThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deaf := Func("deaf", func(context.Context, Event) error { time.Sleep(time.Hour); return nil })
		d, told := rows(t, 0, Hook{Target: deaf}, Hook{})
		d.Post(instance("VI", Stop))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := d.Close(ctx)
		if !errors.Is(err, ErrCutShort) || time.Since(began) > 2*abandon || len(told()) != 0 {
			t.Errorf("%v after %v, told %v", err, time.Since(began), told())
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestLaneMustComeAfterAnEarlierOne(t *testing.T) {
	for _, lanes := range [][]Lane{
		{{Name: "a", After: "b"}, {Name: "b"}},
		{{Name: "a", After: "a"}},
	} {
		if err := New(nil).Set(lanes); err == nil || !strings.Contains(err.Error(), "before it") {
			t.Errorf("%+v: %v", lanes, err)
		}
	}
}

// A row that a reload takes away finishes its work, in its order; one that stays does too.
func TestReloadKeepsTheOrderOfARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, left := range []int{0, 1, 2, 3} {
			told := newRecorder("", time.Second)
			var lanes []Lane
			for i, name := range []string{"a", "b", "c"} {
				l := Lane{Name: name, Hooks: []Hook{{Target: Func(name, func(ctx context.Context, e Event) error {
					return told.Notify(ctx, Event{Name: name, State: e.State}).Err
				})}}}
				if i > 0 {
					l.After = lanes[i-1].Name
				}
				lanes = append(lanes, l)
			}
			d := New(nil)
			set(t, d, lanes...)
			d.Post(instance("VI", Master))
			time.Sleep(500 * time.Millisecond)
			set(t, d, lanes[:left]...)
			closeAll(t, d)
			told.expect(t, "a:MASTER", "b:MASTER", "c:MASTER")
		}
	})
}
