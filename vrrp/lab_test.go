// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// dialect is a version and family that the state machine must treat alike.
type dialect struct {
	version vrrp.Version
	family  vrrp.Family
}

// dialects runs f for each family of the version.
func dialects(t *testing.T, v vrrp.Version, f func(t *testing.T, d dialect)) {
	t.Helper()
	for _, family := range []vrrp.Family{vrrp.IPv4, vrrp.IPv6} {
		t.Run(fmt.Sprintf("v%d/%v", v, family), func(t *testing.T) { f(t, dialect{v, family}) })
	}
}

// both runs f for each version and family.
func both(t *testing.T, f func(t *testing.T, d dialect)) {
	t.Helper()
	dialects(t, vrrp.V2, f)
	dialects(t, vrrp.V3, f)
}

// host is address n on the segment: higher numbers are higher addresses.
func (d dialect) host(n byte) netip.Addr {
	if d.family == vrrp.IPv6 {
		return netip.AddrFrom16([16]byte{0xfe, 0x80, 15: n})
	}
	return netip.AddrFrom4([4]byte{192, 0, 2, n})
}

// lab is one router, number 50 on its segment, with virtual address 100, and
// a clock.
type lab struct {
	t     *testing.T
	d     dialect
	cfg   vrrp.Config
	r     *vrrp.Router
	start time.Time
	now   time.Time
	sent  vrrp.ActionID
	own   vrrp.ActionID
}

func newLab(t *testing.T, d dialect, priority uint8, change ...func(*vrrp.Config)) *lab {
	t.Helper()
	l := &lab{t: t, d: d, start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	l.now = l.start
	l.cfg = vrrp.Config{
		ID: vrrp.ID{Interface: "eth0", VRID: 7, Family: d.family}, Version: d.version,
		Priority: priority, Interval: time.Second, Source: d.host(50), Addresses: []netip.Addr{d.host(100)},
	}
	for _, f := range change {
		f(&l.cfg)
	}
	r, err := vrrp.New(l.cfg)
	if err != nil {
		t.Fatal(err)
	}
	l.r = r
	return l
}

// backup and master return a lab in that state.
func backup(t *testing.T, d dialect, priority uint8, change ...func(*vrrp.Config)) *lab {
	t.Helper()
	l := newLab(t, d, priority, change...)
	l.do(vrrp.Started{})
	l.is(vrrp.Backup)
	return l
}

func master(t *testing.T, d dialect, priority uint8, change ...func(*vrrp.Config)) *lab {
	t.Helper()
	l := backup(t, d, priority, change...)
	l.fire()
	l.is(vrrp.Master)
	return l
}

// do tells an event and returns what the router answers, in brief.
func (l *lab) do(ev vrrp.Event) (all []string) {
	for _, a := range l.r.Step(l.now, ev) {
		switch a := a.(type) {
		case vrrp.SendAdvert:
			l.sent = a.ID
		case vrrp.SetOwnership:
			l.own = a.ID
		}
		all = append(all, brief(a))
	}
	return all
}

// brief writes an action without its number.
func brief(a vrrp.Action) string {
	switch a := a.(type) {
	case vrrp.SendAdvert:
		return fmt.Sprintf("advert %d", a.Priority)
	case vrrp.SetOwnership:
		if a.Own {
			return "own"
		}
		return "release"
	case vrrp.Announce:
		if a.Elsewhere {
			return "announce elsewhere"
		}
		return fmt.Sprintf("announce x%d", a.Repeat)
	case vrrp.ReportTransition:
		return fmt.Sprintf("%v -> %v: %s", a.From, a.To, a.Cause.Code)
	case vrrp.ReportNotice:
		return "notice " + string(a.Notice)
	case vrrp.ReportRefusal:
		return "refused " + a.Reason.String()
	}
	return fmt.Sprint(a)
}

// promotion is what a router does on becoming MASTER.
func promotion(priority uint8, from vrrp.State, cause vrrp.CauseCode) []string {
	return []string{
		fmt.Sprintf("advert %d", priority), "own", "announce x5",
		fmt.Sprintf("%v -> MASTER: %s", from, cause),
	}
}

func (l *lab) wait(d time.Duration) *lab {
	l.now = l.now.Add(d)
	return l
}

// fire lets time pass to the next deadline and fires it.
func (l *lab) fire() []string {
	l.t.Helper()
	at, ok := l.r.Deadline()
	if !ok {
		l.t.Fatal("no deadline")
	}
	l.now = at
	return l.do(vrrp.TimerExpired{})
}

func (l *lab) advert(priority uint8, interval time.Duration) vrrp.Advertisement {
	return vrrp.Advertisement{
		Version: l.d.version, Family: l.d.family, VRID: l.cfg.ID.VRID, Priority: priority, Interval: interval,
		Addresses: vrrp.MakeAddressList(l.d.family, l.cfg.Addresses),
		AuthType:  l.cfg.AuthType, AuthData: l.cfg.Password, Checksum: vrrp.ChecksumPseudo,
	}
}

// hear is an advert from host n with this router's interval.
func (l *lab) hear(n byte, priority uint8) []string { return l.hearEvery(n, priority, time.Second) }

func (l *lab) hearEvery(n byte, priority uint8, interval time.Duration) []string {
	to := vrrp.GroupIPv4
	if l.d.family == vrrp.IPv6 {
		to = vrrp.GroupIPv6
	}
	all := l.do(vrrp.AdvertReceived{Advert: l.advert(priority, interval), Source: l.d.host(n), Destination: to, TTL: vrrp.TTL})
	return slices.DeleteFunc(all, func(s string) bool { return s == "notice equal_priority" })
}

func (l *lab) is(want vrrp.State) {
	l.t.Helper()
	if got := l.r.State(); got != want {
		l.t.Fatalf("%v, want %v", got, want)
	}
}

// did compares what was done with what should be.
func (l *lab) did(got []string, want ...string) {
	l.t.Helper()
	if !slices.Equal(got, want) {
		l.t.Errorf("did %q\nwant %q", got, want)
	}
}

// due wants the next deadline so long after now.
func (l *lab) due(want time.Duration) {
	l.t.Helper()
	at, ok := l.r.Deadline()
	if got := at.Sub(l.now); !ok || got != want {
		l.t.Errorf("deadline in %v (%v), want %v", got, ok, want)
	}
}

func (l *lab) idle() {
	l.t.Helper()
	if at, ok := l.r.Deadline(); ok {
		l.t.Errorf("deadline at %v, want none", at.Sub(l.start))
	}
}

// skew and down are the RFCs' formulas, written down once more.
func (d dialect) skew(priority uint8, interval time.Duration) time.Duration {
	if d.version == vrrp.V2 {
		interval = time.Second
	}
	return interval * time.Duration(256-int(priority)) / 256
}

func (d dialect) down(priority uint8, interval time.Duration) time.Duration {
	return 3*interval + d.skew(priority, interval)
}
