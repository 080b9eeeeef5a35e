// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// A router that panics, by a bug, resigns, takes its group down and nobody
// else; a reload makes it anew.
func TestQuarantine(t *testing.T) {
	c := Config{
		Routers: []Router{testRouter("a", "eth0", 1), testRouter("b", "eth1", 2), testRouter("c", "eth1", 3)},
		Groups:  []Group{{Name: "g", Members: []string{"a", "b"}}},
	}
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	e.Step(t0, up("eth0", "192.0.2.1/24"))
	e.Step(t0, up("eth1", "198.51.100.1/24"))
	e.Step(t0, Started{})
	now, _ := e.Deadline()
	e.Step(now, Woke{})

	e.post(e.nodes[0], nil) // an event that is none
	var adverts, releases, bugs int
	for _, o := range e.Step(now, Woke{}) {
		switch a := o.Action.(type) {
		case vrrp.SendAdvert:
			if a.Priority == 0 && o.Name == "a" {
				adverts++
			}
		case vrrp.SetOwnership:
			if !a.Own && o.Name == "a" {
				releases++
			}
		case vrrp.ReportNotice:
			if a.Notice == NoticeBug && o.Name == "a" && a.Detail != "" {
				bugs++
			}
		}
	}
	if adverts != 1 || releases != 2 || bugs != 1 {
		t.Errorf("%d adverts, %d releases, %d bugs", adverts, releases, bugs)
	}
	for i, want := range []vrrp.State{vrrp.Init, vrrp.Fault, vrrp.Master} {
		if r := e.Status().Routers[i]; r.State != want || (r.Broken != "") != (i == 0) || r.Waiting {
			t.Errorf("%s: %v broken %q", r.Name, r.State, r.Broken)
		}
	}
	if g := e.Status().Groups[0]; g.State != vrrp.Fault {
		t.Errorf("group %v", g.State)
	}
	// It is deaf from now on.
	e.Step(now, ActionDone{Router: c.Routers[0].ID, ActionFinished: vrrp.ActionFinished{ID: 1}})
	e.Step(now, LinkChanged{Interface: "eth0"})
	if at, ok := e.Deadline(); !ok || at.Sub(now) != time.Second {
		t.Errorf("next at %v", at.Sub(now))
	}
	e.Step(now, up("eth0", "192.0.2.1/24"))
	e.Step(now, Reloaded{Config: c})
	for i, want := range []vrrp.State{vrrp.Backup, vrrp.Backup, vrrp.Master} {
		if r := e.Status().Routers[i]; r.State != want || r.Broken != "" {
			t.Errorf("after the reload %s: %v broken %q", r.Name, r.State, r.Broken)
		}
	}
	// One that cannot even resign is left alone.
	e.nodes[2].router = nil
	e.post(e.nodes[2], vrrp.TimerExpired{})
	out := e.Step(now, Woke{})
	if len(out) != 2 || out[0].Action != (vrrp.SetOwnership{}) {
		t.Errorf("did %v", out)
	}
}

func TestUnknownInput(t *testing.T) {
	e, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("taken")
		}
	}()
	e.Step(t0, nil)
}

// Deadlines are kept by time, then by configuration order.
func TestDeadlineOrder(t *testing.T) {
	c := Config{Routers: []Router{testRouter("a", "eth0", 1), testRouter("b", "eth0", 2), testRouter("c", "eth0", 3)}}
	c.Routers[2].Priority = 200
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	e.Step(t0, up("eth0", "192.0.2.1/24"))
	if _, ok := e.Deadline(); ok {
		t.Error("a deadline before the start")
	}
	e.Step(t0, Started{})
	order := func() (names string) {
		for range 3 {
			at, _ := e.Deadline()
			for _, o := range e.Step(at, Woke{}) {
				if tr, ok := o.Action.(vrrp.ReportTransition); ok && tr.To == vrrp.Master {
					names += o.Name
				}
			}
		}
		return names
	}
	if got := order(); got != "cab" {
		t.Errorf("order %q", got)
	}
	c.Routers[0], c.Routers[1] = c.Routers[1], c.Routers[0]
	e.Step(t0, Stopped{})
	e.Step(t0, Reloaded{Config: c})
	e.Step(t0, Started{})
	if got := order(); got != "cba" {
		t.Errorf("order %q after a reload", got)
	}
}
