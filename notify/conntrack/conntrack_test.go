// SPDX-License-Identifier: Apache-2.0

package conntrack

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/notify/script"
)

// A daemon stands for conntrackd: it notes requests and answers from a table.
type daemon struct {
	ran     []string
	answers map[string]script.Result
	hangs   string
}

func (d *daemon) run(ctx context.Context, argv ...string) script.Result {
	line := strings.Join(argv, " ")
	d.ran = append(d.ran, line)
	if line == d.hangs {
		<-ctx.Done()
		return script.Result{Exit: -1, Err: script.ErrCanceled}
	}
	return d.answers[line]
}

func event(s notify.State) notify.Event {
	return notify.Event{Kind: notify.Group, Name: "G", State: s}
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestStepsOfEachState(t *testing.T) {
	const c = "conntrackd -C /etc/conntrackd/conntrackd.conf "
	for state, want := range map[notify.State][]string{
		notify.Master:     {c + "-c", c + "-c exp", c + "-f", c + "-R", c + "-B"},
		notify.Backup:     {c + "-s", c + "-t", c + "-n"},
		notify.Fault:      {c + "-t"},
		notify.Stop:       {c + "-t"},
		notify.Removed:    {c + "-t"},
		notify.RxLowerPri: nil,
	} {
		d := &daemon{}
		o := New(Config{Expectations: true, Run: d.run}).Notify(t.Context(), event(state))
		if o.Err != nil || strings.Count(o.Output, ": ok, ") != len(want) {
			t.Errorf("%s: %v, %q", state, o.Err, o.Output)
		}
		expect(t, d.ran, want...)
	}
	d := &daemon{}
	early := New(Config{Early: true, Expectations: true, Run: d.run})
	if o := early.Commit(t.Context()); o.Err != nil {
		t.Error(o.Err)
	}
	expect(t, d.ran, c+"-c", c+"-c exp")
	d.ran = nil
	early.Notify(t.Context(), event(notify.Master))
	expect(t, d.ran, c+"-f", c+"-R", c+"-B")

	d = &daemon{}
	if err := New(Config{Program: "/x/ctd", File: "/f", Run: d.run}).Bulk(t.Context()); err != nil {
		t.Error(err)
	}
	expect(t, d.ran, "/x/ctd -C /f -B")
}

func TestFailureStopsNothing(t *testing.T) {
	failed := script.Result{Exit: 1, Err: script.ErrExit, Output: "ERROR: can't connect\nis it running?"}
	d := &daemon{answers: map[string]script.Result{"ctd -C f -c": failed, "ctd -C f -R": failed}}
	o := New(Config{Program: "ctd", File: "f", Run: d.run}).Notify(t.Context(), event(notify.Master))
	expect(t, d.ran, "ctd -C f -c", "ctd -C f -f", "ctd -C f -R", "ctd -C f -B")
	if o.Err == nil || o.Err.Error() != "ctd -C f -c: failed: is it running?\nctd -C f -R: failed: is it running?" {
		t.Errorf("got %v", o.Err)
	}
}

func TestHungStepIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &daemon{hangs: "ctd -C f -c"}
		began := time.Now()
		o := New(Config{Program: "ctd", File: "f", Run: d.run}).Notify(t.Context(), event(notify.Master))
		if took := time.Since(began); took != DefaultStepTimeout {
			t.Errorf("took %v", took)
		}
		if o.Err == nil || o.Err.Error() != "ctd -C f -c: no answer in 5s" || len(d.ran) != 4 {
			t.Errorf("%v after %v", o.Err, d.ran)
		}
	})
}

func TestNewerStateEndsTheSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &daemon{hangs: "ctd -C f -c"}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(notify.ErrSuperseded) })
		o := New(Config{Program: "ctd", File: "f", Run: d.run}).Notify(ctx, event(notify.Master))
		if !errors.Is(o.Err, notify.ErrSuperseded) || len(d.ran) != 1 {
			t.Errorf("%v after %v", o.Err, d.ran)
		}
	})
}

func TestDeadDaemonIsStarted(t *testing.T) {
	lock := filepath.Join(t.TempDir(), "lock")
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dead := map[string]script.Result{"ctd -C f -s": {Exit: 1, Err: script.ErrExit}}
	d := &daemon{answers: dead}
	o := New(Config{Program: "ctd", File: "f", LockFile: lock, Run: d.run}).Notify(t.Context(), event(notify.Backup))
	expect(t, d.ran, "ctd -C f -s", "ctd -C f -d", "ctd -C f -t", "ctd -C f -n")
	if o.Err != nil || !strings.Contains(o.Output, "did not run and was started") {
		t.Errorf("%v, %q", o.Err, o.Output)
	}
	if _, err := os.Stat(lock); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock is still there: %v", err)
	}

	d = &daemon{answers: dead}
	New(Config{Program: "ctd", File: "f", LockFile: lock, Start: []string{"systemctl", "restart", "conntrackd"}, Run: d.run}).
		Notify(t.Context(), event(notify.Backup))
	expect(t, d.ran, "ctd -C f -s", "systemctl restart conntrackd", "ctd -C f -t", "ctd -C f -n")
}

func TestSilentDaemonIsNotDoubled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &daemon{hangs: "ctd -C f -s"}
		o := New(Config{Program: "ctd", File: "f", Run: d.run}).Notify(t.Context(), event(notify.Backup))
		expect(t, d.ran, "ctd -C f -s", "ctd -C f -t", "ctd -C f -n")
		if o.Err == nil || !strings.Contains(o.Err.Error(), "no answer in 5s") {
			t.Errorf("got %v", o.Err)
		}
	})
}
