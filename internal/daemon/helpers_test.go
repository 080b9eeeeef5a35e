// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/notify"
)

// parse reads a configuration without errors.
func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, findings := config.Parse("keepalived.conf", []byte(text), config.Options{ConfigID: "r1"})
	if findings.HasErrors() {
		t.Fatalf("%v in\n%s", findings, text)
	}
	return c
}

// router is a configuration with one instance, VI_1, and some more lines in it.
func router(lines string) string {
	return "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n" + lines + "\n}\n"
}

const vip = "virtual_ipaddress {\n 192.0.2.10/24\n}\n"

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// at is a time some seconds into the test.
func at(seconds float64) time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

// buffer is a log that can be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Split(strings.TrimSuffix(b.text.String(), "\n"), "\n")
}

// count is how many lines hold the text.
func (b *buffer) count(text string) int {
	n := 0
	for _, l := range b.lines() {
		if strings.Contains(l, text) {
			n++
		}
	}
	return n
}

// idle is a daemon whose parts do not run.
func idle(t *testing.T) (*Daemon, *buffer) {
	t.Helper()
	log := &buffer{}
	o := Options{Log: slog.New(NewPlainHandler(log, slog.LevelDebug)), Node: "r1"}
	d := &Daemon{opts: o, dispatcher: notify.New(nil), fifos: map[string]*notify.FIFO{}, claims: newClaims(o), phases: newPhases()}
	d.sink = newSink(o.Log, d.dispatcher, d.claims)
	t.Cleanup(func() {
		if err := d.dispatcher.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return d, log
}
