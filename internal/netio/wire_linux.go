// SPDX-License-Identifier: Apache-2.0

package netio

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

var errRemoved = errors.New("no longer configured")

// Wire sends and receives the datagrams of all routers, and is what one
// goroutine waits at. The zero value is not usable; see [NewWire].
type Wire struct {
	log    *slog.Logger
	frames *frames
	waiter *waiter
	err    error // why there is no waiter

	batch    *batch              // Poll's
	gated    map[*conn]*endpoint // Poll's: those whose gate is closed
	filtered atomic.Uint64

	routers   atomic.Pointer[map[vrrp.ID]*Router] // replaced as a whole
	endpoints atomic.Pointer[map[key]*endpoint]   // replaced as a whole, under mu
	mu        sync.Mutex
}

// NewWire returns a wire without any socket.
func NewWire(log *slog.Logger) *Wire {
	w := &Wire{log: log, frames: newFrames(), batch: newBatch(), gated: map[*conn]*endpoint{}}
	w.waiter, w.err = newWaiter()
	w.routers.Store(&map[vrrp.ID]*Router{})
	w.endpoints.Store(&map[key]*endpoint{})
	return w
}

// Configure sets the routers. Sockets that are no longer needed are closed,
// missing ones opened. An interface that does not exist is no error: its socket
// opens when it appears.
func (w *Wire) Configure(routers []Router) error {
	if w.err != nil {
		return w.err
	}
	table := make(map[vrrp.ID]*Router, len(routers))
	groups := map[key][]membership{}
	base := map[string]string{}
	for i := range routers {
		r := &routers[i]
		table[r.ID] = r
		devices := []string{r.ID.Interface}
		if r.VMAC != nil && !r.Unicast {
			// While the macvlan is up, the kernel hands it, and not the base,
			// the multicast frames of another MASTER with the same virtual MAC.
			// A unicast router must not listen there: joining a group sends IGMP
			// or MLD, which tells switches that the virtual MAC is at this port.
			devices = append(devices, r.VMAC.Name)
		}
		for _, d := range devices {
			base[d] = r.ID.Interface
			k := key{d, r.ID.Family}
			groups[k] = include(groups[k], membership{r.group(), r.Unicast})
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.routers.Store(&table)
	endpoints := maps.Clone(*w.endpoints.Load())
	for k, e := range endpoints {
		if _, wanted := groups[k]; !wanted || e.reportAs != base[k.device] {
			e.close()
			delete(endpoints, k)
		}
	}
	var faults []error
	for k, g := range groups {
		e, ok := endpoints[k]
		if !ok {
			e = newEndpoint(k, base[k.device], w.waiter, w.log)
			endpoints[k] = e
		}
		e.filter.Store(newFilter(routers, base[k.device], k.family))
		err := e.setGroups(g)
		if err == nil {
			_, err = e.ensure()
		}
		if err != nil && !absent(err) {
			faults = append(faults, err)
		}
		if !ok {
			go e.keep()
		}
	}
	w.endpoints.Store(&endpoints)
	w.Wake() // for gates to take over what has changed
	return errors.Join(faults...)
}

// DeviceIs tells the wire the index an interface has now, 0 when it is gone, so
// that a socket bound to its predecessor is opened again at once.
func (w *Wire) DeviceIs(device string, index int) {
	endpoints := *w.endpoints.Load()
	for _, f := range []vrrp.Family{vrrp.IPv4, vrrp.IPv6} {
		if e, ok := endpoints[key{device, f}]; ok {
			e.deviceIs(index)
		}
	}
}

// Send sends one packet for a router and never waits: a full queue is an error.
func (w *Wire) Send(id vrrp.ID, p vrrp.Packet) error {
	r, ok := (*w.routers.Load())[id]
	if !ok {
		return fmt.Errorf("send for %v: %w", id, errRemoved)
	}
	if r.VMAC != nil && !r.VMAC.FromBase && p.Destination.IsMulticast() {
		if err := w.frames.advert(r, p); err != nil {
			return fmt.Errorf("send for %v: %w", id, err)
		}
		return nil
	}
	e := (*w.endpoints.Load())[key{id.Interface, id.Family}]
	if e == nil {
		return fmt.Errorf("send for %v: %w", id, errRemoved)
	}
	c := e.conn.Load()
	if c == nil {
		var err error
		if c, err = e.ensure(); err != nil {
			return fmt.Errorf("send for %v: %w", id, err)
		}
	}
	if err := c.send(p, r.ttl(p.Destination)); err != nil {
		if absent(err) {
			e.drop(c, err)
		}
		return fmt.Errorf("send for %v to %v: %w", id, p.Destination, err)
	}
	return nil
}

// Wait returns when a socket holds something, at the deadline (zero = none), or
// when Wake is or has been called since the last Wait; it may return early.
// While packets come in without a break it leaves them alone for up to a
// millisecond, so that one wake-up hears many.
//
// Wait and Poll are for one goroutine.
func (w *Wire) Wait(deadline time.Time) { w.waiter.wait(deadline) }

// Wake makes Wait return.
func (w *Wire) Wake() { w.waiter.wake() }

// pollRounds bounds how often one Poll asks which sockets hold something.
const pollRounds = 16

// Poll yields what the sockets hold at this moment, with the interface it
// counts for, and never waits for more. Payloads are valid during yield only.
func (w *Wire) Poll(yield func(device string, d vrrp.Datagram)) {
	now, heard := time.Now(), false
	for c, e := range w.gated {
		if w.filtered.Add(c.gate.turn(c, e.filter.Load(), now)); c.gate.meter == nil {
			delete(w.gated, c)
		}
	}
	for range pollRounds {
		ready := w.waiter.readable()
		for _, r := range ready {
			if e := w.waiter.endpoint(int(r.Fd)); e != nil {
				heard = true
				w.drain(e, now, yield)
			}
		}
		if len(ready) < cap(ready) {
			break
		}
	}
	if heard {
		w.waiter.hearing(now)
	}
}

func (w *Wire) drain(e *endpoint, now time.Time, yield func(device string, d vrrp.Datagram)) {
	c := e.conn.Load()
	if c == nil {
		return
	}
	w.filtered.Add(c.gate.turn(c, e.filter.Load(), now))
	hear := func(d vrrp.Datagram) { yield(e.reportAs, d) }
	err := w.batch.drain(c, hear)
	if err == nil && c.gate.closeIfDue(c, w.log) {
		w.gated[c] = e
		err = w.batch.drain(c, hear)
		c.gate.heard = 0
	}
	if err != nil {
		e.drop(c, err)
	}
}

// Lost is how many datagrams found their socket full.
func (w *Wire) Lost() uint64 {
	if w.err != nil {
		return 0
	}
	return w.waiter.lost.Load()
}

// Filtered is how many packets that no router could have accepted were kept
// out, uncounted otherwise, because they were too many. It is told about once
// a second.
func (w *Wire) Filtered() uint64 { return w.filtered.Load() }

// Close closes every socket. Nobody may be in Wait or Poll, then or later.
func (w *Wire) Close() error {
	if w.err != nil {
		return nil
	}
	err := w.Configure(nil)
	w.waiter.close()
	w.frames.close()
	return err
}
