// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/track/probe"
	"github.com/govrrp/vrrpd/internal/track/procwatch"
	"github.com/govrrp/vrrpd/notify/script"
)

// runs counts the programs that started and were ended, by name, and lets each end
// only after linger.
type runs struct {
	linger time.Duration

	mu             sync.Mutex
	started, ended []string
}

func (r *runs) run(ctx context.Context, c script.Command) script.Result {
	r.note(&r.started, c.Argv[0])
	<-ctx.Done()
	time.Sleep(r.linger)
	r.note(&r.ended, c.Argv[0])
	return script.Result{Exit: -1, Err: script.ErrCanceled}
}

func (r *runs) note(list *[]string, program string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*list = append(*list, program)
}

// words returns a list so far, from one element on.
func (r *runs) words(list *[]string, from int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join((*list)[from:], " ")
}

func hanging(name, program string) Script {
	return Script{Name: name, Command: script.Command{Argv: []string{program}}, Interval: time.Second, Timeout: time.Hour}
}

func TestReloadTouchesOnlyWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runs{linger: 2 * time.Second}
		b := newBench(t, edges{run: r.run}, hanging("kept", "/kept"), hanging("changed", "/old"), hanging("removed", "/removed"))
		b.at(0)
		if got := r.words(&r.started, 0); len(strings.Fields(got)) != 3 {
			t.Fatalf("started %s", got)
		}
		if err := b.Set([]Spec{hanging("kept", "/kept"), hanging("changed", "/new"), hanging("added", "/added")}); err != nil {
			t.Fatal(err)
		}
		b.at(time.Second)
		if got := r.words(&r.started, 3); got != "/added" {
			t.Errorf("started %q while the old program was still there", got)
		}
		b.at(3 * time.Second)
		if got := r.words(&r.started, 4); got != "/new" {
			t.Errorf("then started %q", got)
		}
		if got := r.words(&r.ended, 0); len(strings.Fields(got)) != 2 || strings.Contains(got, "/kept") {
			t.Errorf("ended %s", got)
		}
		if st := b.Status(); len(st) != 3 || st[0].Track.Name != "added" || st[1].Track.Name != "changed" || st[2].Track.Name != "kept" {
			t.Errorf("status %+v", st)
		}
	})
}

func TestQuickReloadsNeverOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runs{linger: 2 * time.Second}
		b := newBench(t, edges{run: r.run}, hanging("x", "/1"))
		b.at(0)
		for _, program := range []string{"/2", "/3", "/4"} {
			if err := b.Set([]Spec{hanging("x", program)}); err != nil {
				t.Fatal(err)
			}
		}
		b.at(time.Second)
		if got := r.words(&r.started, 0); got != "/1" {
			t.Errorf("started %s", got)
		}
		b.at(3 * time.Second)
		if got := r.words(&r.started, 0); got != "/1 /4" {
			t.Errorf("started %s", got)
		}
	})
}

func TestChangedTrackerKeepsItsLevelUntilItsFirstResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := edges{run: func(_ context.Context, c script.Command) script.Result {
			if c.Argv[0] == "/slow" {
				time.Sleep(5 * time.Second)
				return exited(1)
			}
			return exited(0)
		}}
		b := newBench(t, e, scriptSpec("x"))
		b.at(0)
		b.expect(t, "0s x good")
		slow := scriptSpec("x")
		slow.Command.Argv = []string{"/slow"}
		slow.Interval, slow.Fall, slow.Initial = time.Minute, 3, Failed
		if err := b.Set([]Spec{slow}); err != nil {
			t.Fatal(err)
		}
		b.at(4 * time.Second)
		b.expect(t)
		if st := b.Status()[0]; !st.Level.Good || !st.Since.Equal(b.start) {
			t.Errorf("status %+v", st)
		}
		b.at(6 * time.Second)
		b.expect(t, "5.000001s x bad: exit 1") // the first result counts at once
	})
}

func TestUnchangedReloadIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exits(0), scriptSpec("x"))
		b.at(2500 * time.Millisecond)
		b.expect(t, "0s x good")
		for range 3 {
			if err := b.Set([]Spec{scriptSpec("x")}); err != nil {
				t.Fatal(err)
			}
		}
		b.at(5 * time.Second)
		b.expect(t)
	})
}

func TestBlockedReceiverDoesNotBlockReloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := New(slog.New(slog.DiscardHandler))
		ts.edge = exits(0)
		if err := ts.Set([]Spec{scriptSpec("a"), scriptSpec("b")}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = ts.Run(ctx, func(engine.TrackChanged) { <-ctx.Done() })
		}()
		time.Sleep(time.Second)
		synctest.Wait()
		if err := ts.Set([]Spec{scriptSpec("b")}); err != nil {
			t.Error(err)
		}
		if st := ts.Status(); len(st) != 1 {
			t.Errorf("status %+v", st)
		}
		cancel()
		<-done
	})
}

func TestWrongSpecificationsAreAllNamedAndChangeNothing(t *testing.T) {
	ts := New(slog.New(slog.DiscardHandler))
	if err := ts.Set([]Spec{scriptSpec("good")}); err != nil {
		t.Fatal(err)
	}
	err := ts.Set([]Spec{
		Script{Name: "empty"},
		Script{Name: "both", Command: script.Command{Argv: []string{"/x"}}, TestFile: "/y"},
		Script{Name: "fast", TestFile: "/y", Interval: time.Microsecond},
		File{Name: "relative", Path: "x"},
		Process{Name: "nothing"},
		Process{Name: "limits", Match: procwatch.Match{Command: "x"}, Quorum: 3, QuorumMax: 2},
		Process{Name: "contrary", Match: procwatch.Match{Command: "x"}, Quorum: 3, Presence: MustNotRun},
		Check{Name: "idle"},
		Check{Name: "port", Probe: probe.TCP{Target: "192.0.2.1"}},
		scriptSpec("twice"), scriptSpec("twice"),
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"script empty: needs either", "script both: needs either", "script fast: interval 1µs",
		`file relative: file "x": needs an absolute path`, "process nothing: needs a process",
		"process limits: quorum_max 2 is below quorum 3", "process contrary: must not run",
		"check idle: needs something", `check port: target "192.0.2.1": needs host:port`, "script twice: named twice",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
	if st := ts.Status(); len(st) != 1 || st[0].Track.Name != "good" || st[0].Level.Known {
		t.Errorf("status %+v", st)
	}
}

func TestRunTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exits(0), scriptSpec("x"))
		b.at(0)
		if err := b.Run(t.Context(), b.record); err == nil {
			t.Error("a second Run was accepted")
		}
	})
}

func TestRunAgainStartsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := New(slog.New(slog.DiscardHandler))
		ts.edge = exits(0)
		if err := ts.Set([]Spec{scriptSpec("x")}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			n := 0
			if err := ts.Run(ctx, func(engine.TrackChanged) { n++ }); err != nil {
				t.Error(err)
			}
			cancel()
			if n != 1 {
				t.Errorf("told %d levels", n)
			}
		}
	})
}

// A program that cannot be ended does not hold up the end of the daemon for ever.
func TestRunEndsWithoutTheStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runs{linger: time.Hour}
		ts := New(slog.New(slog.DiscardHandler))
		ts.edge = edges{run: r.run}
		if err := ts.Set([]Spec{hanging("b", "/b"), hanging("a", "/a")}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		err := ts.Run(ctx, func(engine.TrackChanged) {})
		if err == nil || !strings.HasSuffix(err.Error(), "still running: script a, script b") {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took != time.Second+endTime {
			t.Errorf("after %v", took)
		}
		time.Sleep(2 * time.Hour) // they end at last
	})
}
