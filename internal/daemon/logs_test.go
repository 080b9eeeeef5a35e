// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A log that nobody reads must not hold up anybody: what does not fit is
// counted, what fits arrives in order once somebody reads.
func TestLogQueueNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe() // a write waits for its reader
		q := NewLogQueue(w)
		synctest.Wait()
		line := []byte("0\n")
		if n, err := q.Write(line); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		synctest.Wait() // the first line is in the pipe
		line[0] = 'x'   // the writer's buffer is its own again
		const extra = 7
		for i := 1; i <= logQueueSize+extra; i++ {
			if _, err := fmt.Fprintf(q, "%d\n", i); err != nil {
				t.Fatal(err)
			}
		}
		if q.Lost() != extra {
			t.Errorf("%d lost, want %d", q.Lost(), extra)
		}
		read := make(chan string)
		go func() {
			text, _ := io.ReadAll(r)
			read <- string(text)
		}()
		q.Close(t.Context())
		w.Close()
		got := strings.Fields(<-read)
		if len(got) != logQueueSize+1 || got[0] != "0" || got[logQueueSize] != fmt.Sprint(logQueueSize) {
			t.Errorf("%d lines, from %s to %s", len(got), got[0], got[len(got)-1])
		}
	})
}

// The end of the daemon does not wait for a reader that never comes.
func TestLogQueueCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		q := NewLogQueue(w)
		_, _ = io.WriteString(q, "stuck\n")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		q.Close(ctx)
		if waited := time.Since(begin); waited != time.Second {
			t.Errorf("waited %v", waited)
		}
		r.Close()
		q.Close(t.Context()) // again does no harm
	})
}

// Something may still log while the daemon ends: it is lost, not a crash.
func TestLogQueueAfterClose(t *testing.T) {
	q := NewLogQueue(io.Discard)
	q.Close(t.Context())
	if n, err := io.WriteString(q, "late\n"); n != 5 || err != nil || q.Lost() != 1 {
		t.Errorf("%d, %v, %d lost", n, err, q.Lost())
	}
}

func TestPlainHandler(t *testing.T) {
	var b buffer
	log := slog.New(NewPlainHandler(&b, slog.LevelInfo))
	log.Debug("hidden")
	log.Info("(VI_1) Entering MASTER STATE", "from", "BACKUP")
	log.Warn("(VI_1) packet refused: ttl", "source", "192.0.2.9", "detail", "")
	log.With("claim", "oci").WithGroup("g").Error("no", "err", io.EOF)
	want := []string{
		"(VI_1) Entering MASTER STATE",
		"(VI_1) packet refused: ttl source=192.0.2.9",
		"no claim=oci err=EOF",
	}
	if got := b.lines(); !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
