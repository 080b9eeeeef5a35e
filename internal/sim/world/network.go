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

// segment is a broadcast domain; the cloud's network is one, too.
type segment struct {
	name   string
	ports  []*port
	impair []Impairment // faults in force, on top of the world's own
	cut    [][]int      // by index of sender, receiver: reasons why nothing passes
}

// port is a node's interface.
type port struct {
	Interface
	node   *node
	seg    *segment
	index  int // in seg.ports
	down   int // reasons
	absent int
	bare   int             // reasons why its own addresses are gone
	last   []time.Duration // by receiver: the arrival of the frame before
}

func (p *port) carries() bool { return p.down == 0 && p.absent == 0 }

// frame is a datagram on its way.
type frame struct {
	port *port // it arrives at
	from *port // nil: nobody knows
	engine.FrameReceived
	sort sort
}

// sort says whether a frame is what a router sent.
type sort uint8

const (
	genuine sort = iota
	hostile      // must be refused
)

var (
	errLinkDown  = errors.New("network is down")
	errNoBuffer  = errors.New("no buffer space available")
	errNoAddress = errors.New("cannot assign requested address")
)

// send puts a packet on the wire of a port.
func (w *World) send(p *port, pk vrrp.Packet) error {
	if !p.carries() {
		return errLinkDown
	}
	if p.node.mute > 0 {
		return errNoBuffer
	}
	if !p.has(pk.Source) {
		return errNoAddress
	}
	f := frame{from: p, FrameReceived: engine.FrameReceived{Datagram: vrrp.Datagram{
		Source: pk.Source, Destination: pk.Destination, TTL: vrrp.TTL, Payload: slices.Clone(pk.Payload),
	}}}
	if w.tracesFrames() {
		w.tell(p.node, "send", "%s", describe(pk.Source, pk.Destination, pk.Payload))
	}
	for _, to := range p.seg.ports {
		if to != p && (pk.Destination.IsMulticast() || to.has(pk.Destination)) {
			w.carry(f, to)
		}
	}
	return nil
}

// carry brings a frame to one receiver, or loses it.
func (w *World) carry(f frame, to *port) {
	seg := to.seg
	if seg.cut[f.from.index][to.index] > 0 {
		w.counts.Lost++
		return
	}
	net := w.setup.Net
	for _, i := range seg.impair {
		net = worse(net, i)
	}
	if w.chance(net.Loss) {
		w.counts.Lost++
		return
	}
	f.port, f.Interface = to, to.Name
	at := w.t + net.Latency + w.upTo(net.Jitter)
	if w.chance(net.Reorder) {
		at += w.upTo(10 * (net.Latency + net.Jitter))
	} else {
		at = max(at, f.from.last[to.index])
		f.from.last[to.index] = at
	}
	w.plan(at, occurrence{kind: frameArrives, node: to.node.index, life: to.node.life, frame: f})
	if w.chance(net.Duplicate) {
		w.plan(at+w.upTo(net.Jitter), occurrence{kind: frameArrives, node: to.node.index, life: to.node.life, frame: f})
	}
}

func worse(a, b Impairment) Impairment {
	return Impairment{
		Latency:   a.Latency + b.Latency,
		Jitter:    a.Jitter + b.Jitter,
		Loss:      max(a.Loss, b.Loss),
		Duplicate: max(a.Duplicate, b.Duplicate),
		Reorder:   max(a.Reorder, b.Reorder),
	}
}

// socketBuffer is how many frames wait for a process that does not read.
const socketBuffer = 512

func (w *World) arrive(n *node, f frame) {
	if !f.port.carries() || !n.up || n.asleep > 0 || len(n.frames) >= socketBuffer {
		w.counts.Lost++
		return
	}
	w.counts.Frames++
	if w.tracesFrames() {
		w.tell(n, "frame", "%s", describe(f.Source, f.Destination, f.Payload))
	}
	n.frames = append(n.frames, f)
	w.pump(n)
}

// connected reports whether frames pass both ways between two ports.
func connected(a, b *port) bool {
	return a == b || a.seg == b.seg && a.carries() && b.carries() &&
		a.seg.cut[a.index][b.index] == 0 && a.seg.cut[b.index][a.index] == 0
}

// has reports whether a is an address on the port.
func (p *port) has(a netip.Addr) bool {
	if p.bare == 0 && slices.ContainsFunc(p.Addresses, func(o netip.Prefix) bool { return o.Addr() == a }) {
		return true
	}
	return slices.ContainsFunc(p.node.lanes, func(l *lane) bool {
		return l.id.Interface == p.Name && slices.Contains(l.table, a)
	})
}

// link is what the host would tell of the port.
func (p *port) link() engine.LinkChanged {
	l := engine.LinkChanged{Interface: p.Name, Present: p.absent == 0, Up: p.carries()}
	if p.absent > 0 {
		return l
	}
	if p.bare == 0 {
		l.Addresses = append(l.Addresses, p.Addresses...)
	}
	for _, lane := range p.node.lanes {
		if lane.id.Interface == p.Name {
			for _, a := range lane.table {
				l.Addresses = append(l.Addresses, netip.PrefixFrom(a, a.BitLen()))
			}
		}
	}
	return l
}

func (w *World) addPort(n *node, i Interface) {
	var seg *segment
	for _, s := range w.wires {
		if s.name == i.Segment {
			seg = s
		}
	}
	if seg == nil {
		seg = &segment{name: i.Segment}
		w.wires = append(w.wires, seg)
	}
	p := &port{Interface: i, node: n, seg: seg, index: len(seg.ports)}
	seg.ports = append(seg.ports, p)
	n.ports = append(n.ports, p)
	seg.cut = make([][]int, len(seg.ports))
	for k := range seg.ports {
		seg.cut[k] = make([]int, len(seg.ports))
		seg.ports[k].last = make([]time.Duration, len(seg.ports))
	}
}
