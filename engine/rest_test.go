// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"testing"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// After Stopped nothing starts again by itself; after another Started all do.
func TestStoppedStaysStopped(t *testing.T) {
	e := launch(t, parse(t, "router a if=eth0 vrid=1", "router b if=eth1 vrid=2", "group g a b"))
	now := advance(e, t0, 4*time.Second, nil)
	e.Step(now, engine.Stopped{})
	for _, o := range e.Step(now, link(1, 0, false)) {
		t.Errorf("did %v", o)
	}
	if s := e.Status(); s.Routers[0].State != vrrp.Init || s.Routers[0].Waiting || s.Groups[0].State != vrrp.Init {
		t.Errorf("status %+v", s)
	}
	e.Step(now, link(1, 0, true))
	e.Step(now, engine.Started{})
	if s := e.Status(); s.Routers[0].State != vrrp.Backup || s.Groups[0].State != vrrp.Backup {
		t.Errorf("status %+v", s)
	}
}

// A manual failover lasts as long as it says.
func TestFailoverLasts(t *testing.T) {
	e := launch(t, parse(t, "router a if=eth0 vrid=1"))
	now := advance(e, t0, 4*time.Second, nil)
	e.Step(now, engine.FailoverRequested{Name: "a", For: time.Minute})
	if got := e.Status().Routers[0].AsideUntil; !got.Equal(now.Add(time.Minute)) {
		t.Errorf("aside until %v", got)
	}
}

// The terms of tracked objects, at their bounds.
func TestTerms(t *testing.T) {
	for _, tc := range []struct {
		track string
		level engine.Level
		delta int
		fault string
	}{
		{"track a script:x weight=1", engine.Level{Known: true, Good: true}, 1, ""},
		{"track a script:x weight=1", engine.Level{Known: true}, 0, ""},
		{"track a script:x weight=-1", engine.Level{Known: true}, -1, ""},
		{"track a script:x weight=-1", engine.Level{Known: true, Good: true}, 0, ""},
		{"track a script:x", engine.Level{Known: true}, 0, "script x: failed"},
		{"track a script:x", engine.Level{Known: true, Detail: "exit 1"}, 0, "script x: exit 1"},
		{"track a script:x reverse", engine.Level{Known: true, Good: true, Detail: "exit 0"}, 0, "script x: exit 0"},
		{"track a file:x weight=3", engine.Level{Known: true, Good: true, Value: 84}, 252, ""},
		{"track a file:x weight=3", engine.Level{Known: true, Good: true, Value: 1 << 40}, 253, ""},
		{"track a file:x weight=2", engine.Level{Known: true, Good: true, Value: -126}, -252, ""},
		{"track a file:x weight=2", engine.Level{Known: true, Good: true, Value: -127}, -254, "file x: value -127"},
		{"track a file:x weight=2", engine.Level{Known: true, Good: true, Value: -1 << 40}, -255, "file x: value -1099511627776"},
		{"track a file:x weight=2", engine.Level{Known: true, Detail: "no such file"}, 0, "file x: no such file"},
	} {
		c := parse(t, "router a if=eth0 vrid=1", tc.track)
		e := launch(t, c)
		e.Step(t0, engine.TrackChanged{Track: c.Routers[0].Tracks[0].Track, Level: tc.level})
		term := e.Status().Routers[0].Terms[1]
		if term.Delta != tc.delta || term.Fault != tc.fault {
			t.Errorf("%s with %+v: %+d fault %q, want %+d fault %q", tc.track, tc.level, term.Delta, term.Fault, tc.delta, tc.fault)
		}
	}
}

// A fault keeps its age while others come and go, the first one too.
func TestFaultAge(t *testing.T) {
	e := launch(t, parse(t, "router a if=eth0 vrid=1", "track a script:x", "track a script:y"))
	bad := engine.Level{Known: true}
	e.Step(t0, engine.TrackChanged{Track: engine.Track{Kind: engine.TrackScript, Name: "x"}, Level: bad})
	e.Step(t0.Add(time.Second), engine.TrackChanged{Track: engine.Track{Kind: engine.TrackScript, Name: "y"}, Level: bad})
	for i, f := range e.Status().Routers[0].Faults {
		if want := t0.Add(time.Duration(i) * time.Second); !f.Since.Equal(want) {
			t.Errorf("%s since %v", f.Reason, f.Since)
		}
	}
}

// A link that goes down tells its reason before the loss of its address, and
// the first news of an object counts even when it says nothing.
func TestOrderOfNews(t *testing.T) {
	e := launch(t, parse(t, "router a if=eth0 vrid=1", "track a script:x"))
	if !e.Status().Routers[0].Waiting {
		t.Error("not waiting")
	}
	e.Step(t0, engine.TrackChanged{Track: engine.Track{Kind: engine.TrackScript, Name: "x"}, Level: engine.Level{Known: true, Good: true}})
	down := engine.LinkChanged{Interface: "eth0", Present: true}
	for _, o := range e.Step(t0, down) {
		if tr, ok := o.Action.(vrrp.ReportTransition); !ok || tr.Cause.Detail != "interface eth0: down" {
			t.Errorf("%v", o)
		}
	}
	for _, o := range e.Step(t0, link(1, 0, true)) {
		if tr, ok := o.Action.(vrrp.ReportTransition); !ok || tr.To != vrrp.Backup {
			t.Errorf("%v", o)
		}
	}
}

// Two bytes are enough to tell whose packet it was.
func TestShortestAttributable(t *testing.T) {
	e := launch(t, parse(t, "router a if=eth0 vrid=1"))
	for _, payload := range [][]byte{{0x31, 1}, {0x31}} {
		e.Step(t0, engine.FrameReceived{Interface: "eth0", Datagram: vrrp.Datagram{Source: address(0, 0), Destination: vrrp.GroupIPv4, Payload: payload}})
	}
	s := e.Status()
	if n := s.Routers[0].Counters.Refused[vrrp.RefusedTooShort]; n != 1 || s.Refused[0].Counts[vrrp.RefusedTooShort] != 1 {
		t.Errorf("%d to the router, %+v to nobody", n, s.Refused)
	}
}
