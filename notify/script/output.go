// SPDX-License-Identifier: Apache-2.0

package script

import (
	"io"
	"strings"
	"sync"
	"unicode"
)

// What is kept of a program's output.
const (
	outputBytes = 4096
	outputLines = 20
)

// A tail reads everything and keeps the end.
type tail struct {
	eof chan struct{} // closed when nobody can write any more

	mu  sync.Mutex
	end []byte
}

func newTail() *tail { return &tail{eof: make(chan struct{})} }

// drain reads r until its end, so that no writer ever blocks on a full pipe.
func (t *tail) drain(r io.ReadCloser) {
	defer close(t.eof)
	defer r.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := r.Read(buf)
		t.mu.Lock()
		t.end = append(t.end, buf[:n]...)
		if extra := len(t.end) - outputBytes; extra > 0 {
			t.end = append(t.end[:0], t.end[extra:]...)
		}
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// String returns the last lines, safe to show on a terminal.
func (t *tail) String() string {
	t.mu.Lock()
	text := string(t.end)
	t.mu.Unlock()
	text = strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	lines := strings.Split(strings.TrimRight(text, " \n"), "\n")
	if extra := len(lines) - outputLines; extra > 0 {
		lines = lines[extra:]
	}
	return strings.Join(lines, "\n")
}
