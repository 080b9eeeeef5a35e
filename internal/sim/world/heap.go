// SPDX-License-Identifier: Apache-2.0

package world

import "time"

// occurrence is something that is going to happen. Exactly one of the fields
// behind kind matters, by kind.
type occurrence struct {
	kind kind
	node int
	life int    // of the node: what was meant for an earlier process is void
	gen  uint64 // of a timer: older ones are void
	frame
	op    *operation
	fault int
	news  func()
}

type kind uint8

const (
	frameArrives kind = iota
	timerFires
	operationEnds
	newsArrives // a closure for the process: link news, a claimant's look
	worldActs   // a closure, whatever became of the node
	faultBegins
	faultEnds
	judgement // the time to look whether all is well
)

// agenda is a binary heap in the order of time, then of planning. Occurrences
// are large: they stay where they are, and the heap moves their places.
type agenda struct {
	heap  []date
	store []occurrence
	free  []int // places in store
}

// date is when an occurrence happens.
type date struct {
	at    time.Duration
	seq   uint64 // the tie-break: first planned, first happening
	place int    // in store
}

func (d date) before(o date) bool {
	if d.at != o.at {
		return d.at < o.at
	}
	return d.seq < o.seq
}

// next returns when the next occurrence happens; ok is false when none does.
func (a *agenda) next() (at time.Duration, ok bool) {
	if len(a.heap) == 0 {
		return 0, false
	}
	return a.heap[0].at, true
}

func (a *agenda) push(at time.Duration, seq uint64, o occurrence) {
	d := date{at, seq, len(a.store)}
	if last := len(a.free) - 1; last >= 0 {
		d.place, a.free = a.free[last], a.free[:last]
		a.store[d.place] = o
	} else {
		a.store = append(a.store, o)
	}
	a.heap = append(a.heap, d)
	h := a.heap
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h[i].before(h[up]) {
			return
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (a *agenda) pop() (date, occurrence) {
	h := a.heap
	first, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	a.heap = h
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			break
		}
		if right := down + 1; right < last && h[right].before(h[down]) {
			down = right
		}
		if !h[down].before(h[i]) {
			break
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
	o := a.store[first.place]
	a.store[first.place] = occurrence{}
	a.free = append(a.free, first.place)
	return first, o
}
