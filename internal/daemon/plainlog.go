// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// PlainHandler logs the way keepalived does: the message, which carries
// keepalived's own words where people search for them, and for warnings and
// errors what explains them.
type PlainHandler struct {
	mu    *sync.Mutex
	w     io.Writer
	level slog.Level
	attrs string
}

// NewPlainHandler logs to w what is at least of the given level.
func NewPlainHandler(w io.Writer, level slog.Level) *PlainHandler {
	return &PlainHandler{mu: &sync.Mutex{}, w: w, level: level}
}

// Enabled implements [slog.Handler].
func (h *PlainHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

// Handle implements [slog.Handler].
func (h *PlainHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	b.WriteString(h.attrs)
	if r.Level >= slog.LevelWarn {
		r.Attrs(func(a slog.Attr) bool {
			if v := a.Value.String(); v != "" {
				b.WriteString(" " + a.Key + "=" + v)
			}
			return true
		})
	}
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, b.String())
	return err
}

// WithAttrs implements [slog.Handler].
func (h *PlainHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	for _, a := range attrs {
		c.attrs += " " + a.Key + "=" + a.Value.String()
	}
	return &c
}

// WithGroup implements [slog.Handler]; groups are not shown.
func (h *PlainHandler) WithGroup(string) slog.Handler { return h }
