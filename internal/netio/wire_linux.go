// SPDX-License-Identifier: Apache-2.0

package netio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

var errRemoved = errors.New("no longer configured")

// pollPatience bounds how long Poll waits for a reader that holds the turn.
const pollPatience = 2 * time.Millisecond

// Wire sends and receives the datagrams of all routers. The zero value is not
// usable; see [NewWire].
type Wire struct {
	log     *slog.Logger
	frames  *frames
	turn    chan struct{} // held by whoever receives: nothing is read but not yet yielded while it is free
	batch   *batch        // under turn
	changed chan struct{} // the set of endpoints changed

	routers atomic.Pointer[map[vrrp.ID]*Router] // replaced as a whole

	mu        sync.Mutex
	endpoints map[key]*endpoint
}

// NewWire returns a wire without any socket.
func NewWire(log *slog.Logger) *Wire {
	w := &Wire{
		log: log, frames: newFrames(), turn: make(chan struct{}, 1), batch: newBatch(),
		changed: make(chan struct{}, 1), endpoints: map[key]*endpoint{},
	}
	w.routers.Store(&map[vrrp.ID]*Router{})
	return w
}

// Configure sets the routers. Sockets that are no longer needed are closed,
// missing ones opened. An interface that does not exist is no error: its socket
// opens when it appears.
func (w *Wire) Configure(routers []Router) error {
	table := make(map[vrrp.ID]*Router, len(routers))
	groups := map[key][]netip.Addr{}
	base := map[string]string{}
	for i := range routers {
		r := &routers[i]
		table[r.ID] = r
		devices := []string{r.ID.Interface}
		if r.VMAC != nil {
			// While the macvlan is up, the kernel hands it, and not the base,
			// the multicast frames of another MASTER with the same virtual MAC.
			devices = append(devices, r.VMAC.Name)
		}
		for _, d := range devices {
			base[d] = r.ID.Interface
			k := key{d, r.ID.Family}
			if g := r.group(); !r.Unicast && !slices.Contains(groups[k], g) {
				groups[k] = append(groups[k], g)
			} else if _, ok := groups[k]; !ok {
				groups[k] = nil
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.routers.Store(&table)
	for k, e := range w.endpoints {
		if _, wanted := groups[k]; !wanted || e.reportAs != base[k.device] {
			e.close()
			delete(w.endpoints, k)
		}
	}
	var faults []error
	for k, g := range groups {
		e, ok := w.endpoints[k]
		if !ok {
			e = newEndpoint(k, base[k.device], w.log)
			w.endpoints[k] = e
		}
		err := e.setGroups(g)
		if err == nil {
			_, _, err = e.ensure()
		}
		if err != nil && !absent(err) {
			faults = append(faults, err)
		}
	}
	w.signal()
	return errors.Join(faults...)
}

func (w *Wire) signal() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// DeviceIs tells the wire the index an interface has now, 0 when it is gone, so
// that a socket bound to its predecessor is opened again at once.
func (w *Wire) DeviceIs(device string, index int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range []vrrp.Family{vrrp.IPv4, vrrp.IPv6} {
		if e, ok := w.endpoints[key{device, f}]; ok {
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
	w.mu.Lock()
	e := w.endpoints[key{id.Interface, id.Family}]
	w.mu.Unlock()
	if e == nil {
		return fmt.Errorf("send for %v: %w", id, errRemoved)
	}
	c, fresh, err := e.ensure()
	if err != nil {
		return fmt.Errorf("send for %v: %w", id, err)
	}
	if fresh {
		e.wake()
	}
	if err := c.send(p, r.ttl(p.Destination)); err != nil {
		if absent(err) {
			e.drop(c)
		}
		return fmt.Errorf("send for %v to %v: %w", id, p.Destination, err)
	}
	return nil
}

// Receive yields datagrams, one at a time, with the interface they count for,
// until ctx is done. Payloads are valid during yield only.
func (w *Wire) Receive(ctx context.Context, yield func(device string, d vrrp.Datagram)) error {
	var readers sync.WaitGroup
	defer readers.Wait()
	drain := func(e *endpoint, c *conn) error {
		w.turn <- struct{}{}
		defer func() { <-w.turn }()
		return w.batch.drain(c, func(d vrrp.Datagram) { yield(e.reportAs, d) })
	}
	running := map[*endpoint]bool{}
	for {
		w.mu.Lock()
		for _, e := range w.endpoints {
			if !running[e] {
				running[e] = true
				readers.Go(func() { e.run(ctx, drain) })
			}
		}
		for e := range running {
			if e.gone.Err() != nil {
				delete(running, e)
			}
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.changed:
		}
	}
}

// Poll yields what the sockets hold at this moment and never waits for more.
// What a reader had already taken has been yielded when Poll returns, unless
// the yield of Receive blocks.
func (w *Wire) Poll(yield func(device string, d vrrp.Datagram)) {
	select {
	case w.turn <- struct{}{}:
	default:
		patience := time.NewTimer(pollPatience)
		defer patience.Stop()
		select {
		case w.turn <- struct{}{}:
		case <-patience.C:
			return
		}
	}
	defer func() { <-w.turn }()
	w.mu.Lock()
	endpoints := make([]*endpoint, 0, len(w.endpoints))
	for _, e := range w.endpoints {
		endpoints = append(endpoints, e)
	}
	w.mu.Unlock()
	for _, e := range endpoints {
		e.mu.Lock()
		c := e.conn
		e.mu.Unlock()
		if c != nil {
			// The reader meets the same error and deals with it.
			_ = w.batch.drain(c, func(d vrrp.Datagram) { yield(e.reportAs, d) })
		}
	}
}

// Close closes every socket.
func (w *Wire) Close() error {
	err := w.Configure(nil)
	w.frames.close()
	return err
}
