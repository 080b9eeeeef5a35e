// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/runner"
)

// timer is a timerfd read through Go's poller. Go's own timers end in an
// epoll_wait whose timeout is rounded up to a millisecond; the readiness of a
// descriptor is not.
type timer struct {
	file *os.File
	c    chan time.Time
	done chan struct{}

	mu sync.Mutex
	fd int // under mu; -1 once closed
}

// NewTimer returns a timer whose wake-ups are some tenths of a millisecond
// nearer to their deadline than time.Timer's. Close ends its goroutine.
//
// A deadline that has passed fires at once; Reset discards a firing that
// nobody has taken yet.
func NewTimer() (runner.Timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timerfd: %w", err)
	}
	t := &timer{
		file: os.NewFile(uintptr(fd), "timerfd"), fd: fd,
		c: make(chan time.Time, 1), done: make(chan struct{}),
	}
	go t.run()
	return t, nil
}

func (t *timer) run() {
	defer close(t.done)
	var count [8]byte
	for {
		if _, err := t.file.Read(count[:]); err != nil {
			if errors.Is(err, unix.ECANCELED) {
				continue
			}
			return // closed
		}
		select {
		case t.c <- time.Now():
		default:
		}
	}
}

// Reset arms the timer; the zero time disarms it.
func (t *timer) Reset(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fd < 0 {
		return
	}
	select {
	case <-t.c:
	default:
	}
	var spec unix.ItimerSpec
	if !at.IsZero() {
		// A value of zero would disarm it.
		spec.Value = unix.NsecToTimespec(max(int64(time.Until(at)), 1))
	}
	// It can only fail for a bad descriptor or value, which these are not.
	_ = unix.TimerfdSettime(t.fd, 0, &spec, nil)
}

// C delivers the moments the timer fires.
func (t *timer) C() <-chan time.Time { return t.c }

// Close ends the timer.
func (t *timer) Close() error {
	t.mu.Lock()
	t.fd = -1
	t.mu.Unlock()
	err := t.file.Close()
	<-t.done
	return err
}
