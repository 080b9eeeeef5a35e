// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// parse reads a configuration in the words of the transcripts.
func parse(t testing.TB, lines ...string) engine.Config {
	t.Helper()
	c, err := parseConfig(strings.Join(lines, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// launch starts an engine whose routers have all they need, at t0.
func launch(t testing.TB, c engine.Config) *engine.Engine {
	t.Helper()
	e, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for s := range 2 {
		e.Step(t0, link(1, s, true))
	}
	e.Step(t0, engine.Started{})
	return e
}

// kinds writes what concerns name, in order, without numbers and addresses.
func kinds(out []engine.Output, name string) (all []string) {
	for _, o := range out {
		switch a := o.Action.(type) {
		case nil:
			if o.Name == name {
				all = append(all, o.Group.String())
			}
		default:
			if o.Name != name {
				continue
			}
			text, _, _ := strings.Cut(fmt.Sprint(a), " to ")
			fields := strings.Fields(text)
			fields = slices.DeleteFunc(fields, func(f string) bool { return strings.HasPrefix(f, "#") })
			all = append(all, strings.Join(fields, " "))
		}
	}
	return all
}

// Whatever a reload does, a MASTER that stays never misses its schedule.
func TestReloadKeepsSchedule(t *testing.T) {
	const stays = "router a if=eth0 vrid=1 vip=192.0.2.9"
	reloads := [][]string{
		{stays},
		{stays, "router b if=eth1 vrid=2"},
		{stays, "router b if=eth1 vrid=2 version=2"},
		{stays + " priority=150"},
		{stays + " vip=192.0.2.10"},
		{stays + " nopreempt preempt-delay=5s start-delay=7s refresh=3s"},
		{stays, "track a script:x weight=10"},
		{stays, "track a script:x"},
		{stays, "group g a"},
		{stays, "router c if=eth0 vrid=3", "router d if=eth0 vrid=4"},
		{"router renamed if=eth0 vrid=1 vip=192.0.2.9"},
	}
	for i, to := range reloads {
		e := launch(t, parse(t, stays))
		now := advance(e, t0, 4*time.Second, nil)
		e.Step(now, engine.Reloaded{Config: parse(t, to...)})
		var adverts []time.Duration
		advance(e, now, 4*time.Second, func(at time.Time, o engine.Output) {
			if _, ok := o.Action.(vrrp.SendAdvert); ok && o.Router.VRID == 1 {
				adverts = append(adverts, at.Sub(t0))
			}
		})
		want := []time.Duration{4609375, 5609375, 6609375, 7609375}
		for j := range want {
			want[j] *= time.Microsecond
		}
		if !slices.Equal(adverts, want) {
			t.Errorf("%d: adverts at %v, want %v", i, adverts, want)
		}
	}
}

// advance wakes the engine at every deadline up to now+d.
func advance(e *engine.Engine, now time.Time, d time.Duration, each func(time.Time, engine.Output)) time.Time {
	until := now.Add(d)
	for at, ok := e.Deadline(); ok && !at.After(until); at, ok = e.Deadline() {
		for _, o := range e.Step(at, engine.Woke{}) {
			if each != nil {
				each(at, o)
			}
		}
	}
	return until
}

func TestReload(t *testing.T) {
	a, b := "router a if=eth0 vrid=1 vip=192.0.2.9", "router b if=eth1 vrid=2 vip=198.51.100.9"
	stopped := []string{"send advert priority=0", "release", "MASTER -> INIT (stopped)"}
	for name, tc := range map[string]struct {
		from, to []string
		want     map[string][]string
	}{
		"unchanged":         {[]string{a, b}, []string{a, b}, nil},
		"another order":     {[]string{a, b}, []string{b, a}, nil},
		"unchanged group":   {[]string{a, b, "group g a b"}, []string{a, b, "group g b a"}, nil},
		"renamed group":     {[]string{a, b, "group g a b"}, []string{a, b, "group h a b"}, map[string][]string{"h": {"group MASTER"}}},
		"removed":           {[]string{a, b}, []string{a}, map[string][]string{"b": stopped}},
		"another version":   {[]string{a}, []string{a + " version=2"}, map[string][]string{"a": append(slices.Clone(stopped), "INIT -> BACKUP (started)")}},
		"another vrid":      {[]string{a}, []string{"router a if=eth0 vrid=9"}, map[string][]string{"a": append(slices.Clone(stopped), "INIT -> BACKUP (started)")}},
		"another interface": {[]string{a}, []string{"router a if=eth1 vrid=1"}, map[string][]string{"a": append(slices.Clone(stopped), "INIT -> BACKUP (started)")}},
		"unicast now": {
			[]string{a},
			[]string{a + " source=198.51.0.2 peer=198.51.0.1"},
			map[string][]string{"a": append(slices.Clone(stopped), "INIT -> BACKUP (started)")},
		},
		"interface that is not there": {
			[]string{a},
			[]string{"router a if=eth7 vrid=1"},
			map[string][]string{"a": append(slices.Clone(stopped), "INIT -> FAULT (fault: interface eth7: does not exist)")},
		},
		"a tracker that waits": {[]string{a}, []string{a, "track a script:x"}, nil},
		"new, and waits":       {[]string{a}, []string{a, b, "track b script:x"}, nil},
	} {
		e := launch(t, parse(t, tc.from...))
		now := advance(e, t0, 4*time.Second, nil)
		out := e.Step(now, engine.Reloaded{Config: parse(t, tc.to...)})
		names := map[string]bool{}
		for _, o := range out {
			names[o.Name] = true
		}
		for n := range names {
			if got := kinds(out, n); !slices.Equal(got, tc.want[n]) {
				t.Errorf("%s: %s did %q, want %q", name, n, got, tc.want[n])
			}
		}
		for n := range tc.want {
			if !names[n] {
				t.Errorf("%s: %s did nothing", name, n)
			}
		}
	}
}

// A result that is on its way to a router that was replaced is not taken for
// the new one's.
func TestReloadStaleResults(t *testing.T) {
	old := parse(t, "router a if=eth0 vrid=1")
	e := launch(t, old)
	now := advance(e, t0, 4*time.Second, nil)
	e.Step(now, engine.Reloaded{Config: parse(t, "router a if=eth0 vrid=1 version=2")})
	now = advance(e, now, 4*time.Second, nil)
	if s := e.Status().Routers[0]; s.State != vrrp.Master {
		t.Fatalf("state %v", s.State)
	}
	for id := range vrrp.ActionID(6) {
		done := engine.ActionDone{Router: old.Routers[0].ID, ActionFinished: vrrp.ActionFinished{ID: id, Err: fmt.Errorf("stale")}}
		for _, o := range e.Step(now, done) {
			t.Errorf("result %d: %v", id, o)
		}
	}
	// And one for a router that is gone for good is nobody's.
	e.Step(now, engine.Reloaded{})
	if out := e.Step(now, engine.ActionDone{Router: old.Routers[0].ID}); len(out) != 0 {
		t.Errorf("did %v", out)
	}
	if at, ok := e.Deadline(); ok {
		t.Errorf("an engine without routers wakes at %v", at)
	}
}

func TestReloadInvalid(t *testing.T) {
	e := launch(t, parse(t, "router a if=eth0 vrid=1"))
	defer func() {
		if recover() == nil {
			t.Error("taken")
		}
	}()
	e.Step(t0, engine.Reloaded{Config: parse(t, "router a if=eth0 vrid=0")})
}

func TestValidate(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"router a if=eth0 vrid=1\nrouter b if=eth0 vrid=2\ngroup g a b", ""},
		{"router a if=eth0 vrid=0", `router "a": vrrp: virtual router id`},
		{"router a if=eth0 vrid=1\nrouter a if=eth0 vrid=2", `router "a" is given twice`},
		{"router a if=eth0 vrid=1\nrouter b if=eth0 vrid=1", `router "b": eth0/1/ipv4 is already router "a"`},
		{"router a if=eth0 vrid=1\nrouter b family=ipv6 if=eth0 vrid=1", ""},
		{"router a if=eth0 vrid=1\ngroup a a", `group "a": the name is taken`},
		{"router a if=eth0 vrid=1\nrouter b if=eth0 vrid=2\ngroup g a\ngroup g b", `group "g": the name is taken`},
		{"group g", `group "g" has no members`},
		{"group g x", `group "g": there is no router "x"`},
		{"router a if=eth0 vrid=1\ngroup g a\ngroup h a", `group "h": router "a" is already in group "g"`},
		{"router a if=eth0 vrid=1\ngroup g a a", `group "g": router "a" is already in group "g"`},
		{"router a if=eth0 vrid=1\ntrack a script:x weight=255", `router "a": script x: weight 255 is not in -254…254`},
		{"router a if=eth0 vrid=1\ntrack a script:x weight=-254\ntrack a script:y weight=254", ""},
		{"router a if=eth0 vrid=1\ngroup g a\ntrack g script:x weight=-255", `group "g": script x: weight -255`},
	} {
		c := parse(t, tc.text)
		_, err := engine.New(c)
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%q: %v", tc.text, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%q: error %v, want %q", tc.text, err, tc.want)
		}
	}
}

