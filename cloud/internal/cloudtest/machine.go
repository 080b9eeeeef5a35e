// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/cloud"
)

// Advert is the advertisement interval of the stand-in for the VRRP loop.
const Advert = time.Second

// Machine is one node: its claim, and a loop that ticks. It lives in a
// testing/synctest bubble.
type Machine struct {
	Items      []cloud.Item
	Self, Peer cloud.Rank
	Options    func(*cloud.Config) // changes the configuration of the next start; nil: does not
	Audit      *Buffer             // of the claim that was started last

	mu     sync.Mutex
	claim  *cloud.Claim
	frozen bool
	cancel context.CancelFunc
	done   chan struct{}
}

// Pair returns two machines with the same items, the first of higher rank.
func Pair(items []cloud.Item, a, b netip.Addr) (*Machine, *Machine) {
	ra, rb := cloud.Rank{Priority: 150, Addr: a}, cloud.Rank{Priority: 100, Addr: b}
	return &Machine{Items: items, Self: ra, Peer: rb}, &Machine{Items: items, Self: rb, Peer: ra}
}

// Start boots the machine with a provider: a BACKUP with nothing claimed. It
// returns a second later.
func (m *Machine) Start(t testing.TB, p cloud.Provider, seed uint64) {
	t.Helper()
	epoch := time.Now().Add(-time.Hour)
	m.Audit = &Buffer{}
	cfg := cloud.Config{
		Name: "wan", Provider: p, Items: m.Items, Lease: 3 * Advert, Audit: cloud.NewAuditLog(m.Audit),
		Clock:  func() time.Duration { return time.Since(epoch) },
		Random: Locked(rand.New(rand.NewPCG(seed, 7)).Float64),
	}
	if m.Options != nil {
		m.Options(&cfg)
	}
	c, err := cloud.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	m.mu.Lock()
	m.claim, m.cancel, m.done = c, cancel, done
	m.mu.Unlock()
	go func() {
		defer close(done)
		_ = c.Run(ctx)
	}()
	go func() {
		for ctx.Err() == nil {
			time.Sleep(Advert)
			m.mu.Lock()
			frozen := m.frozen
			m.mu.Unlock()
			if !frozen {
				c.Tick()
			}
		}
	}()
	Wait(time.Second)
}

// Claim returns the claim that was started last.
func (m *Machine) Claim() *cloud.Claim {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.claim
}

// Stop ends the machine as kill -9 would: nothing is released.
func (m *Machine) Stop() {
	m.cancel()
	<-m.done
	Wait(Advert + time.Millisecond)
}

// Freeze stops the loop, or lets it go on.
func (m *Machine) Freeze(frozen bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frozen = frozen
}

// Master makes the machine MASTER.
func (m *Machine) Master(cause cloud.Cause) {
	m.Claim().SetWanted(cloud.Wanted{Master: true, Cause: cause, Reason: cause.String(), Self: m.Self, Peer: m.Peer})
}

// Backup makes the machine anything but MASTER.
func (m *Machine) Backup() { m.Claim().SetWanted(cloud.Wanted{Self: m.Self, Peer: m.Peer}) }

// Status is that of the claim.
func (m *Machine) Status() cloud.Status { return m.Claim().Status() }

// State fails the test unless the claim is in a state.
func (m *Machine) State(t testing.TB, want cloud.State) {
	t.Helper()
	if s := m.Status(); s.State != want {
		t.Errorf("%s, want %s: %s", s.State, want, JSON(s))
	}
}

// Leaks reports whether one of the secrets is in the audit log or the status.
func (m *Machine) Leaks(secrets ...string) bool {
	text := m.Audit.String() + JSON(m.Status())
	for _, s := range secrets {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// Wait lets virtual time pass, and everything that happens then happen.
func Wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// Locked makes a source of random numbers safe for concurrent use.
func Locked(f func() float64) func() float64 {
	var mu sync.Mutex
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return f()
	}
}

// JSON is a value for people.
func JSON(v any) string {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Buffer is a log that can be read while it is written.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String returns what was written.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
