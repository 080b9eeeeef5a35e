// SPDX-License-Identifier: Apache-2.0

package netio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/vrrp"
)

// The bounds of the back-off after which a socket is opened again.
const (
	retryMin = 10 * time.Millisecond
	retryMax = time.Second
)

// key names a socket.
type key struct {
	device string
	family vrrp.Family
}

// endpoint keeps one socket open as long as its interface exists.
type endpoint struct {
	key
	reportAs string // the interface its datagrams count for: a macvlan's base
	log      *slog.Logger
	waiter   *waiter
	kick     chan struct{} // the interface changed: try again now
	lost     chan struct{} // the socket is no more
	gone     context.Context
	remove   context.CancelFunc

	conn   atomic.Pointer[conn] // nil while there is none; replaced under mu
	filter atomic.Pointer[filter]
	mu     sync.Mutex
	groups []membership
}

func newEndpoint(k key, reportAs string, w *waiter, log *slog.Logger) *endpoint {
	e := &endpoint{
		key: k, reportAs: reportAs, waiter: w, log: log,
		kick: make(chan struct{}, 1), lost: make(chan struct{}, 1),
	}
	e.gone, e.remove = context.WithCancel(context.Background())
	return e
}

// close ends the endpoint for good.
func (e *endpoint) close() {
	e.remove()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closeConn()
}

// closeConn closes the socket, if there is one. The caller holds the lock.
func (e *endpoint) closeConn() {
	if c := e.conn.Swap(nil); c != nil {
		e.waiter.remove(c.fd)
		c.file.Close()
		signal(e.lost)
	}
}

// signal puts a token into a channel that holds one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// setGroups changes the memberships, at once where a socket is open.
func (e *endpoint) setGroups(groups []membership) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.groups = groups
	if c := e.conn.Load(); c != nil {
		return c.join(groups)
	}
	return nil
}

// ensure returns the open socket, or opens it.
func (e *endpoint) ensure() (*conn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.conn.Load(); c != nil {
		return c, nil
	}
	if e.gone.Err() != nil {
		return nil, fmt.Errorf("interface %s: %w", e.device, errRemoved)
	}
	c, err := open(e.device, e.family, &e.waiter.lost)
	if err != nil {
		return nil, err
	}
	if err = c.join(e.groups); err == nil {
		err = e.waiter.add(c.fd, e)
	}
	if err != nil {
		c.file.Close()
		return nil, fmt.Errorf("interface %s: %w", e.device, err)
	}
	e.conn.Store(c)
	return c, nil
}

// drop closes c if it is still the endpoint's socket.
func (e *endpoint) drop(c *conn, why error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conn.Load() == c {
		e.log.Debug("VRRP socket closed", "interface", e.device, "family", e.family, "err", why)
		e.closeConn()
	}
}

// deviceIs tells the index the interface has now, or 0 when it is gone.
func (e *endpoint) deviceIs(index int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.conn.Load()
	if c != nil && c.index != index {
		e.closeConn()
		c = nil
	}
	if c == nil && index != 0 {
		signal(e.kick)
	}
}

// keep opens the socket again whenever there is none, until the endpoint is
// removed.
func (e *endpoint) keep() {
	wait := retryMin
	for e.gone.Err() == nil {
		began := time.Now()
		if _, err := e.ensure(); err == nil {
			select {
			case <-e.gone.Done():
				return
			case <-e.lost:
			}
			if time.Since(began) > retryMax {
				wait = retryMin
			}
		}
		select {
		case <-e.gone.Done():
		case <-e.kick:
			wait = retryMin
		case <-time.After(wait):
			wait = min(2*wait, retryMax)
		}
	}
}

// absent reports whether err says that an interface is not there (yet).
func absent(err error) bool {
	var notFound netlink.LinkNotFoundError
	return errors.As(err, &notFound) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO)
}