func TestHas(t *testing.T) {
	e := launch(t, parse(t, "router a if=eth0 vrid=1", "group g a"))
	for name, want := range map[string]bool{"a": true, "g": true, "b": false, "": false} {
		if e.Has(name) != want {
			t.Errorf("Has(%q) = %v", name, !want)
		}
	}
}

// A unicast advert may arrive on another interface than its router's.
func TestUnicastAddressee(t *testing.T) {
	c := parse(t,
		"router a if=eth0 vrid=1 source=198.51.0.2 peer=203.0.113.1",
		"router b if=eth1 vrid=1 peer=203.0.113.1",
		"router c if=eth1 family=ipv6 vrid=1",
		"router m if=eth0 vrid=2",
	)
	e := launch(t, c)
	frame := func(vrid uint8, dst string) *engine.FrameReceived {
		a := vrrp.Advertisement{Version: vrrp.V3, Family: vrrp.IPv4, VRID: vrid, Priority: 200, Interval: time.Second}
		src, to := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr(dst)
		d := vrrp.Datagram{Source: src, Destination: to, TTL: 60, Payload: a.AppendTo(nil, src, to, vrrp.ChecksumPseudo)}
		return &engine.FrameReceived{Interface: "eth9", Datagram: d}
	}
	heard := func() (all string) {
		for _, r := range e.Status().Routers {
			if r.Counters.AdvertsReceived > 0 {
				all += fmt.Sprintf("%s%d ", r.Name, r.Counters.AdvertsReceived)
			}
		}
		return all
	}
	for _, tc := range []struct {
		vrid uint8
		dst  string
		want string
	}{
		{1, "198.51.0.2", "a1 "},
		{1, "198.51.1.2", "a1 b1 "}, // b's source is its interface's
		{1, "198.51.9.9", "a1 b1 "},
		{2, "198.51.0.2", "a1 b1 "}, // m is multicast
		{1, "224.0.0.18", "a1 b1 "}, // multicast stays on its interface
	} {
		e.Step(t0, frame(tc.vrid, tc.dst))
		if got := heard(); got != tc.want {
			t.Errorf("VRID %d to %s: heard %q, want %q", tc.vrid, tc.dst, got, tc.want)
		}
	}
	if r := e.Status().Refused; len(r) != 1 || r[0].Interface != "eth9" || r[0].Counts[vrrp.RefusedVRID] != 3 {
		t.Errorf("refused %+v", r)
	}
	// Garbage is counted where it can be attributed, the table is bounded.
	e.Step(t0, engine.FrameReceived{Interface: "eth0", Datagram: vrrp.Datagram{Source: address(0, 0), Destination: vrrp.GroupIPv4, Payload: []byte{0x31, 1, 2}}})
	for i := range 300 {
		e.Step(t0, engine.FrameReceived{Interface: fmt.Sprint(i), Datagram: vrrp.Datagram{Payload: []byte{0x31}}})
	}
	st := e.Status()
	if n := st.Routers[0].Counters.Refused[vrrp.RefusedTooShort]; n != 1 || len(st.Refused) != 256 {
		t.Errorf("counted %d, table of %d", n, len(st.Refused))
	}
	if !slices.IsSortedFunc(st.Refused, func(a, b engine.InterfaceRefusals) int { return strings.Compare(a.Interface, b.Interface) }) {
		t.Error("the table is not sorted")
	}
}

