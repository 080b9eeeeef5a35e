// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// exam is one advert heard by one BACKUP.
type exam struct {
	cfg    vrrp.Config
	advert vrrp.Advertisement
	src    netip.Addr
	dst    netip.Addr
	ttl    int
}

// newExam is an advert that its router, the owner's BACKUP, accepts.
func newExam(version vrrp.Version) exam {
	vips := []netip.Addr{netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("192.0.2.101")}
	return exam{
		cfg: vrrp.Config{
			ID: vrrp.ID{Interface: "eth0", VRID: 51, Family: vrrp.IPv4}, Version: version, Priority: 100,
			Interval: time.Second, Source: netip.MustParseAddr("192.0.2.2"), Addresses: vips,
		},
		advert: vrrp.Advertisement{
			Version: version, Family: vrrp.IPv4, VRID: 51, Priority: 200, Interval: time.Second,
			Addresses: vrrp.MakeAddressList(vrrp.IPv4, vips), Checksum: vrrp.ChecksumPseudo,
		},
		src: netip.MustParseAddr("192.0.2.1"), dst: vrrp.GroupIPv4, ttl: 255,
	}
}

// unicast makes the sender a peer and sends to the router.
func (e *exam) unicast(p vrrp.Peer) {
	p.Address = e.src
	e.cfg.Peers = []vrrp.Peer{p}
	e.dst = e.cfg.Source
}

// take returns why the router refused the advert, or zero. It fails the test
// if a refused advert changed anything but its counter (RFC 9568 §7.1: a
// packet that fails a check is discarded).
func (e *exam) take(t *testing.T) vrrp.Refusal {
	t.Helper()
	r, err := vrrp.New(e.cfg)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Unix(1_800_000_000, 0)
	r.Step(start, vrrp.Started{})
	return e.tell(t, r, start.Add(time.Second))
}

func (e *exam) tell(t *testing.T, r *vrrp.Router, now time.Time) vrrp.Refusal {
	t.Helper()
	before := r.Status()
	actions := slices.Clone(r.Step(now, vrrp.AdvertReceived{Advert: e.advert, Source: e.src, Destination: e.dst, TTL: e.ttl}))
	after := r.Status()
	for _, reason := range vrrp.Refusals() {
		if after.Counters.Refused[reason] == before.Counters.Refused[reason] {
			continue
		}
		after.Counters.Refused[reason]--
		if !reflect.DeepEqual(before, after) {
			t.Errorf("%v changed the router from\n%+v to\n%+v", reason, before, after)
		}
		for i, a := range actions {
			_, notice := a.(vrrp.ReportNotice) // may come as well
			if report, ok := a.(vrrp.ReportRefusal); (i == 0) != ok || ok && report.Reason != reason || i > 0 && !notice {
				t.Errorf("%v did %+v", reason, actions)
			}
		}
		return reason
	}
	if after.Counters.AdvertsReceived != before.Counters.AdvertsReceived+1 {
		t.Error("neither refused nor accepted")
	}
	return 0
}

func TestRFC9568_7_1_TTL(t *testing.T) { testTTL(t, vrrp.V3) }
func TestRFC3768_7_1_TTL(t *testing.T) { testTTL(t, vrrp.V2) }

// A negative TTL stands for "unknown": the socket did not tell.
func testTTL(t *testing.T, version vrrp.Version) {
	for ttl := -1; ttl <= 255; ttl++ {
		e := newExam(version)
		e.ttl = ttl
		want := vrrp.RefusedTTL
		if ttl < 0 || ttl == 255 {
			want = 0
		}
		if got := e.take(t); got != want {
			t.Errorf("multicast, TTL %d: %v, want %v", ttl, got, want)
		}
	}
	for _, tc := range []struct {
		low, high uint8
		ttl       int
		want      vrrp.Refusal
	}{
		{0, 0, 64, 0},
		{0, 0, 1, 0},
		{254, 255, 254, 0},
		{254, 255, 255, 0},
		{254, 255, -1, 0},
		{254, 255, 253, vrrp.RefusedTTL},
		{0, 64, 65, vrrp.RefusedTTL},
		{0, 64, 64, 0},
		{250, 0, 249, vrrp.RefusedTTL},
		{250, 0, 255, 0},
	} {
		e := newExam(version)
		e.unicast(vrrp.Peer{MinTTL: tc.low, MaxTTL: tc.high})
		e.ttl = tc.ttl
		if got := e.take(t); got != tc.want {
			t.Errorf("unicast, TTL %d of %d…%d: %v, want %v", tc.ttl, tc.low, tc.high, got, tc.want)
		}
	}
}

