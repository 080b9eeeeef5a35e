// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"
	"strings"
	"time"
)

// Event is one line of a trace.
type Event struct {
	At   time.Duration // since the world began
	Node string        // "" = the world itself
	What string        // "state", "advert", "frame", "address", "fault", "note", "wrong" …
	Text string
}

func (e Event) String() string {
	return fmt.Sprintf("%12.6fs  %-6s %-8s %s", e.At.Seconds(), e.Node, e.What, e.Text)
}

// tell traces something of a node; n may be nil.
func (w *World) tell(n *node, what, format string, args ...any) {
	if w.setup.Trace == nil {
		return
	}
	e := Event{At: w.t, What: what, Text: strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; ")}
	if n != nil {
		e.Node = n.Name
	}
	w.setup.Trace(e)
}

func (w *World) tracesFrames() bool {
	return w.setup.Trace != nil && w.setup.Frames == Traffic
}
