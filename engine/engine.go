// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"container/heap"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/syncgroup"
	"github.com/govrrp/vrrpd/vrrp"
)

// Engine is many virtual routers as one machine. It is not safe for
// concurrent use; one goroutine owns it.
type Engine struct {
	cfg     Config
	started bool
	nodes   []*node // in configuration order
	index   index
	retired []*node      // removed by reloads, until there is a router of that identity again
	virtual []netip.Addr // every virtual address, sorted
	groups  []*group
	unsaid  bool // a group may have something to report
	timers  timerHeap
	world   world
	queue   []message
	refused []InterfaceRefusals

	now     time.Time
	outputs []Output
	packets []vrrp.Packet
	buf     []byte
	advert  vrrp.AdvertReceived // of the frame in hand, so that none allocates
	bad     vrrp.PacketRefused
}

// node is one router in its place.
type node struct {
	cfg     Router
	router  *vrrp.Router
	group   *group
	terms   []Term
	faults  []Fault
	running bool
	broken  string     // the panic that took it out of service; a bug
	source  netip.Addr // told last
	due     time.Time
	heap    int // position in the timer heap; negative = not in it
	order   int // configuration order, the tie-break
}

type group struct {
	cfg      Group
	sync     *syncgroup.Group
	members  []*node
	reported vrrp.Verdict
	known    bool // reported has been reported
	since    time.Time
}

// message is an event on its way to a router.
type message struct {
	to *node
	ev vrrp.Event
}

// Output is an order or a report. Exactly one of Action and Group is set.
type Output struct {
	Router vrrp.ID
	Name   string           // the router's, or the group's
	Action vrrp.Action      // nil for a group
	Group  *GroupTransition // nil for a router
}

// GroupTransition tells that a whole sync-group changed. It comes after the
// reports of its members.
type GroupTransition struct {
	From, To vrrp.State
	Members  []string // router names, in configuration order
	Initial  bool     // the first report; From means nothing
}

func (o Output) String() string {
	if o.Group != nil {
		return o.Name + ": " + o.Group.String()
	}
	return fmt.Sprintf("%s: %v", o.Name, o.Action)
}

func (t GroupTransition) String() string {
	if t.Initial {
		return fmt.Sprintf("group %v", t.To)
	}
	return fmt.Sprintf("group %v -> %v", t.From, t.To)
}

// New returns an engine whose routers wait for [Started]. The error joins
// every fault of c.
func New(c Config) (*Engine, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	e := &Engine{}
	e.build(c)
	return e, nil
}

// Deadline returns when [Woke] is due next; ok is false when no timer runs.
func (e *Engine) Deadline() (at time.Time, ok bool) {
	if len(e.timers) == 0 {
		return time.Time{}, false
	}
	return e.timers[0].due, true
}

// Has reports whether name is a router or a sync-group.
func (e *Engine) Has(name string) bool {
	return slices.ContainsFunc(e.nodes, func(n *node) bool { return n.cfg.Name == name }) ||
		slices.ContainsFunc(e.groups, func(g *group) bool { return g.cfg.Name == name })
}

// Step tells the engine one fact and returns what is to be done, in order. It
// runs to quiescence and never blocks. The slice and the packets in it are
// valid until the next Step.
func (e *Engine) Step(now time.Time, in Input) []Output {
	e.now = now
	clear(e.outputs)
	e.outputs, e.packets, e.buf = e.outputs[:0], e.packets[:0], e.buf[:0]
	switch in := in.(type) {
	case Started:
		e.start()
	case Woke:
		e.wake()
	case Suspended:
		for _, n := range e.nodes {
			e.post(n, vrrp.Suspended{For: in.For})
		}
	case FrameReceived:
		e.receive(&in)
	case *FrameReceived:
		e.receive(in)
	case LinkChanged:
		if what := e.world.setLink(in); what != nothingNew {
			e.settleInterface(in.Interface, what)
		}
	case TrackChanged:
		if e.world.setLevel(in.Track, in.Level) {
			e.settleTrack(in.Track)
		}
	case ActionDone:
		e.post(e.holder(in.Router), in.ActionFinished)
	case OwnershipLost:
		e.post(e.index.byID[in.Router], vrrp.OwnershipLost{Detail: in.Detail})
	case FailoverRequested:
		e.failover(in)
	case Reloaded:
		e.reload(in.Config)
	case Stopped:
		e.stop()
	default:
		panic(fmt.Sprintf("engine: unknown input %T", in))
	}
	e.drain()
	e.reportGroups()
	return e.outputs
}

// start lets every router begin that has what it waits for.
func (e *Engine) start() {
	e.started = true
	e.settle()
}

func (e *Engine) wake() {
	for len(e.timers) > 0 && !e.timers[0].due.After(e.now) {
		e.tell(e.timers[0], vrrp.TimerExpired{})
		e.drain()
	}
}

// failover makes a router, or every member of its sync-group, step aside.
func (e *Engine) failover(in FailoverRequested) {
	until := e.now.Add(in.For)
	for _, n := range e.nodes {
		if n.cfg.Name == in.Name || n.group != nil && n.group.answersTo(in.Name) {
			e.post(n, vrrp.SteppedAside{Until: until})
		}
	}
}

