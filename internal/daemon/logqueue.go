// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
)

// logQueueSize bounds the log lines that wait for a slow reader.
const logQueueSize = 1024

// LogQueue is a writer that never blocks: whoever reads the log slowly, or not
// at all, must not delay an advert. Lines that find the queue full are lost
// and counted.
type LogQueue struct {
	lines chan []byte
	lost  atomic.Uint64
	ended atomic.Bool
	stop  chan struct{}
	done  chan struct{}
	once  sync.Once
}

// NewLogQueue starts writing to w. Close ends it.
func NewLogQueue(w io.Writer) *LogQueue {
	q := &LogQueue{lines: make(chan []byte, logQueueSize), stop: make(chan struct{}), done: make(chan struct{})}
	go q.run(w)
	return q
}

// run writes until Close, and then what still waits. A log that cannot be
// written has nobody to tell.
func (q *LogQueue) run(w io.Writer) {
	defer close(q.done)
	for stopping := false; !stopping; {
		select {
		case line := <-q.lines:
			_, _ = w.Write(line)
		case <-q.stop:
			stopping = true
		}
	}
	for {
		select {
		case line := <-q.lines:
			_, _ = w.Write(line)
		default:
			return
		}
	}
}

// Write queues one line. It reports success even when the line was lost.
func (q *LogQueue) Write(line []byte) (int, error) {
	if q.ended.Load() {
		q.lost.Add(1)
		return len(line), nil
	}
	select {
	case q.lines <- append([]byte(nil), line...):
	default:
		q.lost.Add(1)
	}
	return len(line), nil
}

// Lost returns how many lines were lost.
func (q *LogQueue) Lost() uint64 { return q.lost.Load() }

// Close writes what waits, until ctx ends. What comes afterwards is lost.
func (q *LogQueue) Close(ctx context.Context) {
	q.once.Do(func() {
		q.ended.Store(true)
		close(q.stop)
	})
	select {
	case <-q.done:
	case <-ctx.Done():
	}
}