func TestRFC9568_7_1_Version(t *testing.T) { testOtherVersion(t, vrrp.V3, vrrp.V2) }
func TestRFC3768_7_1_Version(t *testing.T) { testOtherVersion(t, vrrp.V2, vrrp.V3) }

func testOtherVersion(t *testing.T, ours, theirs vrrp.Version) {
	e := newExam(ours)
	e.advert.Version = theirs
	if got := e.take(t); got != vrrp.RefusedVersion {
		t.Errorf("%v, want %v", got, vrrp.RefusedVersion)
	}
}

func TestRFC9568_7_1_VRID(t *testing.T) { testOtherVRID(t, vrrp.V3) }
func TestRFC3768_7_1_VRID(t *testing.T) { testOtherVRID(t, vrrp.V2) }

func testOtherVRID(t *testing.T, version vrrp.Version) {
	for vrid := 1; vrid <= 255; vrid++ {
		e := newExam(version)
		e.advert.VRID = uint8(vrid)
		want := vrrp.RefusedVRID
		if vrid == 51 {
			want = 0
		}
		if got := e.take(t); got != want {
			t.Errorf("VRID %d: %v, want %v", vrid, got, want)
		}
	}
}

func TestRFC3768_7_1_AuthenticationType(t *testing.T) {
	pass := vrrp.MakePassword("s3cret")
	for _, tc := range []struct {
		ours, theirs vrrp.AuthType
		data         vrrp.Password
		want         vrrp.Refusal
	}{
		{vrrp.AuthNone, vrrp.AuthNone, vrrp.Password{}, 0},
		{vrrp.AuthNone, vrrp.AuthNone, pass, 0}, // RFC 3768 §5.3.10: ignored on reception
		{vrrp.AuthNone, vrrp.AuthPass, pass, vrrp.RefusedAuthMismatch},
		{vrrp.AuthNone, vrrp.AuthAH, vrrp.Password{}, vrrp.RefusedAuthMismatch},
		{vrrp.AuthPass, vrrp.AuthNone, pass, vrrp.RefusedAuthMismatch},
		{vrrp.AuthPass, vrrp.AuthPass, pass, 0},
		{vrrp.AuthPass, vrrp.AuthPass, vrrp.MakePassword("s3crets"), vrrp.RefusedPassword},
		{vrrp.AuthPass, vrrp.AuthPass, vrrp.MakePassword("s3cre"), vrrp.RefusedPassword},
		{vrrp.AuthPass, vrrp.AuthPass, vrrp.Password{}, vrrp.RefusedPassword},
	} {
		e := newExam(vrrp.V2)
		e.cfg.AuthType, e.advert.AuthType, e.advert.AuthData = tc.ours, tc.theirs, tc.data
		if tc.ours == vrrp.AuthPass {
			e.cfg.Password = pass
		}
		if got := e.take(t); got != tc.want {
			t.Errorf("ours %d, theirs %d: %v, want %v", tc.ours, tc.theirs, got, tc.want)
		}
	}
}

// VRRPv2 demands equal intervals; VRRPv3 learns the MASTER's.
func TestRFC3768_7_1_Interval(t *testing.T) { testOtherInterval(t, vrrp.V2, vrrp.RefusedInterval) }
func TestRFC9568_7_1_Interval(t *testing.T) { testOtherInterval(t, vrrp.V3, 0) }