// A router that a reload removes is gone, but what it could not release is
// ordered again until it succeeds, at shutdown at once.
func TestReloadRemovesReleasing(t *testing.T) {
	c := parse(t, "router a if=eth0 vrid=1")
	e := launch(t, c)
	now := advance(e, t0, 4*time.Second, nil)
	var last vrrp.ActionID
	released := func(outs []engine.Output) bool {
		for _, o := range outs {
			if own, ok := o.Action.(vrrp.SetOwnership); ok && !own.Own {
				last = own.ID
				return true
			}
		}
		return false
	}
	finish := func(err error) {
		e.Step(now, engine.ActionDone{Router: c.Routers[0].ID, ActionFinished: vrrp.ActionFinished{ID: last, Err: err}})
	}
	if !released(e.Step(now, engine.Reloaded{})) {
		t.Fatal("no release at its removal")
	}
	busy := errors.New("busy")
	finish(busy)
	at, ok := e.Deadline()
	if now = at; !ok || !released(e.Step(now, engine.Woke{})) {
		t.Fatal("no other release")
	}
	finish(busy)
	if !released(e.Step(now, engine.Stopped{})) {
		t.Error("no release at shutdown")
	}
	finish(nil)
	if at, ok := e.Deadline(); ok {
		t.Errorf("wakes at %v", at)
	}
}

