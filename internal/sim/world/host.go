// SPDX-License-Identifier: Apache-2.0

package world

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// lane is what a host does for one router: one call at a time, and a newer
// wish replaces those that wait.
type lane struct {
	id       vrrp.ID
	table    []netip.Addr // the virtual addresses that are in place
	wanted   []netip.Addr // when owned
	own      bool         // ordered last
	running  *operation
	queue    []*operation
	open     []vrrp.ActionID // issued and not answered
	newest   vrrp.ActionID   // issued last
	failures failures
}

// failures counts the ownership calls that failed.
type failures struct {
	own, release int  // in a row
	ever         bool // since the process started
}

// count takes the result of a call and returns the longest wait until the
// next one: 1 s, 2 s, 4 s … 60 s.
func (f *failures) count(own bool, err error) (wait time.Duration) {
	row := &f.release
	if own {
		row = &f.own
	}
	if err == nil {
		*row = 0
		return 0
	}
	*row++
	f.ever = true
	return min(time.Second<<min(*row-1, 6), maxBackoff)
}

// maxBackoff is the longest a router waits before it orders a call that
// failed again.
const maxBackoff = time.Minute

// operation is one call to the host.
type operation struct {
	router   vrrp.ID
	id       vrrp.ActionID
	own      bool
	announce bool
	fails    bool
}

var (
	errSuperseded = errors.New("superseded by a newer order")
	errHost       = errors.New("operation not permitted")
	errNotOwned   = errors.New("address not present")
)

// hostCall is the most a call takes without any fault.
const hostCall = 5 * time.Millisecond

func (n *node) lane(id vrrp.ID) *lane {
	for _, l := range n.lanes {
		if l.id == id {
			return l
		}
	}
	l := &lane{id: id}
	n.lanes = append(n.lanes, l)
	return l
}

// resetHost forgets the orders of an earlier process; the table stays.
func (w *World) resetHost(n *node) {
	for _, l := range n.lanes {
		*l = lane{id: l.id, table: l.table, wanted: l.wanted}
	}
	for _, r := range n.Config.Routers {
		n.lane(r.ID).wanted = r.Addresses
	}
}

// cleanLeftovers removes what an earlier process left in place.
func (w *World) cleanLeftovers(n *node) {
	for _, l := range n.lanes {
		if len(l.table) == 0 {
			continue
		}
		w.tell(n, "address", "%v: leftovers removed", l.id)
		l.table = nil
		w.linkNews(n.port(l.id.Interface))
	}
}

// issue notes an action that must be answered once.
func (w *World) issue(n *node, id vrrp.ID, a vrrp.ActionID) {
	l := n.lane(id)
	if a == 0 {
		return // of a router taken out of service
	}
	if a <= l.newest {
		w.violated(n, "action-ids-grow", "%v: action %d after %d", id, a, l.newest)
	}
	l.newest = a
	l.open = append(l.open, a)
}

// answer tells the engine how an action ended.
func (w *World) answer(n *node, id vrrp.ID, a vrrp.ActionID, err error) {
	l := n.lane(id)
	i := slices.Index(l.open, a)
	if i < 0 {
		if a != 0 {
			w.violated(n, "answered-once", "%v: action %d answered twice", id, a)
		}
		return
	}
	l.open = slices.Delete(l.open, i, i+1)
	n.inbox = append(n.inbox, engine.ActionDone{Router: id, ActionFinished: vrrp.ActionFinished{ID: a, Err: err}})
}

// order queues an operation.
func (w *World) order(n *node, id vrrp.ID, op *operation) {
	w.issue(n, id, op.id)
	l := n.lane(id)
	if !op.announce {
		for _, old := range l.queue {
			w.answer(n, id, old.id, errSuperseded)
		}
		l.queue = l.queue[:0]
		l.own = op.own
	}
	l.queue = append(l.queue, op)
	w.startOperation(n, l)
}

func (w *World) startOperation(n *node, l *lane) {
	if l.running != nil || len(l.queue) == 0 {
		return
	}
	op := l.queue[0]
	l.queue = l.queue[1:]
	l.running = op
	op.fails = n.fails > 0 && w.chance(0.8)
	w.plan(w.t+w.upTo(hostCall), occurrence{kind: operationEnds, node: n.index, life: n.life, op: op})
}

// endOperation carries a call out and answers it, unless the host hangs.
func (w *World) endOperation(n *node, op *operation) {
	if n.hangs > 0 || n.asleep > 0 {
		w.plan(w.t+200*time.Millisecond, occurrence{kind: operationEnds, node: n.index, life: n.life, op: op})
		return
	}
	l := n.lane(op.router)
	l.running = nil
	err := w.carryOut(n, l, op)
	if !op.announce {
		if wait := l.failures.count(op.own, err); wait > 0 {
			w.disturbedUntil(w.t + wait)
			n.retry = max(n.retry, w.clock(n)+wait)
		}
	}
	w.answer(n, op.router, op.id, err)
	w.startOperation(n, l)
	w.pump(n)
}

func (w *World) carryOut(n *node, l *lane, op *operation) error {
	switch {
	case op.fails:
		w.tell(n, "host", "%v: a call fails: %v", op.router, errHost)
		return errHost
	case op.announce && len(l.table) < len(l.wanted):
		return errNotOwned
	case op.announce:
		w.tell(n, "announce", "%v: %v", op.router, l.table)
		return nil
	case op.own:
		l.table = l.wanted
		w.tell(n, "address", "%v: has %v", op.router, l.table)
	default:
		l.table = nil
		w.tell(n, "address", "%v: none", op.router)
	}
	if p := n.port(op.router.Interface); p != nil {
		w.linkNews(p)
	}
	return nil
}
