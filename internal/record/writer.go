// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/engine"
)

// Writer records. Record may be called from one goroutine at a time, the one
// that owns the engine; it never blocks.
type Writer struct {
	lines chan entry
	ended chan struct{}
	once  sync.Once
	err   error // of the writing goroutine; read after ended

	// The recording goroutine's:
	start   time.Time
	secrets secrets
	config  config
	dropped int
	closed  bool

	// The writing goroutine's:
	out     *bufio.Writer
	file    *os.File
	path    string
	limit   int64
	written int64
	kept    preamble
}

// entry is a line on its way to the disk.
type entry struct {
	text []byte
	head *header // of the first line
	at   time.Duration
	in   engine.Input // of the others, masked
}

// queued is how many lines wait for a slow disk before some are dropped.
const queued = 4096

// NewWriter records to w, without a bound, an engine that was made from cfg.
func NewWriter(w io.Writer, cfg engine.Config) *Writer {
	r := &Writer{out: bufio.NewWriter(w)}
	r.begin(cfg)
	return r
}

// Create records to a file of at most limit bytes. When half of that is full
// the file is renamed to path + ".1", replacing the one before, and a new one
// begun: together they hold at least the last half of limit. A new file
// begins with the configuration and the state of links and tracked objects, so
// that it can be replayed alone; its routers then start anew, and show what
// they did from the first Master_Down_Interval on.
func Create(path string, cfg engine.Config, limit int64) (*Writer, error) {
	f, err := create(path)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	r := &Writer{out: bufio.NewWriter(f), file: f, path: path, limit: limit}
	r.begin(cfg)
	return r, nil
}

// create makes a file that only its owner can read.
func create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
}

func (w *Writer) begin(cfg engine.Config) {
	w.lines, w.ended = make(chan entry, queued), make(chan struct{})
	w.secrets, w.config = secrets(slices.Clone(cfg.Routers)), wrap(cfg)
	go w.write()
}

// Record notes that the engine is told in at now. It has the runner's
// signature for such a hook.
func (w *Writer) Record(now time.Time, in engine.Input) {
	if w.closed {
		return
	}
	if w.start.IsZero() {
		w.start = now
		head := header{Format: format, Start: now.Round(0), Config: w.config}
		if text, err := json.Marshal(head); err == nil {
			w.lines <- entry{text: append(text, '\n'), head: &head} // the first: there is room
		}
	}
	switch i := in.(type) {
	case *engine.FrameReceived:
		in = w.secrets.mask(*i)
	case engine.FrameReceived:
		in = w.secrets.mask(i)
	case engine.Reloaded:
		w.secrets = secrets(slices.Clone(i.Config.Routers))
	}
	e := entry{at: now.Sub(w.start), in: in}
	var err error
	if e.text, err = marshal(e.at, in, w.dropped); err != nil {
		w.dropped++
		return
	}
	select {
	case w.lines <- e:
		w.dropped = 0
	default:
		w.dropped++
	}
}

// Close ends the recording and reports the first error that writing met.
func (w *Writer) Close() error {
	w.closed = true
	w.once.Do(func() { close(w.lines) })
	<-w.ended
	return w.err
}

func (w *Writer) write() {
	defer close(w.ended)
	for e := range w.lines {
		if w.err == nil {
			w.err = w.writeLine(e)
		}
		if len(w.lines) == 0 && w.err == nil {
			w.err = w.out.Flush()
		}
	}
	err := w.out.Flush()
	if w.file != nil {
		err = errors.Join(err, w.file.Close())
	}
	if w.err == nil && err != nil {
		w.err = fmt.Errorf("record: %w", err)
	}
}

func (w *Writer) writeLine(e entry) error {
	n, err := w.out.Write(e.text)
	if err != nil {
		return err
	}
	w.written += int64(n)
	if w.file == nil {
		return nil
	}
	if e.head != nil {
		w.kept.head = *e.head
	} else {
		w.kept.note(e.at, e.in)
	}
	if w.written <= w.limit/2 {
		return nil
	}
	return w.turnOver()
}

// turnOver begins a new file.
func (w *Writer) turnOver() error {
	if err := errors.Join(w.out.Flush(), w.file.Close(), os.Rename(w.path, w.path+".1")); err != nil {
		return err
	}
	f, err := create(w.path)
	if err != nil {
		return err
	}
	w.file, w.written = f, 0
	w.out.Reset(f)
	lines, err := w.kept.lines()
	for _, text := range lines {
		n, err := w.out.Write(text)
		if err != nil {
			return err
		}
		w.written += int64(n)
	}
	return err
}
