// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// The addresses of the demonstration (RFC 5737).
const (
	virtualAddress = "192.0.2.9"
	clientAddress  = "192.0.2.100"
	interval       = 250 * time.Millisecond
)

// lab is the whole demonstration.
type lab struct {
	w      io.Writer
	began  time.Time
	a, b   *node
	pings  pinger
	mu     sync.Mutex
	master netip.Addr
	change chan netip.Addr
	shown  int // adverts since the last headline
}

// Lab runs in the namespace of the segment and the client.
func Lab(ctx context.Context, dir string, w io.Writer) error {
	l := &lab{
		w: w, began: time.Now(), change: make(chan netip.Addr, 16),
		a: &node{name: "A", address: "192.0.2.1", priority: 200, dir: dir},
		b: &node{name: "B", address: "192.0.2.2", priority: 100, dir: dir},
	}
	if err := buildSegment(); err != nil {
		return &NoLab{err}
	}
	for _, n := range []*node{l.a, l.b} {
		if err := os.WriteFile(n.config(), []byte(config(n)), 0o600); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 25*time.Second)
	defer cancel()
	var parts sync.WaitGroup
	defer parts.Wait()
	defer cancel()
	failed := make(chan error, 2)
	parts.Go(func() { failed <- listen(ctx, l.heard) })
	parts.Go(func() { failed <- l.pings.run(ctx, virtualAddress) })
	l.intro()
	if err := l.story(ctx); err != nil {
		return err
	}
	cancel()
	for range cap(failed) {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) intro() {
	fmt.Fprintf(l.w, `Two routers and a client in network namespaces of this machine:

    A %s priority 200 ──┐
                               ├── segment ── client %s, pings every %v
    B %s priority 100 ──┘
             both guard %s, VRRPv3, an advert every %v

`, l.a.address, clientAddress, pingEvery, l.b.address, virtualAddress, interval)
}

// story is what happens, act by act.
func (l *lab) story(ctx context.Context) error {
	down := func(priority uint8) time.Duration { return vrrp.MasterDownInterval(vrrp.V3, priority, interval, 0) }
	l.headline("both routers start")
	if err := l.a.start(ctx); err != nil {
		return &NoLab{err}
	}
	if err := l.b.start(ctx); err != nil {
		return err
	}
	if err := l.until(ctx, l.a, 5*time.Second); err != nil {
		return err
	}
	acts := []act{
		{"A is killed (kill -9)", func() error { return l.a.end(syscall.SIGKILL) }, l.b, down(100), "Master_Down_Interval of B"},
		{"A starts again and preempts", func() error { return l.a.start(ctx) }, l.a, 0, "B serves until A takes over"},
		{"A is stopped gracefully (SIGTERM)", func() error { return l.a.end(syscall.SIGTERM) }, l.b, vrrp.SkewTime(vrrp.V3, 100, interval), "Skew_Time of B"},
	}
	var results []string
	for _, a := range acts {
		if err := l.pause(ctx, time.Second); err != nil {
			return err
		}
		line, err := l.play(ctx, a)
		if err != nil {
			return err
		}
		results = append(results, line)
	}
	if err := l.pause(ctx, 500*time.Millisecond); err != nil {
		return err
	}
	if err := l.b.end(syscall.SIGTERM); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(l.w, "\nWhat the client saw:")
	for _, r := range results {
		fmt.Fprintln(l.w, "    "+r)
	}
	return nil
}

// act is something done to a router, and what should come of it.
type act struct {
	title   string
	do      func() error
	heir    *node
	allowed time.Duration
	rule    string
}

// play does it, waits for the heir and measures the outage.
func (l *lab) play(ctx context.Context, a act) (string, error) {
	l.headline(a.title)
	from := time.Now()
	if err := a.do(); err != nil {
		return "", err
	}
	if err := l.until(ctx, a.heir, 8*time.Second); err != nil {
		return "", err
	}
	if err := l.pause(ctx, 500*time.Millisecond); err != nil {
		return "", err
	}
	silence, lost := l.pings.outage(from, time.Now())
	return fmt.Sprintf("%-34s %3d pings lost, outage %6.1f ms; the protocol allows %6.1f ms (%s)",
		a.title, lost, milliseconds(silence), milliseconds(a.allowed), a.rule), nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (l *lab) headline(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shown = 0
	fmt.Fprintf(l.w, "\n%7.3f  == %s\n", time.Since(l.began).Seconds(), text)
}

// heard shows an advert and notices a new MASTER.
func (l *lab) heard(h heard) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := "A"
	if h.source.String() == l.b.address {
		name = "B"
	}
	note := ""
	switch {
	case h.priority == vrrp.PriorityResign:
		note = "  <- resigns"
		l.master = netip.Addr{}
	case h.source != l.master:
		note = "  <- " + name + " is MASTER now"
		l.master = h.source
		select {
		case l.change <- h.source:
		default:
		}
	}
	l.shown++
	if note != "" || l.shown <= 8 {
		fmt.Fprintf(l.w, "%7.3f  advert from %s, priority %d%s\n", h.at.Sub(l.began).Seconds(), name, h.priority, note)
	}
}

// until waits until n is MASTER.
func (l *lab) until(ctx context.Context, n *node, limit time.Duration) error {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	for {
		select {
		case who := <-l.change:
			if who.String() == n.address {
				return nil
			}
		case <-timeout.C:
			log, _ := os.ReadFile(n.dir + "/" + n.name + ".log") // best effort, for the error below
			return fmt.Errorf("%s did not become MASTER within %v; its log:\n%s", n.name, limit, log)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *lab) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
