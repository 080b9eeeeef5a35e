// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"strings"
	"sync"
)

// tail keeps the last bytes written to it.
type tail struct {
	limit int

	mu      sync.Mutex
	buf     []byte
	dropped int64
	sealed  bool
}

// Write never fails. A sealed tail discards.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sealed {
		return len(p), nil
	}
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.limit; over > 0 {
		t.dropped += int64(over)
		t.buf = t.buf[:copy(t.buf, t.buf[over:])]
	}
	return len(p), nil
}

// seal returns what was kept and makes later writes go nowhere.
func (t *tail) seal() (string, int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sealed = true
	kept := strings.ToValidUTF8(string(t.buf), "\uFFFD")
	t.buf = nil
	return kept, t.dropped
}
