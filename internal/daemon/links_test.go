// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/config"
)

// cables are links a test plugs and unplugs.
type cables struct {
	changes chan engine.LinkChanged
	broken  error
}

func (c *cables) List(context.Context) ([]engine.LinkChanged, error) {
	return []engine.LinkChanged{link("eth0", true), link("eth1", true)}, c.broken
}

func (c *cables) Watch(ctx context.Context, yield func(engine.LinkChanged)) error {
	for {
		select {
		case l, open := <-c.changes:
			if !open {
				return errors.New("gone")
			}
			yield(l)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func link(name string, up bool) engine.LinkChanged {
	return engine.LinkChanged{Interface: name, Present: true, Up: up}
}

func delays(t *testing.T, lines string) *config.Config {
	return parse(t, "interface_up_down_delays {\n"+lines+"\n}\n"+router(vip))
}

// TestSteadyLinks: eth0 goes down only if it stays down for two seconds, eth1
// passes at once, and a reload that takes the delay away lets through what it held.
func TestSteadyLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &cables{changes: make(chan engine.LinkChanged)}
		s := newSteadyLinks(inner, delays(t, "eth0 2 1"))
		begin := time.Now()
		var told []string
		if list, err := s.List(t.Context()); err != nil || len(list) != 2 || !list[0].Up {
			t.Fatalf("%v, %v", list, err)
		}
		ended := make(chan error)
		go func() {
			ended <- s.Watch(t.Context(), func(l engine.LinkChanged) {
				told = append(told, fmt.Sprintf("%v %s %v", time.Since(begin), l.Interface, l.Up))
			})
		}()
		tell := func(l engine.LinkChanged) {
			inner.changes <- l
			synctest.Wait()
		}
		tell(link("eth1", false))
		tell(link("eth0", false))
		time.Sleep(time.Second)
		tell(link("eth0", true)) // back in time
		time.Sleep(5 * time.Second)
		tell(link("eth0", false))
		time.Sleep(3 * time.Second) // too long
		tell(link("eth0", true))
		s.configure(delays(t, "eth1 1"))
		synctest.Wait()
		want := []string{
			"0s eth1 false", "0s eth0 true", "1s eth0 true",
			"6s eth0 true", "8s eth0 false", "9s eth0 false", "9s eth0 true",
		}
		if !reflect.DeepEqual(told, want) {
			t.Errorf("got  %q\nwant %q", told, want)
		}
		close(inner.changes)
		if err := <-ended; err == nil {
			t.Error("the watcher's end is hidden")
		}
	})
}

// A reload after the watcher's end does not hang.
func TestSteadyLinksWithoutWatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSteadyLinks(&cables{}, delays(t, "eth0 2 1"))
		if _, err := s.List(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s.mu.Lock()
			s.debounce.Step(time.Now(), link("eth0", false))
			s.mu.Unlock()
			s.configure(parse(t, router(vip)))
			s.configure(delays(t, "eth0 2 1"))
		}
	})
}
