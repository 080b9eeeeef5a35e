// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/govrrp/vrrpd/engine"
)

func (r *real) value(want int) {
	r.t.Helper()
	r.until("a value", func(l engine.Level) bool { return l.Good && l.Value == want })
}

func TestFileChangesAreSeen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	path := filepath.Join(dir, "value")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	r := newReal(t, systemEdges(), File{Name: "f", Path: path})
	r.bad("no such file")
	must(os.Mkdir(dir, 0o755)) // the directory comes later
	write(t, path, "1")
	r.value(1)
	write(t, path, "2") // in place
	r.value(2)
	write(t, path+".new", "3")
	must(os.Rename(path+".new", path)) // by a rename
	r.value(3)
	must(os.Remove(path))
	r.bad("no such file")
	write(t, path, "4")
	r.value(4)
	must(os.Rename(dir, dir+".old")) // the whole directory is replaced
	r.bad("no such file")
	must(os.Mkdir(dir, 0o755))
	write(t, path, "5")
	r.value(5)
	write(t, path+".target", "6")
	must(os.Remove(path))
	must(os.Symlink(path+".target", path))
	r.value(6)
	write(t, path+".target", "7") // behind a link, only polling sees it
	r.value(7)
	must(os.Remove(path))
	must(syscall.Mkfifo(path, 0o644)) // must not be waited for
	r.bad("not a regular file")
}

// TestInotifyTellsWithoutPolling looks at the watch alone.
func TestInotifyTellsWithoutPolling(t *testing.T) {
	path := filepath.Join(t.TempDir(), "value")
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	nudges := make(chan struct{}, 1000)
	done := make(chan error, 1)
	go func() { done <- watchFile(ctx, path, func() { nudges <- struct{}{} }) }()
	<-nudges // the watch is there
	write(t, path, "1")
	<-nudges
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != errDirectoryGone {
		t.Errorf("ended with %v", err)
	}
}

func FuzzInotifyEvents(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00value\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		touched, gone := inotifyEvents(b, "value")
		if len(b) < inotifyHeader && (touched || gone) {
			t.Errorf("%d bytes are no event", len(b))
		}
	})
}
