// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"sync"

	"github.com/govrrp/vrrpd/engine"
)

// inboxSize bounds the frames that wait for the loop. When it is full further
// frames are dropped and counted: a flood may cost frames, never a timer.
const inboxSize = 1024

// inbox hands frames from the readers to the loop in batches. Payloads are
// copied into an arena that is reused, so a frame costs no allocation.
type inbox struct {
	mu      sync.Mutex
	filling batch
	spare   batch
	dropped uint64
	ready   chan struct{} // holds a token while frames wait
}

type batch struct {
	frames []engine.FrameReceived
	arena  []byte
}

func newInbox() *inbox { return &inbox{ready: make(chan struct{}, 1)} }

// put copies f in. It never blocks.
func (b *inbox) put(f engine.FrameReceived) {
	b.mu.Lock()
	if len(b.filling.frames) >= inboxSize {
		b.dropped++
		b.mu.Unlock()
		return
	}
	start := len(b.filling.arena)
	b.filling.arena = append(b.filling.arena, f.Payload...)
	f.Payload = b.filling.arena[start:len(b.filling.arena):len(b.filling.arena)]
	b.filling.frames = append(b.filling.frames, f)
	b.mu.Unlock()
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// take returns the frames that wait; they are valid until the next take.
func (b *inbox) take() []engine.FrameReceived {
	b.mu.Lock()
	defer b.mu.Unlock()
	full := b.filling
	b.filling = batch{frames: b.spare.frames[:0], arena: b.spare.arena[:0]}
	b.spare = full
	return full.frames
}

func (b *inbox) drops() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}
