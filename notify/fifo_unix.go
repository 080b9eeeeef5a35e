// SPDX-License-Identifier: Apache-2.0

//go:build unix

package notify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/notify/script"
)

// FIFODepth is a good [Lane.Depth] for a FIFO: the pipe itself holds some thousand
// lines more.
const FIFODepth = 256

// How a FIFO's script is restarted when it ends: after firstPause, twice as long
// each time, at most longestPause, and from the beginning once it has lived that long.
const (
	firstPause   = time.Second
	longestPause = time.Minute
)

// ErrPipeFull: the line was lost because nobody has read the FIFO for a long time.
var ErrPipeFull = errors.New("pipe is full, line lost")

// A FIFO is a target that writes keepalived's lines to a named pipe:
//
//	INSTANCE "NAME" STATE PRIORITY
//	GROUP "NAME" STATE 0
//
// It never waits for a reader. Without one, lines stay in the pipe until it is full
// (some thousand), then they are lost and the target reports [ErrPipeFull]. Give it a
// lane of its own with [FIFODepth], and a hook on [Everything].
type FIFO struct {
	path    string
	created bool

	mu sync.Mutex
	fd int // -1 when closed
}

// OpenFIFO opens the pipe at path, and creates it with mode 0600 if there is nothing.
// A pipe it creates belongs to owner, if given. Something else than a pipe at
// that path is an error.
func OpenFIFO(path string, owner *script.User) (*FIFO, error) {
	f := &FIFO{path: path}
	err := unix.Mkfifo(path, 0o600)
	switch {
	case err == nil:
		f.created = true
	case !errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("notify: create FIFO %s: %w", path, err)
	}
	if err := f.open(owner); err != nil {
		if f.created {
			_ = os.Remove(path)
		}
		return nil, fmt.Errorf("notify: FIFO %s: %w", path, err)
	}
	return f, nil
}

func (f *FIFO) open(owner *script.User) error {
	// Open for reading too: it succeeds without a reader, and no line is lost while
	// the reader restarts.
	fd, err := unix.Open(f.path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFIFO {
		err = errors.New("exists and is not a FIFO")
	}
	if err == nil && f.created && owner != nil {
		err = unix.Fchown(fd, int(owner.UID), int(owner.GID))
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	f.fd = fd
	return nil
}

// Name returns "fifo".
func (f *FIFO) Name() string { return "fifo" }

// Notify writes one line. It does not block.
func (f *FIFO) Notify(_ context.Context, e Event) Outcome {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fd < 0 {
		return Outcome{Exit: -1, Err: fs.ErrClosed}
	}
	for {
		_, err := unix.Write(f.fd, []byte(e.line()))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			err = ErrPipeFull
		}
		return Outcome{Exit: -1, Err: err}
	}
}

// Close closes the pipe, and removes it if OpenFIFO created it.
func (f *FIFO) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fd < 0 {
		return nil
	}
	err := unix.Close(f.fd)
	f.fd = -1
	if f.created {
		err = errors.Join(err, os.Remove(f.path))
	}
	return err
}

// Serve runs the program that reads the pipe, with the path as its last argument, until
// ctx ends. When the program ends it is started again, at first after a second, at
// most after a minute. Each end is logged.
func (f *FIFO) Serve(ctx context.Context, reader script.Command, log *slog.Logger) {
	reader.Timeout = script.Forever
	keepRunning(ctx, log.With("script", reader.String(), "fifo", f.path), func() script.Result {
		return reader.Run(ctx, f.path)
	})
}

func keepRunning(ctx context.Context, log *slog.Logger, run func() script.Result) {
	pause := firstPause
	for ctx.Err() == nil {
		r := run()
		if ctx.Err() != nil {
			return
		}
		if r.Duration >= longestPause {
			pause = firstPause
		}
		log.Warn("the FIFO's script ended", "exit", r.Exit, "error", r.Err, "output", r.Output, "again_in", pause)
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
		}
		pause = min(2*pause, longestPause)
	}
}

// line is the event as the pipe's reader gets it.
func (e Event) line() string {
	return fmt.Sprintf("%s \"%s\" %s %s\n", e.Kind, oneLine(e.Name), e.State.Word(), e.priority())
}
