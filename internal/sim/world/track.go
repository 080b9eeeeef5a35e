// SPDX-License-Identifier: Apache-2.0

package world

import (
	"slices"

	"github.com/govrrp/vrrpd/engine"
)

// levelOf is a tracked object.
type levelOf struct {
	engine.Track
	engine.Level
	bad    int // faults that make it so
	silent int // faults that keep its checks from ending
}

// tracksOf lists the tracked objects of a configuration but for interfaces.
func tracksOf(c engine.Config) (all []engine.Track) {
	add := func(ts []engine.Tracking) {
		for _, t := range ts {
			if t.Kind != engine.TrackInterface && !slices.Contains(all, t.Track) {
				all = append(all, t.Track)
			}
		}
	}
	for _, r := range c.Routers {
		add(r.Tracks)
	}
	for _, g := range c.Groups {
		add(g.Tracks)
	}
	return all
}

// watch begins to check the objects that a configuration tracks and none did
// before. The process hears of each once it has been checked.
func (w *World) watch(n *node, c engine.Config) {
	for _, t := range tracksOf(c) {
		if !slices.ContainsFunc(n.levels, func(l levelOf) bool { return l.Track == t }) {
			l := levelOf{Track: t, Level: engine.Level{Known: true, Good: true}}
			n.levels = append(n.levels, l)
			w.report(n, &l)
		}
	}
}

// setLevel changes a tracked object.
func (w *World) setLevel(n *node, name string, good bool) {
	for i := range n.levels {
		l := &n.levels[i]
		if l.Name != name {
			continue
		}
		if good {
			l.bad--
		} else {
			l.bad++
		}
		l.judge()
		w.report(n, l)
	}
}

// judge makes the level of an object of the faults in force. A file holds a
// number first and cannot be read then.
func (l *levelOf) judge() {
	l.Good, l.Value, l.Detail = l.bad == 0, 0, ""
	switch {
	case l.Kind == engine.TrackFile && l.bad == 1:
		l.Good, l.Value = true, 1
	case l.Kind == engine.TrackFile && l.bad > 1:
		l.Detail = "permission denied"
	case l.bad > 0:
		l.Detail = "exit 1"
	}
}

// setSilent begins or ends that checks of an object hang.
func (w *World) setSilent(n *node, name string, by int) {
	for i := range n.levels {
		if l := &n.levels[i]; l.Name == name {
			l.silent += by
			w.report(n, l)
		}
	}
}

// report tells the process soon, unless the check hangs. Before the first one
// has started there is none; each is told at its start.
func (w *World) report(n *node, l *levelOf) {
	if l.silent == 0 && n.life > 0 {
		w.later(n, w.upTo(netlinkDelay), engine.TrackChanged{Track: l.Track, Level: l.Level})
	}
}
