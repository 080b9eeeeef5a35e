// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"fmt"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/cloud/internal/statefile"
)

// gate is the fence of one claim. It is shut unless this node is MASTER in the
// current generation, the guard has passed, the node has not yielded, and the
// VRRP loop has shown a sign of life within the lease.
type gate struct {
	clock func() time.Duration
	lease time.Duration // 0: no lease
	dry   bool

	mu      sync.Mutex
	gen     uint64
	master  bool
	passed  bool
	yielded bool
	tick    time.Duration // the last sign of life
	opens   time.Duration // shut until then, after a lapse
}

// tickNow notes a sign of life. If the previous one is older than the lease
// while MASTER, this machine was frozen: the loop gets one more lease to hear
// whether somebody else took over, before any write.
func (g *gate) tickNow() {
	now := g.clock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.master && g.lease > 0 && now-g.tick > g.lease {
		g.opens = now + g.lease
	}
	g.tick = now
}

// setMaster starts a new generation and returns it. Both directions count: a
// request of the previous generation must not be allowed by the next one.
func (g *gate) setMaster(master bool) uint64 {
	now := g.clock()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gen++
	g.master, g.passed, g.yielded = master, false, false
	g.tick, g.opens = now, now
	return g.gen
}

// shut ends the generation without starting another. The claim's own counter
// follows at its next run.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gen++
	g.master, g.passed = false, false
}

// startAt raises the generation to a persisted one, before the first use.
func (g *gate) startAt(gen uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gen = max(g.gen, gen)
}

func (g *gate) pass(gen uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gen == gen {
		g.passed = true
	}
}

func (g *gate) yield(gen uint64, yielded bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gen == gen {
		g.yielded = yielded
	}
}

// allowed decides for the given generation.
func (g *gate) allowed(gen uint64) error {
	now := g.clock()
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case gen != g.gen:
		return fmt.Errorf("%w: generation %d is over, %d is current", ErrFenced, gen, g.gen)
	case !g.master:
		return fmt.Errorf("%w: not MASTER", ErrFenced)
	case !g.passed:
		return fmt.Errorf("%w: the guard has not passed", ErrFenced)
	case g.yielded:
		return fmt.Errorf("%w: yielded to a node of higher rank", ErrFenced)
	case g.lease > 0 && now-g.tick > g.lease:
		return fmt.Errorf("%w: no sign of life from the VRRP loop for %v", ErrFenced, now-g.tick)
	case g.lease > 0 && now < g.opens:
		return fmt.Errorf("%w: this machine was frozen, waiting to hear of another MASTER", ErrFenced)
	case g.dry:
		return ErrDryRun
	}
	return nil
}

// genFence is the gate as one generation sees it.
type genFence struct {
	gate *gate
	gen  uint64
}

func (f genFence) Allowed() error { return f.gate.allowed(f.gen) }

// FileGenerations is a [Generations] in a file, replaced atomically.
type FileGenerations string

type savedGeneration struct {
	Generation uint64 `json:"generation"`
}

// Load implements [Generations]. A missing file is generation zero; a damaged
// one is an error.
func (f FileGenerations) Load() (uint64, error) {
	var s savedGeneration
	err := statefile.Read(string(f), &s)
	if statefile.Absent(err) {
		return 0, nil
	}
	return s.Generation, err
}

// Save implements [Generations].
func (f FileGenerations) Save(gen uint64) error {
	return statefile.Write(string(f), savedGeneration{gen})
}
