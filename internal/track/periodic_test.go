// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/notify/script"
)

// bench runs Trackers inside a synctest bubble and keeps what they tell.
type bench struct {
	*Trackers
	start time.Time

	mu   sync.Mutex
	told []string
}

// newBench starts Trackers whose edges the test has replaced.
func newBench(t *testing.T, e edges, specs ...Spec) *bench {
	t.Helper()
	b := &bench{Trackers: New(slog.New(slog.DiscardHandler)), start: time.Now()}
	b.edge = e
	if err := b.Set(specs); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx, b.record) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) record(c engine.TrackChanged) {
	b.mu.Lock()
	defer b.mu.Unlock()
	word := "bad"
	if c.Level.Good {
		word = "good"
	}
	if c.Track.Kind == engine.TrackFile && c.Level.Good {
		word = fmt.Sprint(c.Level.Value)
	}
	line := fmt.Sprintf("%v %s %s", time.Since(b.start), c.Track.Name, word)
	if c.Level.Detail != "" {
		line += ": " + c.Level.Detail
	}
	b.told = append(b.told, line)
}

// expect compares what was told since the last call.
func (b *bench) expect(t *testing.T, want ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if got := strings.Join(b.told, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("told\n\t%s\nwant\n\t%s", strings.Join(b.told, "\n\t"), strings.Join(want, "\n\t"))
	}
	b.told = nil
}

// exits returns a program whose runs end with these exit codes; the last repeats.
func exits(codes ...int) edges {
	var mu sync.Mutex
	return edges{run: func(context.Context, script.Command) script.Result {
		mu.Lock()
		defer mu.Unlock()
		code := codes[0]
		if len(codes) > 1 {
			codes = codes[1:]
		}
		return exited(code)
	}}
}

func exited(code int) script.Result {
	if code == 0 {
		return script.Result{}
	}
	return script.Result{Exit: code, Err: fmt.Errorf("%w: exit status %d", script.ErrExit, code)}
}

func scriptSpec(name string) Script {
	return Script{Name: name, Command: script.Command{Argv: []string{"/check"}}, Interval: time.Second}
}

// at sleeps until the moment after the start, and a little more.
func (b *bench) at(d time.Duration) {
	time.Sleep(time.Until(b.start.Add(d + time.Microsecond)))
	synctest.Wait()
}

func TestFirstResultCountsAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		codes []int
		want  []string
	}{
		"success, then fall":  {[]int{0, 1, 1, 1, 0}, []string{"0s x good", "3s x bad: exit 1", "5s x good"}},
		"failure, then rise":  {[]int{2, 0, 0}, []string{"0s x bad: exit 2", "2s x good"}},
		"broken rows":         {[]int{0, 1, 1, 0, 1, 1, 0}, []string{"0s x good"}},
		"reason changes":      {[]int{1, 2, 2}, []string{"0s x bad: exit 1", "1s x bad: exit 2"}},
		"rising keeps reason": {[]int{3, 0, 3, 0, 3}, []string{"0s x bad: exit 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := scriptSpec("x")
				s.Rise, s.Fall = 2, 3
				b := newBench(t, exits(tc.codes...), s)
				b.at(6 * time.Second)
				b.expect(t, tc.want...)
			})
		})
	}
}

func TestInitFailStandsUntilRiseSuccesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scriptSpec("x")
		s.Rise, s.Initial = 3, Failed
		b := newBench(t, exits(0), s)
		b.at(0)
		b.expect(t, "0s x bad: no success yet")
		if st := b.Status()[0]; st.Pending != 1 || !st.Last.Good || st.Level.Good {
			t.Errorf("status %+v", st)
		}
		b.at(3 * time.Second)
		b.expect(t, "2s x good")
	})
}

func TestTimeoutIsAFailureAtThatMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int32
		e := edges{run: func(ctx context.Context, _ script.Command) script.Result {
			if running.Add(1) > 1 {
				t.Error("two copies at once")
			}
			defer running.Add(-1)
			<-ctx.Done()
			time.Sleep(2 * time.Second) // it ignores SIGTERM
			return script.Result{Exit: -1, Err: script.ErrCanceled, Output: "last words"}
		}}
		s := scriptSpec("x")
		s.Interval, s.Timeout = 500*time.Millisecond, 1500*time.Millisecond
		b := newBench(t, e, s)
		b.at(1499 * time.Millisecond)
		b.expect(t)
		b.at(1500 * time.Millisecond)
		b.expect(t, "1.5s x bad: timed out after 1.5s")
		b.at(3600 * time.Millisecond)
		if last := b.Status()[0].Last; last.Duration != 3500*time.Millisecond || last.Output != "last words" || last.Exit != -1 {
			t.Errorf("last result %+v", last)
		}
		b.at(time.Minute)
		b.expect(t)
	})
}

func TestScheduleIsAbsolute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var starts []time.Duration
		began := time.Now()
		took := []time.Duration{300 * time.Millisecond, 900 * time.Millisecond, 2100 * time.Millisecond, 0}
		e := edges{run: func(context.Context, script.Command) script.Result {
			starts = append(starts, time.Since(began))
			time.Sleep(took[min(len(starts), len(took))-1])
			return exited(0)
		}}
		s := scriptSpec("x")
		s.Timeout = time.Minute
		b := newBench(t, e, s)
		b.at(6 * time.Second)
		want := "[0s 1s 2s 5s 6s]" // 3 s and 4 s passed while the third ran
		if got := fmt.Sprint(starts); got != want {
			t.Errorf("started at %s, want %s", got, want)
		}
	})
}

func TestMillisecondInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		s := scriptSpec("x")
		s.Interval = 7 * time.Millisecond
		b := newBench(t, edges{run: func(context.Context, script.Command) script.Result {
			n++
			return exited(0)
		}}, s)
		b.at(70 * time.Millisecond)
		if n != 11 {
			t.Errorf("%d runs in 70 ms", n)
		}
	})
}

func TestDetailsOfScripts(t *testing.T) {
	for want, r := range map[string]script.Result{
		"":                       {},
		"exit 127":               {Exit: 127, Err: fmt.Errorf("%w: exit status 127", script.ErrExit)},
		"failed: signal: killed": {Exit: -1, Err: fmt.Errorf("%w: signal: killed", script.ErrExit)},
	} {
		if got := scriptResult(r); got.Detail != want || got.Good != (want == "") {
			t.Errorf("%v: got %+v", r.Err, got)
		}
	}
}
