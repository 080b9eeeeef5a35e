// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A recorder is a target that takes its time and notices when it runs beside itself.
type recorder struct {
	name  string
	takes time.Duration
	busy  *atomic.Int32 // shared by targets that must not overlap

	mu   sync.Mutex
	told []string
}

func newRecorder(name string, takes time.Duration) *recorder {
	return &recorder{name: name, takes: takes, busy: new(atomic.Int32)}
}

func (r *recorder) Name() string { return r.name }

func (r *recorder) Notify(ctx context.Context, e Event) Outcome {
	note := e.Name + ":" + string(e.State)
	if r.busy.Add(1) > 1 {
		note += ":OVERLAP"
	}
	defer r.busy.Add(-1)
	var err error
	select {
	case <-time.After(r.takes):
	case <-ctx.Done():
		err = ctx.Err()
		note += ":CUT"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, note)
	return Outcome{Err: err}
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told)
}

func (r *recorder) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := r.all(); !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", r.name, got, want)
	}
}

func (r *recorder) expectLast(t *testing.T, want string) {
	t.Helper()
	told := r.all()
	if len(told) == 0 || told[len(told)-1] != want {
		t.Errorf("%s: got %v, want %s last", r.name, told, want)
	}
	if i := slices.IndexFunc(told, func(s string) bool { return strings.Contains(s, "OVERLAP") }); i >= 0 {
		t.Errorf("%s: ran beside itself: %v", r.name, told)
	}
}

func instance(name string, s State) Event { return Event{Kind: Instance, Name: name, State: s} }

func set(t *testing.T, d *Dispatcher, lanes ...Lane) {
	t.Helper()
	if err := d.Set(lanes); err != nil {
		t.Fatal(err)
	}
}

func closeAll(t *testing.T, d *Dispatcher) {
	t.Helper()
	if err := d.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFiftyFlapsInFiveSeconds(t *testing.T) {
	for _, takes := range []time.Duration{0, 70 * time.Millisecond, 700 * time.Millisecond, 20 * time.Second} {
		t.Run(takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				busy := new(atomic.Int32)
				master := &recorder{name: "notify_master", takes: takes, busy: busy}
				backup := &recorder{name: "notify_backup", takes: takes, busy: busy}
				always := &recorder{name: "notify", takes: takes, busy: busy}
				fifo := newRecorder("fifo", time.Millisecond)
				d := New(nil)
				set(t, d,
					Lane{Name: "scripts", Hooks: []Hook{
						{On: []State{Master}, Target: master}, {On: []State{Backup}, Target: backup}, {Target: always},
					}},
					Lane{Name: "fifo", Depth: 100, Hooks: []Hook{{On: Everything(), Target: fifo}}})
				var sent []string
				for i := range 50 {
					e := instance("VI", []State{Backup, Master}[i%2])
					sent = append(sent, "VI:"+string(e.State))
					began := time.Now()
					d.Post(e)
					if time.Since(began) != 0 {
						t.Error("Post waited")
					}
					time.Sleep(100 * time.Millisecond)
				}
				closeAll(t, d)
				always.expectLast(t, "VI:MASTER")
				master.expectLast(t, "VI:MASTER")
				fifo.expect(t, sent...)
				checkCounts(t, d.Results(), "notify", 50)
				if b := backup.all(); slices.ContainsFunc(b, func(s string) bool { return s != "VI:BACKUP" }) {
					t.Errorf("notify_backup: %v", b)
				}
			})
		})
	}
}

// checkCounts: every event was either told or superseded.
func checkCounts(t *testing.T, results []Result, target string, events uint64) {
	t.Helper()
	for _, r := range results {
		if r.Target == target && r.Lane == "scripts" {
			if r.Runs+r.Superseded != events || r.State != Master || r.Running {
				t.Errorf("got %+v, want %d events accounted for", r, events)
			}
			return
		}
	}
	t.Errorf("no result for %s in %+v", target, results)
}

