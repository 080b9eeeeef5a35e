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
	Losses   int  // frames lost in a history
	Events   int  // link changes, stops and starts in a history
	Depth    int  // choices in a history; 0 = no bound, until nothing new is reached
	Most     int  // states; 0 = no bound
}

// Result is what an exploration found.
type Result struct {
	States   int  // told apart
	Choices  int  // taken
	Depth    int  // of the last new state
	Complete bool // no history, however long, leads to another state
	Broken   string
	History  []string // that leads to Broken
}

// Run explores breadth first. Each state is reached anew from the root, by
// the choices that led to it.
func Run(o Options) (Result, error) {
	if o.Nodes < 2 || o.Nodes > 8 || o.Segments > 4 {
		return Result{}, errors.New("explore: too small or too large")
	}
	o.Segments = max(o.Segments, 1)
	if o.Version == 0 {
		o.Version = vrrp.V3
	}
	start := o.reach("")
	seen := map[uint64]bool{start.digest(): true}
	r := Result{States: 1}
	level := []branch{{"", len(start.choices())}}
	for o.Depth == 0 || r.Depth < o.Depth {
		var next []branch
		for _, from := range level {
			for i := range from.choices {
				r.Choices++
				path := from.path + string([]byte{byte(i)})
				w := o.reach(path)
				id := w.digest()
				if seen[id] && w.broken == "" {
					continue
				}
				seen[id] = true
				r.States++
				next = append(next, branch{path, len(w.choices())})
				if w.broken == "" {
					w.heals()
				}
				if w.broken != "" {
					r.Broken, r.History = w.broken, o.tell(path)
					return r, nil
				}
				if o.Most > 0 && r.States >= o.Most {
					return r, nil
				}
			}
		}
		if len(next) == 0 {
			r.Complete = true
			break
		}
		level = next
		r.Depth++
	}
	return r, nil
}

// branch is a state by the path that leads to it, and the number of ways on.
type branch struct {
	path    string
	choices int
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
