// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/require"
	"github.com/govrrp/vrrpd/notify/script"
)

func TestFIFOGetsEveryLineInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	f, err := OpenFIFO(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Lstat(path)
	if err != nil || st.Mode() != os.ModeNamedPipe|0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	d := New(nil)
	set(t, d, Lane{Name: "fifo", Depth: FIFODepth, Hooks: []Hook{{On: Everything(), Target: f}}})
	var want []string
	for i := range 50 {
		s := []State{Backup, Master}[i%2]
		d.Post(Event{Kind: Instance, Name: "VI 1", State: s, Priority: 100 + i})
		want = append(want, strings.TrimSpace(instanceLine("VI 1", s, 100+i)))
	}
	d.Post(Event{Kind: Instance, Name: "a\n\"b", State: RxLowerPri, Priority: 7})
	d.Post(Event{Kind: Instance, Name: "gone", State: Removed, Priority: 8})
	d.Post(Event{Kind: Group, Name: "G", State: Stop, Priority: 9})
	want = append(want, `INSTANCE "a "b" MASTER_RX_LOWER_PRI 7`, `INSTANCE "gone" FAULT 8`, `GROUP "G" STOP 0`)

	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	lines := bufio.NewScanner(reader)
	var got []string
	for range want {
		lines.Scan()
		got = append(got, lines.Text())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	closeAll(t, d)
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the FIFO is still there: %v", err)
	}
	if o := f.Notify(t.Context(), Event{}); !errors.Is(o.Err, os.ErrClosed) {
		t.Errorf("after Close: %v", o.Err)
	}
}

func instanceLine(name string, s State, priority int) string {
	return Event{Kind: Instance, Name: name, State: s, Priority: priority}.line()
}

func TestFIFOWithoutReaderLosesAndCounts(t *testing.T) {
	f, err := OpenFIFO(filepath.Join(t.TempDir(), "fifo"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lost := 0
	for range 10000 {
		if o := f.Notify(t.Context(), instance("VI_1", Master)); errors.Is(o.Err, ErrPipeFull) {
			lost++
		} else if o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	if kept := 10000 - lost; kept < 500 || lost == 0 {
		t.Errorf("%d lines kept", kept)
	}
}

func TestExistingFIFOIsUsedAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	first, err := OpenFIFO(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := OpenFIFO(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("removed a FIFO that was there before: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
}

func TestFIFORefusesAnythingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, path+"-link"); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, path + "-link", filepath.Join(path, "x"), t.TempDir()} {
		if f, err := OpenFIFO(p, nil); err == nil {
			f.Close()
			t.Errorf("%s accepted", p)
		}
	}
	if read(t, path) != "keep" {
		t.Error("the file was written to")
	}
}

func TestFIFOOwner(t *testing.T) {
	require.Need(t, require.Root)
	u, err := script.LookupUser("nobody", "")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "fifo")
	f, err := OpenFIFO(path, &u)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := script.Command{Argv: []string{"stat", "-c", "%U %a", path}}.Run(t.Context())
	if r.Output != "nobody 600" {
		t.Errorf("got %q, %v", r.Output, r.Err)
	}
}

func TestFIFOScriptReadsFromItsLastArgument(t *testing.T) {
	dir := t.TempDir()
	path, log := filepath.Join(dir, "fifo"), filepath.Join(dir, "log")
	f, err := OpenFIFO(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if o := f.Notify(t.Context(), instance("VI_1", Master)); o.Err != nil {
		t.Fatal(o.Err)
	}
	c := command(t, `read -r line <"$2"; echo "$1 $line" >`+log+`.new; mv `+log+`.new `+log+`; exec sleep 60`, "arg")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Serve(ctx, *c, slog.New(slog.DiscardHandler))
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		if _, err := os.Stat(log); err == nil {
			break
		}
		<-tick.C
	}
	cancel()
	<-done
	if got, want := read(t, log), `arg INSTANCE "VI_1" MASTER 0`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFIFOScriptIsRestartedWithBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		began := time.Now()
		var starts []time.Duration
		keepRunning(ctx, slog.New(slog.DiscardHandler), func() script.Result {
			starts = append(starts, time.Since(began))
			switch len(starts) {
			case 9: // this one lives
				time.Sleep(2 * time.Minute)
				return script.Result{Duration: 2 * time.Minute}
			case 11:
				cancel()
			}
			return script.Result{Err: script.ErrExit}
		})
		want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 123, 183, 304, 306}
		for i := range want {
			want[i] *= time.Second
		}
		if !slices.Equal(starts, want) {
			t.Errorf("got %v\nwant %v", starts, want)
		}
	})
}
