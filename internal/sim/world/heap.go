// SPDX-License-Identifier: Apache-2.0

package world

import "time"

// occurrence is something that is going to happen. Exactly one of the fields
// behind kind matters, by kind.
type occurrence struct {
	at   time.Duration
	seq  uint64 // the tie-break: first planned, first happening
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

// agenda is a binary heap in the order of time, then of planning.
type agenda []occurrence

func (a agenda) less(i, j int) bool {
	if a[i].at != a[j].at {
		return a[i].at < a[j].at
	}
	return a[i].seq < a[j].seq
}

func (a *agenda) push(o occurrence) {
	*a = append(*a, o)
	h := *a
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h.less(i, up) {
			return
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (a *agenda) pop() occurrence {
	h := *a
	first := h[0]
	last := len(h) - 1
	h[0] = h[last]
	h[last] = occurrence{}
	h = h[:last]
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			break
		}
		if right := down + 1; right < last && h.less(right, down) {
			down = right
		}
		if !h.less(down, i) {
			break
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
	*a = h
	return first
}
