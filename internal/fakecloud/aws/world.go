// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// The fixed facts of a world.
const (
	Region  = "eu-central-1"
	Account = "111122223333"
	VPC     = "vpc-1"
)

// World is the shared state, and the record of what was asked.
type World struct {
	mu       sync.Mutex
	now      state
	past     []snapshot
	nodes    []*Node
	faults   FaultFunc
	requests []Request
	serial   int
	buckets  map[string]*bucket

	// MetadataLag is how much later than the API the metadata service shows
	// the addresses of an interface. Set it before use.
	MetadataLag time.Duration
	// PageSize, if not 0, is the number of results on a page.
	PageSize int
	// Slots is the number of private IPv4 addresses an interface may have.
	Slots int
	// Skew is how far EC2's clock is ahead of ours. Set it before use.
	Skew time.Duration
	// TokenLife is how long a metadata session lives, whatever the client
	// asked for; 0: as asked.
	TokenLife time.Duration
}

// state is everything that a request can change.
type state struct {
	enis   map[string]*eni
	eips   map[string]*eip
	tables map[string]*table
}

type eni struct {
	id, mac, subnet, instance string
	v4                        []string // the first is the primary one
	v6                        []string
	check                     bool // source/destination check
}

type eip struct {
	allocation, public, association string
	eni, private                    string
}

type table struct {
	id, name string
	tags     map[string]string
	routes   map[string]route
}

type route struct {
	hop       string // "eni-…", "igw-…", "local"
	blackhole bool
}

type snapshot struct {
	state
	until time.Time
}

// New returns a world with one VPC and no subnet.
func New() *World {
	return &World{
		Slots: 15, buckets: map[string]*bucket{},
		now: state{enis: map[string]*eni{}, eips: map[string]*eip{}, tables: map[string]*table{}},
	}
}

func (s state) clone() state {
	c := state{enis: map[string]*eni{}, eips: map[string]*eip{}, tables: map[string]*table{}}
	for id, e := range s.enis {
		n := *e
		n.v4, n.v6 = slices.Clone(e.v4), slices.Clone(e.v6)
		c.enis[id] = &n
	}
	for id, e := range s.eips {
		n := *e
		c.eips[id] = &n
	}
	for id, t := range s.tables {
		n := *t
		n.routes = maps.Clone(t.routes)
		c.tables[id] = &n
	}
	return c
}

// keepPast is how long snapshots are kept for stale reads and the lag.
const keepPast = 10 * time.Minute

// change keeps a snapshot and then changes the present. The caller holds the lock.
func (w *World) change(f func()) {
	now := time.Now()
	w.past = slices.DeleteFunc(w.past, func(s snapshot) bool { return now.Sub(s.until) > keepPast })
	w.past = append(w.past, snapshot{w.now.clone(), now})
	f()
}

// at returns the state as it was d ago. The caller holds the lock.
func (w *World) at(d time.Duration) state {
	then := time.Now().Add(-d)
	for _, s := range w.past {
		if s.until.After(then) {
			return s.state
		}
	}
	return w.now
}

func (w *World) edit(f func(*state)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.change(func() { f(&w.now) })
}

// AddAddress puts a secondary private IPv4 or an IPv6 address on an interface.
func (w *World) AddAddress(addr, eni string) {
	w.edit(func(s *state) { s.place(addr, eni) })
}

// MoveAddress moves an address as a third party would; to "" removes it.
func (w *World) MoveAddress(addr, eni string) {
	w.edit(func(s *state) { s.place(addr, eni) })
}

// place takes an address from wherever it is, and elastic addresses with it.
func (s *state) place(addr, to string) {
	for _, e := range s.enis {
		e.v4 = slices.DeleteFunc(e.v4, func(a string) bool { return a == addr })
		e.v6 = slices.DeleteFunc(e.v6, func(a string) bool { return a == addr })
	}
	e := s.enis[to]
	if e == nil {
		return
	}
	if netip.MustParseAddr(addr).Is4() {
		e.v4 = append(e.v4, addr)
	} else {
		e.v6 = append(e.v6, addr)
	}
	for _, p := range s.eips {
		if p.private == addr {
			p.eni = to
		}
	}
}

// Holder returns the interface that has a private or IPv6 address now, "" for none.
func (w *World) Holder(addr string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now.holder(addr)
}

func (s state) holder(addr string) string {
	for _, e := range s.enis {
		if slices.Contains(e.v4, addr) || slices.Contains(e.v6, addr) {
			return e.id
		}
	}
	return ""
}

// AddElastic adds an elastic address. eni and private may be empty.
func (w *World) AddElastic(allocation, public, eni, private string) {
	w.edit(func(s *state) {
		s.eips[allocation] = &eip{allocation: allocation, public: public}
		s.associate(s.eips[allocation], eni, private)
	})
}

// MoveElastic moves an elastic address as a third party would.
func (w *World) MoveElastic(allocation, eni, private string) {
	w.edit(func(s *state) { s.associate(s.eips[allocation], eni, private) })
}

func (s *state) associate(p *eip, eni, private string) {
	p.eni, p.private, p.association = eni, private, ""
	if eni != "" {
		p.association = fmt.Sprintf("eipassoc-%s-%s", p.allocation, eni)
	}
}

// Elastic returns where an elastic address is now.
func (w *World) Elastic(allocation string) (eni, private string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.now.eips[allocation]
	return p.eni, p.private
}

// AddTable adds a route table with the fabric's own route.
func (w *World) AddTable(id, name string, tags map[string]string) {
	w.edit(func(s *state) {
		s.tables[id] = &table{id: id, name: name, tags: tags, routes: map[string]route{"10.0.0.0/16": {hop: "local"}}}
	})
}

// SetRoute sets a route, as a third party would; hop "" deletes it.
func (w *World) SetRoute(table, dest, hop string) {
	w.edit(func(s *state) {
		if hop == "" {
			delete(s.tables[table].routes, dest)
			return
		}
		s.tables[table].routes[dest] = route{hop: hop}
	})
}

// Blackhole marks a route as one whose next hop is gone.
func (w *World) Blackhole(table, dest string) {
	w.edit(func(s *state) {
		r := s.tables[table].routes[dest]
		r.blackhole = true
		s.tables[table].routes[dest] = r
	})
}

// NextHop returns where a route points now, "" if there is none.
func (w *World) NextHop(table, dest string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now.tables[table].routes[dest].hop
}