// answersTo reports whether name is the group or one of its members.
func (g *group) answersTo(name string) bool {
	return g.cfg.Name == name || slices.Contains(g.cfg.Members, name)
}

func (e *Engine) stop() {
	e.started = false
	for _, n := range e.nodes {
		n.running = false
		e.post(n, vrrp.Stopped{})
	}
	for _, n := range e.retired {
		e.post(n, vrrp.Stopped{})
	}
}

// post queues an event; a nil node (a router that is gone) is ignored.
func (e *Engine) post(n *node, ev vrrp.Event) {
	if n != nil {
		e.queue = append(e.queue, message{n, ev})
	}
}

// drain runs until nothing is left to tell. Votes and verdicts settle in two
// rounds, so the bound is generous; passing it is a bug.
func (e *Engine) drain() {
	limit := 64 * (len(e.nodes) + 1)
	limit += len(e.queue)
	for i := 0; i < len(e.queue); i++ {
		if i > limit {
			panic(fmt.Sprintf("engine: no quiescence after %d events", i))
		}
		e.tell(e.queue[i].to, e.queue[i].ev)
	}
	clear(e.queue)
	e.queue = e.queue[:0]
}

// tell steps one router and takes in what it answers. A router that panics,
// which no outside input may cause, is taken out of service; the others go on.
func (e *Engine) tell(n *node, ev vrrp.Event) {
	if n.broken != "" {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			e.quarantine(n, fmt.Sprint(p))
		}
	}()
	e.step(n, ev)
}

func (e *Engine) step(n *node, ev vrrp.Event) {
	for _, a := range n.router.Step(e.now, ev) {
		e.take(n, a)
	}
	e.schedule(n)
}

func (e *Engine) take(n *node, a vrrp.Action) {
	switch a := a.(type) {
	case vrrp.SendAdvert:
		a.Packets = e.keep(a.Packets)
		e.outputs = append(e.outputs, Output{Router: n.cfg.ID, Name: n.cfg.Name, Action: a})
		return
	case vrrp.CastVote:
		e.vote(n, a.Vote)
		return
	case vrrp.ReportNotice:
		if a.Notice == vrrp.NoticeMasterResigned && n.group != nil {
			for _, m := range n.group.members {
				if m != n {
					e.post(m, vrrp.PartnerResigned{})
				}
			}
		}
	}
	e.outputs = append(e.outputs, Output{Router: n.cfg.ID, Name: n.cfg.Name, Action: a})
}

// keep copies packets out of a router's buffer: it may be stepped again
// before this engine's outputs are carried out.
func (e *Engine) keep(packets []vrrp.Packet) []vrrp.Packet {
	first := len(e.packets)
	for _, p := range packets {
		start := len(e.buf)
		e.buf = append(e.buf, p.Payload...)
		p.Payload = e.buf[start:len(e.buf):len(e.buf)]
		e.packets = append(e.packets, p)
	}
	return e.packets[first:len(e.packets):len(e.packets)]
}

func (e *Engine) vote(n *node, v vrrp.Vote) {
	if n.group == nil {
		return
	}
	verdict, changed := n.group.sync.Cast(n.cfg.ID, v)
	if !changed {
		return
	}
	e.unsaid = true
	for _, m := range n.group.members {
		e.post(m, vrrp.VerdictReached{Verdict: verdict})
	}
}

// quarantine takes a router out of service after a bug; it resigns if it can.
func (e *Engine) quarantine(n *node, why string) {
	n.broken = why
	e.resign(n)
	if n.heap >= 0 {
		heap.Remove(&e.timers, n.heap)
	}
	e.outputs = append(e.outputs,
		Output{Router: n.cfg.ID, Name: n.cfg.Name, Action: vrrp.SetOwnership{Own: false}},
		Output{Router: n.cfg.ID, Name: n.cfg.Name, Action: vrrp.ReportNotice{Notice: NoticeBug, Detail: why}})
	if n.group != nil {
		e.vote(n, vrrp.VoteUnable)
	}
}

// resign stops a broken router, for the priority 0 that a MASTER owes.
func (e *Engine) resign(n *node) {
	defer func() { _ = recover() }()
	e.step(n, vrrp.Stopped{})
}

// NoticeBug reports a router that broke an invariant and was taken out of
// service; its SetOwnership has no ID and gets no ActionDone.
const NoticeBug vrrp.Notice = "bug"

// schedule puts a router's deadline into the heap.
func (e *Engine) schedule(n *node) {
	at, ok := n.router.Deadline()
	n.due = at
	switch {
	case ok && n.heap >= 0:
		heap.Fix(&e.timers, n.heap)
	case ok:
		heap.Push(&e.timers, n)
	case n.heap >= 0:
		heap.Remove(&e.timers, n.heap)
	}
}

// timerHeap orders routers by deadline, then by configuration order.
type timerHeap []*node

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if !h[i].due.Equal(h[j].due) {
		return h[i].due.Before(h[j].due)
	}
	return h[i].order < h[j].order
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heap, h[j].heap = i, j
}

// Push implements [heap.Interface].
func (h *timerHeap) Push(x any) {
	n := x.(*node)
	n.heap = len(*h)
	*h = append(*h, n)
}

// Pop implements [heap.Interface].
func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	n := (*h)[last]
	n.heap = -1
	*h = (*h)[:last]
	return n
}
