// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// ErrSuperseded answers an action that a newer one made void.
var ErrSuperseded = errors.New("runner: superseded by a newer order")

// applyTimeout bounds one host call.
const applyTimeout = 30 * time.Second

// lanes carries out host actions, one at a time for each router and without
// ever delaying the loop.
type lanes struct {
	host   Host
	answer func(vrrp.ID, vrrp.ActionFinished)

	mu      sync.Mutex
	lanes   map[vrrp.ID]*lane
	working int
	idle    chan struct{} // closed when working falls to zero
}

// lane is a latest-wins mailbox: ownership is a wanted state, so what was
// ordered before and not begun is void, and announcements go with the
// ownership they followed.
type lane struct {
	own      *vrrp.SetOwnership
	announce []vrrp.Announce
	working  bool
	failed   error // of the last ownership order carried out
}

// maxAnnounce bounds the bursts that wait behind a slow ownership order.
const maxAnnounce = 4

func newLanes(h Host, answer func(vrrp.ID, vrrp.ActionFinished)) *lanes {
	return &lanes{host: h, answer: answer, lanes: map[vrrp.ID]*lane{}}
}

// setOwnership never blocks. It returns the orders that became void.
func (l *lanes) setOwnership(id vrrp.ID, a vrrp.SetOwnership) (void []vrrp.ActionID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(id)
	if n.own != nil {
		void = append(void, n.own.ID)
	}
	for _, b := range n.announce {
		void = append(void, b.ID)
	}
	n.own, n.announce = &a, nil
	l.work(id, n)
	return void
}

// setAnnounce never blocks. It returns the order itself if it became void.
func (l *lanes) setAnnounce(id vrrp.ID, a vrrp.Announce) (void []vrrp.ActionID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lane(id)
	if len(n.announce) >= maxAnnounce {
		return []vrrp.ActionID{a.ID}
	}
	n.announce = append(n.announce, a)
	l.work(id, n)
	return nil
}

func (l *lanes) lane(id vrrp.ID) *lane {
	n := l.lanes[id]
	if n == nil {
		n = &lane{}
		l.lanes[id] = n
	}
	return n
}

// work makes sure that a worker runs for the lane. The caller holds the lock.
func (l *lanes) work(id vrrp.ID, n *lane) {
	if n.working {
		return
	}
	n.working = true
	if l.working == 0 {
		l.idle = make(chan struct{})
	}
	l.working++
	go func() {
		for l.next(id, n) {
		}
	}()
}

// next carries out one order and reports whether there was one.
func (l *lanes) next(id vrrp.ID, n *lane) bool {
	l.mu.Lock()
	own := n.own
	n.own = nil
	var burst vrrp.Announce
	switch {
	case own != nil:
	case len(n.announce) > 0:
		burst, n.announce = n.announce[0], n.announce[1:]
	default:
		n.working = false
		if l.working--; l.working == 0 {
			close(l.idle)
		}
		l.mu.Unlock()
		return false
	}
	failed := n.failed
	l.mu.Unlock()

	ctx, cancel := context.WithTimeout(context.Background(), applyTimeout)
	defer cancel()
	if own == nil {
		err := failed
		if err == nil {
			err = l.host.Announce(ctx, id, burst)
		}
		l.answer(id, vrrp.ActionFinished{ID: burst.ID, Err: err})
		return true
	}
	err := l.host.Apply(ctx, id, Ownership(own.Own))
	l.mu.Lock()
	n.failed = err
	l.mu.Unlock()
	l.answer(id, vrrp.ActionFinished{ID: own.ID, Err: err})
	return true
}

// settled returns a channel that is closed once every lane is empty.
func (l *lanes) settled() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.working == 0 {
		empty := make(chan struct{})
		close(empty)
		return empty
	}
	return l.idle
}
