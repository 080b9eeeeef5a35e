// SPDX-License-Identifier: Apache-2.0

package netio

import (
	"encoding/binary"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// respite is how long sockets that are being filled without a break are left
// alone, so that one wake-up hears what comes in that time. By so much, and no
// more, a packet may be heard later for it.
const respite = time.Millisecond

// waiter is what one thread waits at: sockets, a deadline and calls.
//
// Go's poller knows none of these descriptors. It would wake a thread for each
// packet, whether anybody wants to read or not, and pass it on through two
// goroutines until it is dealt with.
type waiter struct {
	epoll, timer int
	call         *os.File // an eventfd

	mu      sync.Mutex
	sockets map[int]*endpoint // by descriptor; nil once closed

	lost atomic.Uint64 // datagrams that found their socket full

	armed  time.Time
	fired  bool
	events [64]unix.EpollEvent
	heard  time.Time // when something was last heard
	filled bool      // and something had been heard just before that
}

// newWaiter opens descriptors that block: those that do not, package os would
// hand to Go's poller.
func newWaiter() (*waiter, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// A machine that was suspended looks after what is due at once.
	timer, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_CLOEXEC)
	if err != nil {
		unix.Close(epoll)
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	call, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(epoll)
		unix.Close(timer)
		return nil, os.NewSyscallError("eventfd", err)
	}
	w := &waiter{epoll: epoll, timer: timer, call: os.NewFile(uintptr(call), "eventfd"), sockets: map[int]*endpoint{}}
	for _, fd := range []int{timer, call} {
		if err := w.add(fd, nil); err != nil {
			w.close()
			return nil, err
		}
	}
	return w, nil
}

// add makes wait return while fd is readable, until fd is removed or closed.
func (w *waiter) add(fd int, e *endpoint) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sockets == nil {
		return os.ErrClosed
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	w.sockets[fd] = e
	return nil
}

// remove takes a socket out before it is closed.
func (w *waiter) remove(fd int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sockets[fd] != nil {
		delete(w.sockets, fd)
		_ = unix.EpollCtl(w.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	}
}

// endpoint returns whose socket fd is, or nil.
func (w *waiter) endpoint(fd int) *endpoint {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sockets[fd]
}

// close must not be called while somebody waits.
func (w *waiter) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sockets == nil {
		return
	}
	w.sockets = nil
	unix.Close(w.epoll)
	unix.Close(w.timer)
	w.call.Close()
}

// wake makes a wait return, this one or the next.
func (w *waiter) wake() {
	// It fails only when closed, when nobody waits.
	_, _ = w.call.Write(binary.NativeEndian.AppendUint64(nil, 1))
}

// wait returns when a socket is readable, at the deadline (zero = none), after
// a call, or early.
func (w *waiter) wait(deadline time.Time) {
	w.arm(deadline)
	if w.filled && w.rest() {
		return
	}
	n, _ := unix.EpollWait(w.epoll, w.events[:], -1) // EINTR: early
	for _, e := range w.events[:max(n, 0)] {
		w.took(int(e.Fd))
	}
}

// rest waits for all but sockets, and not long. It reports whether there was
// anything.
func (w *waiter) rest() bool {
	fds := []unix.PollFd{{Fd: int32(w.timer), Events: unix.POLLIN}, {Fd: int32(w.call.Fd()), Events: unix.POLLIN}}
	limit := unix.NsecToTimespec(int64(respite))
	n, _ := unix.Ppoll(fds, &limit, nil)
	for _, f := range fds {
		if n > 0 && f.Revents != 0 {
			w.took(int(f.Fd))
		}
	}
	return n > 0
}

// took takes note of a descriptor that is ready.
func (w *waiter) took(fd int) {
	switch fd {
	case w.timer:
		w.fired = true
	case int(w.call.Fd()):
		_, _ = w.call.Read(make([]byte, 8))
	}
}

// arm sets the timer, which also takes back that it has fired.
func (w *waiter) arm(at time.Time) {
	if at.Equal(w.armed) && !w.fired {
		return
	}
	w.armed, w.fired = at, false
	var spec unix.ItimerSpec
	if !at.IsZero() {
		// A value of zero would disarm it.
		spec.Value = unix.NsecToTimespec(max(int64(time.Until(at)), 1))
	}
	// It can only fail for a bad descriptor or value, which these are not.
	_ = unix.TimerfdSettime(w.timer, 0, &spec, nil)
}

// readable returns the descriptors that are readable now.
func (w *waiter) readable() []unix.EpollEvent {
	n, _ := unix.EpollWait(w.epoll, w.events[:], 0)
	return w.events[:max(n, 0)]
}

// hearing tells that packets have been read.
func (w *waiter) hearing(now time.Time) {
	w.filled = now.Sub(w.heard) < 2*respite
	w.heard = now
}