func testOtherInterval(t *testing.T, version vrrp.Version, want vrrp.Refusal) {
	e := newExam(version)
	e.advert.Interval = 2 * time.Second
	if got := e.take(t); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestRFC9568_7_1_Addresses(t *testing.T) { testOtherAddresses(t, vrrp.V3) }
func TestRFC3768_7_1_Addresses(t *testing.T) { testOtherAddresses(t, vrrp.V2) }

// Comparing the lists is optional. RFC 3768 lets the address owner's pass.
func testOtherAddresses(t *testing.T, version vrrp.Version) {
	vip := func(s string) netip.Addr { return netip.MustParseAddr("192.0.2." + s) }
	for _, tc := range []struct {
		list     []netip.Addr
		strict   bool
		priority uint8
		want     vrrp.Refusal
	}{
		{[]netip.Addr{vip("100"), vip("101")}, true, 200, 0},
		{[]netip.Addr{vip("101"), vip("100")}, true, 200, 0},
		{[]netip.Addr{vip("100")}, true, 200, vrrp.RefusedAddresses},
		{[]netip.Addr{vip("100"), vip("102")}, true, 200, vrrp.RefusedAddresses},
		{nil, true, 200, vrrp.RefusedAddresses},
		{[]netip.Addr{vip("100"), vip("102")}, false, 200, 0},
		{[]netip.Addr{vip("100"), vip("102")}, true, vrrp.PriorityOwner, 0},
	} {
		e := newExam(version)
		e.cfg.StrictAddresses, e.advert.Priority = tc.strict, tc.priority
		e.advert.Addresses = vrrp.MakeAddressList(vrrp.IPv4, tc.list)
		if got := e.take(t); got != tc.want {
			t.Errorf("%v strict %v priority %d: %v, want %v", tc.list, tc.strict, tc.priority, got, tc.want)
		}
	}
}

// TestRefusedPath is what the RFCs do not say because they know no unicast.
func TestRefusedPath(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*exam)
		want   vrrp.Refusal
	}{
		"unicast to a multicast router": {func(e *exam) { e.dst = e.cfg.Source }, vrrp.RefusedDestination},
		"multicast to a unicast router": {func(e *exam) { e.unicast(vrrp.Peer{}); e.dst = vrrp.GroupIPv4 }, vrrp.RefusedDestination},
		"not a peer":                    {func(e *exam) { e.unicast(vrrp.Peer{}); e.src = e.src.Next().Next() }, vrrp.RefusedSource},
		"not a peer, which is allowed": {func(e *exam) {
			e.unicast(vrrp.Peer{})
			e.src, e.cfg.AnyUnicastSource = e.src.Next().Next(), true
		}, 0},
		"our own packet": {func(e *exam) { e.src = e.cfg.Source }, vrrp.RefusedOwnPacket},
		"another family": {func(e *exam) { e.advert.Family = vrrp.IPv6 }, vrrp.RefusedFamily},
		"key missing": {func(e *exam) {
			h := hmacConfig()
			e.cfg.HMAC = &h
		}, vrrp.RefusedHMACMissing},
		"key unexpected": {func(e *exam) { e.advert.Trailer = make([]byte, vrrp.TrailerLen) }, vrrp.RefusedHMACUnexpected},
	} {
		e := newExam(vrrp.V3)
		tc.change(&e)
		if got := e.take(t); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func TestRefusedInactive(t *testing.T) {
	e := newExam(vrrp.V3)
	r, err := vrrp.New(e.cfg)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	if got := e.tell(t, r, now); got != vrrp.RefusedInactive {
		t.Errorf("in %v: %v, want %v", r.State(), got, vrrp.RefusedInactive)
	}
	r.Step(now, vrrp.Started{})
	r.Step(now, vrrp.FaultsChanged{Faults: []string{"link down"}})
	if got := e.tell(t, r, now.Add(time.Minute)); got != vrrp.RefusedInactive {
		t.Errorf("in %v: %v, want %v", r.State(), got, vrrp.RefusedInactive)
	}
}

func TestRFC9568_7_1_Owner(t *testing.T) { testOwner(t, vrrp.V3) }
func TestRFC3768_7_1_Owner(t *testing.T) { testOwner(t, vrrp.V2) }

// No advert but another owner's moves the address owner.
func testOwner(t *testing.T, version vrrp.Version) {
	for priority := range 255 {
		e := newExam(version)
		e.cfg.Priority, e.advert.Priority = vrrp.PriorityOwner, uint8(priority)
		r, err := vrrp.New(e.cfg)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(1_800_000_000, 0)
		r.Step(now, vrrp.Started{})
		if got := e.tell(t, r, now.Add(time.Millisecond)); got != 0 || r.State() != vrrp.Master {
			t.Errorf("priority %d: %v, refused as %v; want MASTER, accepted", priority, r.State(), got)
		}
	}
}
