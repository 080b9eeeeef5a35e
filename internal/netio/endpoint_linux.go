// SPDX-License-Identifier: Apache-2.0

package netio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
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
	kick     chan struct{} // the interface changed: try again now
	gone     context.Context
	remove   context.CancelFunc

	mu     sync.Mutex
	conn   *conn // nil while there is none
	groups []netip.Addr
}

func newEndpoint(k key, reportAs string, log *slog.Logger) *endpoint {
	e := &endpoint{key: k, reportAs: reportAs, log: log, kick: make(chan struct{}, 1)}
	e.gone, e.remove = context.WithCancel(context.Background())
	return e
}

// close ends the endpoint for good.
func (e *endpoint) close() {
	e.remove()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conn != nil {
		e.conn.ip.Close()
		e.conn = nil
	}
}

// setGroups changes the memberships, at once where a socket is open.
func (e *endpoint) setGroups(groups []netip.Addr) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.groups = groups
	if e.conn == nil {
		return nil
	}
	return e.conn.join(groups)
}

// ensure returns the open socket, or opens it.
func (e *endpoint) ensure() (c *conn, fresh bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conn != nil {
		return e.conn, false, nil
	}
	if e.gone.Err() != nil {
		return nil, false, fmt.Errorf("interface %s: %w", e.device, errRemoved)
	}
	if c, err = open(e.device, e.family); err != nil {
		return nil, false, err
	}
	if err := c.join(e.groups); err != nil {
		c.ip.Close()
		return nil, false, fmt.Errorf("interface %s: %w", e.device, err)
	}
	e.conn = c
	return c, true, nil
}

// wake makes a reader that waits for its interface try at once.
func (e *endpoint) wake() {
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

// drop closes c if it is still the endpoint's socket.
func (e *endpoint) drop(c *conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conn == c {
		c.ip.Close()
		e.conn = nil
	}
}

// deviceIs tells the index the interface has now, or 0 when it is gone.
func (e *endpoint) deviceIs(index int) {
	e.mu.Lock()
	if e.conn != nil && e.conn.index != index {
		e.conn.ip.Close()
		e.conn = nil
	}
	open := e.conn != nil
	e.mu.Unlock()
	if !open && index != 0 {
		e.wake()
	}
}

// run reads the endpoint's socket until ctx is done or it is removed. Nothing
// that happens to the socket ends it.
func (e *endpoint) run(ctx context.Context, drain func(*endpoint, *conn) error) {
	wait := retryMin
	for ctx.Err() == nil && e.gone.Err() == nil {
		c, _, err := e.ensure()
		if err == nil {
			began := time.Now()
			err = e.read(ctx, c, drain)
			if ctx.Err() != nil {
				return // the socket stays: the last adverts are sent after this
			}
			e.drop(c)
			if time.Since(began) > retryMax {
				wait = retryMin
			}
		}
		if e.gone.Err() != nil {
			return
		}
		e.log.Debug("VRRP socket closed", "interface", e.device, "family", e.family, "err", err)
		select {
		case <-ctx.Done():
		case <-e.gone.Done():
		case <-e.kick:
			wait = retryMin
		case <-time.After(wait):
			wait = min(2*wait, retryMax)
		}
	}
}

// read waits for datagrams and lets drain take them, until the socket fails.
func (e *endpoint) read(ctx context.Context, c *conn, drain func(*endpoint, *conn) error) error {
	if err := c.ip.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.ip.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		if err := c.waitReadable(); err != nil {
			return err
		}
		if err := drain(e, c); err != nil {
			return err
		}
	}
}

// absent reports whether err says that an interface is not there (yet).
func absent(err error) bool {
	var notFound netlink.LinkNotFoundError
	return errors.As(err, &notFound) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO)
}
