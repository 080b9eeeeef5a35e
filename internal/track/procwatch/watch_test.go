// SPDX-License-Identifier: Apache-2.0

package procwatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// world is a pretended /proc and a pretended kernel.
type world struct {
	t     *testing.T
	proc  procfs
	start time.Time
	send  chan []change
	fail  chan error

	mu   sync.Mutex
	told []string
}

func newWorld(t *testing.T) *world {
	return &world{
		t: t, proc: procfs(t.TempDir()), start: time.Now(),
		send: make(chan []change), fail: make(chan error),
	}
}

func (w *world) process(pid int, comm string, state byte) {
	w.t.Helper()
	dir := filepath.Join(string(w.proc), fmt.Sprint(pid))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.t.Fatal(err)
	}
	stat := fmt.Sprintf("%d (%s) %c 1 %[1]d 0", pid, comm, state)
	if err := os.WriteFile(filepath.Join(dir, "stat"), []byte(stat), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) gone(pid int) {
	w.t.Helper()
	if err := os.RemoveAll(filepath.Join(string(w.proc), fmt.Sprint(pid))); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) events(ctx context.Context, ready func(), yield func([]change)) error {
	ready()
	for {
		select {
		case batch := <-w.send:
			yield(batch)
		case err := <-w.fail:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *world) run(events source) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() {
		done <- watch(ctx, Match{Command: "daemon"}, w.proc, events, func(c Census) {
			w.mu.Lock()
			defer w.mu.Unlock()
			source, _, _ := strings.Cut(c.Source, " ")
			w.told = append(w.told, fmt.Sprintf("%v %v %s", time.Since(w.start), c.PIDs, source))
		})
	}()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
}

func (w *world) expect(want ...string) {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := strings.Join(w.told, "; "); got != strings.Join(want, "; ") {
		w.t.Errorf("told %q, want %q", got, want)
	}
	w.told = nil
}

func TestEventsAreFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.process(1, "init", 'S')
		w.process(10, "daemon", 'S')
		w.process(11, "daemon", 'Z')
		w.run(w.events)
		w.expect("0s [10] kernel")

		w.process(20, "daemon", 'S') // before its exec a child has its parent's name
		w.send <- []change{{kind: forked, pid: 20, parent: 10}}
		w.expect("0s [10 20] kernel")
		w.process(20, "helper", 'S')
		w.send <- []change{{kind: renamed, pid: 20}}
		w.expect("0s [10] kernel")

		w.process(30, "sh", 'S')
		w.send <- []change{{kind: forked, pid: 30, parent: 1}}
		w.process(30, "daemon", 'S')
		w.send <- []change{{kind: renamed, pid: 30}, {kind: exited, pid: 20}}
		w.expect("0s [10 30] kernel")
		w.send <- []change{{kind: exited, pid: 10}, {kind: exited, pid: 30}}
		w.expect("0s [] kernel")
	})
}

func TestMissedEventsHeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.process(10, "daemon", 'S')
		w.run(w.events)
		w.expect("0s [10] kernel")
		w.gone(10)
		time.Sleep(healEvery)
		w.expect("10s [] kernel")
		w.process(11, "daemon", 'S')
		w.fail <- errLost
		w.expect("10s [11] kernel")
	})
}

func TestPollingWithoutEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(func(context.Context, func(), func([]change)) error { return errors.New("refused") })
		w.expect("0s [] polling")
		w.process(10, "daemon", 'S')
		time.Sleep(1500 * time.Millisecond)
		w.expect("1s [10] polling")
		w.gone(10)
		time.Sleep(time.Second)
		w.expect("2s [] polling")
	})
}

func TestEventsThatEndAreReplacedByPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.process(10, "daemon", 'S')
		w.run(w.events)
		w.expect("0s [10] kernel")
		w.fail <- errors.New("closed")
		w.expect("0s [10] polling")
	})
}

func TestWithoutProc(t *testing.T) {
	err := watch(t.Context(), Match{Command: "x"}, "/no/such/proc", func(ctx context.Context, ready func(), _ func([]change)) error {
		ready()
		<-ctx.Done()
		return ctx.Err()
	}, func(Census) {})
	if !errors.Is(err, os.ErrNotExist) || !errors.Is(err, errList) {
		t.Errorf("got %v", err)
	}
}