// A router that takes the place of one of its identity, another version here,
// releases what that one could not.
func TestReloadReplacesReleasing(t *testing.T) {
	c := parse(t, "router a if=eth0 vrid=1")
	e := launch(t, c)
	now := advance(e, t0, 4*time.Second, nil)
	var last vrrp.ActionID
	for _, o := range e.Step(now, engine.Reloaded{Config: parse(t, "router b if=eth0 vrid=1 version=2")}) {
		if own, ok := o.Action.(vrrp.SetOwnership); ok {
			last = own.ID
		}
	}
	failed := vrrp.ActionFinished{ID: last, Err: errors.New("busy")}
	e.Step(now, engine.ActionDone{Router: c.Routers[0].ID, ActionFinished: failed})
	now = now.Add(time.Second)
	if got := kinds(e.Step(now, engine.Woke{}), "b"); !slices.Equal(got, []string{"release"}) {
		t.Errorf("did %q", got)
	}
}

// A router that comes back while its predecessor waits to release once more
// releases in its place; the predecessor does nothing any more.
func TestReloadReturnsReleasing(t *testing.T) {
	c := parse(t, "router a if=eth0 vrid=1")
	e := launch(t, c)
	now := advance(e, t0, 4*time.Second, nil)
	releases := func(outs []engine.Output) (ids []vrrp.ActionID) {
		for _, o := range outs {
			if own, ok := o.Action.(vrrp.SetOwnership); ok && !own.Own {
				ids = append(ids, own.ID)
			}
		}
		return ids
	}
	ids := releases(e.Step(now, engine.Reloaded{}))
	failed := vrrp.ActionFinished{ID: ids[0], Err: errors.New("busy")}
	e.Step(now, engine.ActionDone{Router: c.Routers[0].ID, ActionFinished: failed})
	now, _ = e.Deadline()
	e.Step(now.Add(-1), engine.Reloaded{Config: c})
	if again := releases(e.Step(now, engine.Woke{})); len(again) != 1 || again[0] <= ids[0] {
		t.Errorf("released %d after %d", again, ids)
	}
	if at, ok := e.Deadline(); !ok || !at.After(now) {
		t.Errorf("wakes at %v, %v after it", at, at.Sub(now))
	}
}
