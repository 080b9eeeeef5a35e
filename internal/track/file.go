// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/govrrp/vrrpd/engine"
)

const (
	// filePoll is how often a file is read although nothing says that it has
	// changed: behind a symbolic link, on a network file system, in a directory
	// that did not exist, nothing ever does.
	filePoll = time.Second
	// fileSettle is how long a fault must last. Who writes a file in place
	// empties it first.
	fileSettle = 100 * time.Millisecond
	// fileLimit bounds what is read. The number stands at the start.
	fileLimit = 4096
)

// InitFile says whether a tracked file is written when its tracker starts.
type InitFile int

// The choices.
const (
	Leave     InitFile = iota // never
	IfMissing                 // init_file VALUE
	Overwrite                 // init_file VALUE overwrite
)

// File is a file that begins with an integer (track_file): decimal, 0x hexadecimal
// or 0 octal. Its level is Good with that Value, or not Good if there is none.
type File struct {
	Name      string
	Path      string
	Init      InitFile
	InitValue int
}

// Track implements [Spec].
func (f File) Track() engine.Track {
	return engine.Track{Kind: engine.TrackFile, Name: f.Name}
}

func (f File) validate() error {
	if !filepath.IsAbs(f.Path) {
		return fmt.Errorf("file %q: needs an absolute path", f.Path)
	}
	return nil
}

func (f File) watch(ctx context.Context, t *tracker) {
	if err := f.initialize(); err != nil {
		t.log.Error("cannot write the initial value", "path", f.Path, "error", err)
	}
	changed, stop := f.notifications(ctx, t)
	defer stop()
	again := time.NewTimer(0)
	defer again.Stop()
	var faultSince time.Time // when the fault was first seen; zero if there is none
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-again.C:
		}
		now := time.Now()
		value, err := readNumber(f.Path)
		r := Result{At: now, Duration: time.Since(now), Good: err == nil}
		wait := filePoll
		switch {
		case err == nil:
			faultSince = time.Time{}
			r.Detail = strconv.Itoa(value)
			t.observe(r, 0)
			t.tell(ctx, engine.Level{Known: true, Good: true, Value: value})
		case faultSince.IsZero():
			faultSince, wait = now, fileSettle
		case now.Sub(faultSince) < fileSettle:
			wait = fileSettle - now.Sub(faultSince)
		default:
			r.Detail = cause(err)
			t.observe(r, 0)
			t.tell(ctx, engine.Level{Known: true, Detail: r.Detail})
		}
		again.Reset(wait)
	}
}

// notifications starts what tells of changes, and returns its channel and what
// ends it. Polling goes on beside it.
func (f File) notifications(ctx context.Context, t *tracker) (changed chan struct{}, stop func()) {
	changed = make(chan struct{}, 1) // full: a look is already due
	nudge := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for ctx.Err() == nil {
			t.watchedBy("kernel events")
			err := t.owner.edge.watchFile(ctx, f.Path, nudge)
			if ctx.Err() != nil {
				return
			}
			t.watchedBy(fmt.Sprintf("polling every %v: %v", filePoll, cause(err)))
			if errors.Is(err, errors.ErrUnsupported) {
				return
			}
			select { // the directory may come, or come back
			case <-ctx.Done():
			case <-time.After(filePoll):
			}
		}
	}()
	return changed, func() { cancel(); <-gone }
}

func (f File) initialize() error {
	flags := os.O_WRONLY | os.O_CREATE
	switch f.Init {
	case IfMissing:
		flags |= os.O_EXCL
	case Overwrite:
		flags |= os.O_TRUNC | syscall.O_NONBLOCK // never wait for the reader of a FIFO
	default:
		return nil
	}
	out, err := os.OpenFile(f.Path, flags, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, f.InitValue)
	return errors.Join(err, out.Close())
}

// readNumber returns the integer a file begins with.
func readNumber(path string) (int, error) {
	// Not blocking, because opening a FIFO would wait for its writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !st.Mode().IsRegular() {
		return 0, errors.New("not a regular file")
	}
	b, err := io.ReadAll(io.LimitReader(f, fileLimit))
	if err != nil {
		return 0, err
	}
	return parseNumber(string(b))
}

func parseNumber(text string) (int, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return 0, errors.New("the file is empty")
	}
	word := words[0]
	n, err := strconv.ParseInt(word, 0, 64)
	if errors.Is(err, strconv.ErrRange) || err == nil && (n > math.MaxInt32 || n < math.MinInt32) {
		return 0, fmt.Errorf("%s is out of range", shorten(word))
	}
	if err != nil || strings.Contains(word, "_") {
		return 0, fmt.Errorf("%q is not an integer", shorten(word))
	}
	return int(n), nil
}

// shorten keeps what came from outside from filling a log line.
func shorten(word string) string {
	const most = 32
	if len(word) <= most {
		return word
	}
	return strings.ToValidUTF8(word[:most], "") + "…"
}
