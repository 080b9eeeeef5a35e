// SPDX-License-Identifier: Apache-2.0

package explore

import (
	"fmt"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// choice is one thing that can happen next.
type choice struct {
	kind    kind
	node    int
	segment int
	letter  int
}

type kind uint8

const (
	deliver kind = iota
	lose
	fire     // a timer
	linkFlip // down or up
	stop     // resign and go
	restart
)

func (c choice) String() string {
	switch c.kind {
	case deliver:
		return fmt.Sprintf("frame %d arrives", c.letter)
	case lose:
		return fmt.Sprintf("frame %d is lost", c.letter)
	case fire:
		return fmt.Sprintf("node %d's timer", c.node)
	case linkFlip:
		return fmt.Sprintf("node %d's link %d changes", c.node, c.segment)
	case stop:
		return fmt.Sprintf("node %d stops", c.node)
	case restart:
		return fmt.Sprintf("node %d starts", c.node)
	}
	return "?"
}

// choices are all that can happen next. Frames of one sender to one receiver
// arrive in order and within the bound; a timer is late by no more than it.
func (w *network) choices() (all []choice) {
	var seen [16][16][4]bool
	var oldest time.Time
	for i, l := range w.mail {
		if oldest.IsZero() || l.sent.Before(oldest) {
			oldest = l.sent
		}
		if seen[l.from][l.to][l.segment] {
			continue
		}
		seen[l.from][l.to][l.segment] = true
		all = append(all, choice{kind: deliver, letter: i})
		if w.losses > 0 {
			all = append(all, choice{kind: lose, letter: i})
		}
	}
	all = append(all, w.timers(oldest)...)
	if w.events == 0 {
		return all
	}
	for i, h := range w.nodes {
		if !h.on {
			all = append(all, choice{kind: restart, node: i})
			continue
		}
		all = append(all, choice{kind: stop, node: i})
		for s := range h.links {
			all = append(all, choice{kind: linkFlip, node: i, segment: s})
		}
	}
	return all
}

// timers are those that can run out before anything else must happen.
func (w *network) timers(oldest time.Time) (all []choice) {
	var first time.Time
	for _, h := range w.nodes {
		if at, ok := h.deadline(); ok && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	for i, h := range w.nodes {
		at, ok := h.deadline()
		if !ok || at.After(first.Add(bound)) {
			continue
		}
		if !oldest.IsZero() && at.After(oldest.Add(bound)) {
			continue
		}
		all = append(all, choice{kind: fire, node: i})
	}
	return all
}

func (h *host) deadline() (time.Time, bool) {
	if !h.on {
		return time.Time{}, false
	}
	return h.engine.Deadline()
}

// take makes a choice happen.
func (w *network) take(c choice) {
	if w.tells {
		w.history = append(w.history, fmt.Sprintf("%9.3fs %v", w.now.Sub(epoch).Seconds(), c))
	}
	switch c.kind {
	case deliver:
		w.hand(c.letter)
	case lose:
		w.losses--
		w.remove(c.letter)
	case fire:
		h := w.nodes[c.node]
		if at, _ := h.deadline(); at.After(w.now) {
			w.now = at
		}
		w.step(c.node, engine.Woke{})
	case linkFlip:
		w.events--
		h := w.nodes[c.node]
		h.links[c.segment] = !h.links[c.segment]
		w.step(c.node, w.link(c.node, c.segment))
	case stop:
		w.events--
		w.step(c.node, engine.Stopped{})
		w.nodes[c.node].on = false
	case restart:
		w.events--
		w.start(c.node)
	}
}

func (w *network) remove(i int) letter {
	l := w.mail[i]
	w.mail = append(w.mail[:i:i], w.mail[i+1:]...)
	return l
}

// hand delivers a frame, if its receiver can hear.
func (w *network) hand(i int) {
	l := w.remove(i)
	h := w.nodes[l.to]
	if !h.on || !h.links[l.segment] {
		return
	}
	w.step(l.to, engine.FrameReceived{Interface: fmt.Sprintf("eth%d", l.segment), Datagram: vrrp.Datagram{
		Source: l.packet.Source, Destination: l.packet.Destination, TTL: vrrp.TTL, Payload: l.packet.Payload,
	}})
}

// heals lets all go well from here on and looks whether it ends well.
func (w *network) heals() {
	for i, h := range w.nodes {
		if !h.on {
			w.start(i)
		}
		for s := range h.links {
			if !h.links[s] {
				h.links[s] = true
				w.step(i, w.link(i, s))
			}
		}
	}
	until := w.now.Add(healing)
	for w.broken == "" {
		if len(w.mail) > 0 {
			w.hand(0)
			continue
		}
		next := -1
		for i, h := range w.nodes {
			if at, ok := h.deadline(); ok && !at.After(until) {
				if best, _ := w.nodes[max(next, 0)].deadline(); next < 0 || at.Before(best) {
					next = i
				}
			}
		}
		if next < 0 {
			break
		}
		w.take(choice{kind: fire, node: next})
	}
	for i, h := range w.nodes {
		for s, state := range h.states {
			want := vrrp.Backup
			if w.o.Equal {
				continue // whoever it is
			}
			if i == 0 {
				want = vrrp.Master
			}
			if state != want {
				w.fail("left alone for %v, node %d is %v on segment %d", healing, i, state, s)
			}
		}
	}
	w.checkOne()
}

// healing is three Master_Down_Intervals and more.
const healing = 13 * interval

func (w *network) checkOne() {
	for s := range w.o.Segments {
		masters := 0
		for _, h := range w.nodes {
			if h.states[s] == vrrp.Master {
				masters++
			}
		}
		if masters != 1 {
			w.fail("left alone for %v, segment %d has %d MASTERs", healing, s, masters)
		}
	}
}