func TestHooksRunInOrderAndStopWhenObsolete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		step := func(name string) Hook {
			return Hook{Target: Func(name, func(_ context.Context, e Event) error {
				order = append(order, name+":"+string(e.State))
				time.Sleep(time.Second)
				return nil
			})}
		}
		d := New(nil)
		set(t, d, Lane{Name: "scripts", Hooks: []Hook{step("conntrack"), step("ipsec"), step("notify")}})
		d.Post(instance("VI", Master))
		time.Sleep(1500 * time.Millisecond) // ipsec runs for MASTER
		d.Post(instance("VI", Fault))
		closeAll(t, d)
		want := []string{"conntrack:MASTER", "ipsec:MASTER", "conntrack:FAULT", "ipsec:FAULT", "notify:FAULT"}
		if !slices.Equal(order, want) {
			t.Errorf("got %v, want %v", order, want)
		}
	})
}

func TestStateWithoutHookStillMakesOlderOnesObsolete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := newRecorder("notify_master", time.Second)
		d := New(nil)
		set(t, d, Lane{Name: "scripts", Hooks: []Hook{{On: []State{Master, Fault}, Target: slow}}})
		for _, s := range []State{Fault, Backup, Master, Backup} {
			d.Post(instance("VI", s))
			synctest.Wait()
		}
		closeAll(t, d)
		slow.expect(t, "VI:FAULT")
	})
}

func TestRemarksNeitherReplaceStatesNorAreReplacedByThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := newRecorder("all", time.Second)
		d := New(nil)
		set(t, d, Lane{Name: "scripts", Hooks: []Hook{{On: Everything(), Target: slow}}})
		for _, s := range []State{Backup, Master, RxLowerPri, RxLowerPri, Init, Backup} {
			d.Post(instance("VI", s))
			synctest.Wait()
		}
		closeAll(t, d)
		slow.expect(t, "VI:BACKUP", "VI:BACKUP", "VI:MASTER_RX_LOWER_PRI")
	})
}

func TestSubjectsOfOneLaneDoNotReplaceEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := newRecorder("shared", time.Second)
		d := New(nil)
		set(t, d, Lane{Name: "shared", Hooks: []Hook{{Target: slow}}})
		for _, e := range []Event{
			instance("A", Backup), instance("A", Master), instance("B", Fault), instance("A", Fault),
			{Kind: Group, Name: "A", State: Fault},
			instance("B", Backup), instance("A", Backup),
		} {
			d.Post(e)
			synctest.Wait()
		}
		closeAll(t, d)
		slow.expect(t, "A:BACKUP", "A:BACKUP", "B:BACKUP", "A:FAULT")
	})
}

func TestSubjectSelects(t *testing.T) {
	r := map[string]*recorder{}
	d := New(nil)
	var lanes []Lane
	for name, s := range map[string]Subject{
		"any": {}, "instances": {Kind: Instance}, "A": {Kind: Instance, Name: "A"}, "group A": {Group, "A"},
	} {
		r[name] = newRecorder(name, 0)
		lanes = append(lanes, Lane{Name: name, Subject: s, Depth: 9, Hooks: []Hook{{Target: r[name]}}})
	}
	set(t, d, lanes...)
	for _, e := range []Event{instance("A", Master), instance("B", Master), {Kind: Group, Name: "A", State: Backup}} {
		d.Post(e)
	}
	closeAll(t, d)
	r["any"].expect(t, "A:MASTER", "B:MASTER", "A:BACKUP")
	r["instances"].expect(t, "A:MASTER", "B:MASTER")
	r["A"].expect(t, "A:MASTER")
	r["group A"].expect(t, "A:BACKUP")
}

func TestFullQueueLosesTheOldestAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := newRecorder("fifo", time.Second)
		d := New(nil)
		set(t, d, Lane{Name: "fifo", Depth: 3, Hooks: []Hook{{Target: slow}}})
		for i := range 10 {
			d.Post(instance(fmt.Sprint(i), Master))
			synctest.Wait()
		}
		closeAll(t, d)
		slow.expect(t, "0:MASTER", "7:MASTER", "8:MASTER", "9:MASTER")
		var lost uint64
		for _, r := range d.Results() {
			lost += r.Lost
		}
		if lost != 6 {
			t.Errorf("%d lost, want 6", lost)
		}
	})
}

func TestReloadKeepsWhatRunsAndWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := new(atomic.Int32)
		before := &recorder{name: "notify", takes: 10 * time.Second, busy: busy}
		after := &recorder{name: "notify", takes: time.Second, busy: busy}
		gone := newRecorder("gone", 10*time.Second)
		lane := func(r *recorder) Lane {
			return Lane{Name: "VI", Subject: Subject{Name: "VI"}, Hooks: []Hook{{Target: r}}}
		}
		leaving := Lane{Name: "X", Subject: Subject{Name: "X"}, Hooks: []Hook{{Target: gone}}}
		d := New(nil)
		set(t, d, lane(before), leaving)
		for _, e := range []Event{instance("VI", Master), instance("X", Master), instance("X", Removed)} {
			d.Post(e)
			synctest.Wait()
		}
		set(t, d, lane(after))
		d.Post(instance("VI", Backup))
		d.Post(instance("X", Backup)) // nobody listens any more
		synctest.Wait()
		set(t, d, lane(after), leaving) // back again while it still works: no second worker
		d.Post(instance("X", Fault))
		closeAll(t, d)
		before.expect(t, "VI:MASTER")
		after.expect(t, "VI:BACKUP")
		gone.expect(t, "X:MASTER", "X:FAULT")
		for _, r := range d.Results() {
			if r.Subject.Name == "VI" && (r.Runs != 2 || r.State != Backup) {
				t.Errorf("result did not survive the reload: %+v", r)
			}
		}
	})
}

func TestRemovedLaneIsForgottenWhenDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(nil)
		r := newRecorder("x", time.Second)
		set(t, d, Lane{Name: "X", Hooks: []Hook{{Target: r}}})
		d.Post(instance("X", Deleted))
		synctest.Wait()
		set(t, d)
		if len(d.Results()) != 1 {
			t.Error("the running call is not shown")
		}
		time.Sleep(2 * time.Second)
		if got := d.Results(); len(got) != 0 {
			t.Errorf("still shown: %+v", got)
		}
		r.expect(t, "X:DELETED")
		closeAll(t, d)
	})
}

func TestSetRefusesNonsense(t *testing.T) {
	d := New(nil)
	if err := d.Set([]Lane{{Name: "a"}, {Name: "a"}}); err == nil {
		t.Error("two lanes with one name accepted")
	}
	if err := d.Set([]Lane{{Name: "a", Hooks: []Hook{{}}}}); err == nil {
		t.Error("hook without target accepted")
	}
}

func TestCloseLetsStopArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := newRecorder("notify", time.Hour)
		d := New(nil)
		stop := newRecorder("notify_stop", time.Second)
		set(t, d, Lane{Name: "scripts", Hooks: []Hook{{On: []State{Master}, Target: hung}, {On: []State{Stop}, Target: stop}}})
		d.Post(instance("VI", Master))
		synctest.Wait()
		d.Post(instance("VI", Stop))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := d.Close(ctx); err != nil {
			t.Error(err)
		}
		hung.expect(t, "VI:MASTER:CUT")
		stop.expect(t, "VI:STOP")
		d.Post(instance("VI", Master))
		synctest.Wait()
		hung.expect(t, "VI:MASTER:CUT")
	})
}

func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d := New(nil)
		set(t, d,
			Lane{Name: "deaf", Hooks: []Hook{{Target: Func("deaf", func(context.Context, Event) error { <-release; return nil })}}},
			Lane{Name: "polite", Hooks: []Hook{{Target: newRecorder("polite", time.Hour)}}})
		d.Post(instance("VI", Stop))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := d.Close(ctx)
		if !errors.Is(err, ErrCutShort) || !strings.HasSuffix(err.Error(), "still running: deaf (0 waiting)") || !strings.Contains(err.Error(), "polite (0") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != time.Second+abandon {
			t.Errorf("took %v", took)
		}
		close(release)
	})
}
