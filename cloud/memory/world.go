// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/cloud"
)

// Dialect is how writes behave in a world. Dialects combine with |.
type Dialect uint8

// The dialects. The zero Dialect moves atomically and without versions, like
// AWS; CompareAndSwap is like OCI; with TwoStep like Azure.
const (
	CompareAndSwap Dialect = 1 << iota // objects have versions, and writes name them
	TwoStep                            // a held address must be detached before it is attached; routes move at once
)

// World is the shared state: what exists, who holds it, and what was done.
type World struct {
	dialect Dialect

	mu      sync.Mutex
	objects map[string]*object
	nodes   []*Provider
	writes  []Write
	reads   int
	faults  FaultFunc
}

type object struct {
	item    cloud.Item
	holder  string
	version int
	history []past
}

// past is a state that was current until the given time.
type past struct {
	holder  string
	version int
	until   time.Time
}

// Write is one mutation that took effect.
type Write struct {
	At       time.Time
	Node     string // who sent it; "console" for Set
	Op       string // "assign", "detach", "attach", "set"
	Item     string // the item's key
	From, To string // holders; empty for none
}

// New returns an empty world.
func New(d Dialect) *World {
	return &World{dialect: d, objects: map[string]*object{}}
}

// AddVIP creates an address that nobody holds yet and returns its item.
func (w *World) AddVIP(a netip.Addr) cloud.Item { return w.Add(cloud.VIP(a), "") }

// Add creates an object with a holder (empty for none) and returns its item.
func (w *World) Add(it cloud.Item, holder string) cloud.Item {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.objects[it.Key()] = &object{item: it, holder: holder, version: 1}
	return it
}

// Items returns every item in the world, sorted by kind and key.
func (w *World) Items() []cloud.Item {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]cloud.Item, 0, len(w.objects))
	for _, o := range w.objects {
		out = append(out, o.item)
	}
	slices.SortFunc(out, func(a, b cloud.Item) int {
		if a.Kind != b.Kind {
			return int(a.Kind) - int(b.Kind)
		}
		return strings.Compare(a.Key(), b.Key())
	})
	return out
}

// Holder returns who holds the item now, without faults or staleness.
func (w *World) Holder(it cloud.Item) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if o := w.objects[it.Key()]; o != nil {
		return o.holder
	}
	return ""
}

// Set changes a holder as a person at a console would: at once, unconditionally.
func (w *World) Set(it cloud.Item, holder string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if o := w.objects[it.Key()]; o != nil {
		w.move(o, "console", "set", holder)
	}
}

// Remove deletes an object, as a person at a console would.
func (w *World) Remove(it cloud.Item) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.objects, it.Key())
}

// Writes returns every mutation that took effect, oldest first.
func (w *World) Writes() []Write {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.writes)
}

// Reads returns how many objects were read.
func (w *World) Reads() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reads
}

// move records a change of holder. The caller holds the lock.
func (w *World) move(o *object, node, op, holder string) {
	w.writes = append(w.writes, Write{
		At: time.Now(), Node: node, Op: op, Item: o.item.Key(), From: o.holder, To: holder,
	})
	o.history = append(o.history, past{o.holder, o.version, time.Now()})
	if len(o.history) > 64 {
		o.history = slices.Delete(o.history, 0, 32)
	}
	o.holder = holder
	o.version++
}

// at returns the state of an object as it was d ago. The caller holds the lock.
func (o *object) at(d time.Duration) (holder string, version int) {
	then := time.Now().Add(-d)
	for _, p := range o.history {
		if p.until.After(then) {
			return p.holder, p.version
		}
	}
	return o.holder, o.version
}

func etag(version int) string { return fmt.Sprintf(`"e%d"`, version) }
