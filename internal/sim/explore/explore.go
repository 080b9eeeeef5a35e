// SPDX-License-Identifier: Apache-2.0

package explore

import (
	"errors"
	"strings"

	"github.com/govrrp/vrrpd/vrrp"
)

// Options bound an exploration.
type Options struct {
	Nodes    int // 2…8
	Segments int // virtual routers of each node, in one sync-group if more than one; 0 = 1, at most 4
	Version  vrrp.Version
	Equal    bool // all priorities are the same
	Settled  bool // begin with a MASTER elected rather than with a cold start
	Depth    int  // choices in a history
	Losses   int  // frames lost in a history
	Events   int  // link changes, stops and starts in a history
	Most     int  // states; 0 = no bound
}

// Result is what an exploration found.
type Result struct {
	States  int  // told apart
	Choices int  // taken
	Depth   int  // reached in full
	Cut     bool // the bound of states ended it
	Broken  string
	History []string // that leads to Broken
}

// Run explores breadth first. Each state is reached anew from the root, by
// the choices that led to it.
func Run(o Options) (Result, error) {
	if o.Nodes < 2 || o.Nodes > 8 || o.Segments > 4 || o.Depth > 250 {
		return Result{}, errors.New("explore: too small or too large")
	}
	o.Segments = max(o.Segments, 1)
	if o.Version == 0 {
		o.Version = vrrp.V3
	}
	seen := map[uint64]bool{}
	var r Result
	level := []string{""}
	seen[o.reach("").digest()] = true
	r.States = 1
	for ; r.Depth < o.Depth && len(level) > 0; r.Depth++ {
		var next []string
		for _, path := range level {
			for i := range o.reach(path).choices() {
				r.Choices++
				to := path + string([]byte{byte(i)})
				w := o.reach(to)
				id := w.digest()
				if seen[id] && w.broken == "" {
					continue
				}
				seen[id] = true
				r.States++
				if w.broken == "" {
					w.heals()
				}
				if w.broken != "" {
					r.Broken = w.broken
					r.History = o.tell(to)
					return r, nil
				}
				next = append(next, to)
				if o.Most > 0 && r.States >= o.Most {
					r.Cut = true
					return r, nil
				}
			}
		}
		level = next
	}
	return r, nil
}

// root is where all histories begin.
func (o Options) root() *network {
	w := newNetwork(o)
	if o.Settled {
		losses, events := w.losses, w.events
		w.heals()
		w.losses, w.events = losses, events
	}
	return w
}

// reach makes the choices of a path. Each is an index, one byte.
func (o Options) reach(path string) *network {
	w := o.root()
	for i := range len(path) {
		w.take(w.choices()[path[i]])
	}
	return w
}

// tell says what happens on a path, and while it should heal.
func (o Options) tell(path string) []string {
	w := o.root()
	w.tells = true
	for i := range len(path) {
		w.take(w.choices()[path[i]])
	}
	if w.broken == "" {
		w.history = append(w.history, strings.Repeat("-", 20)+" all goes well from here on")
		w.heals()
	}
	return w.history
}
