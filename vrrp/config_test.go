// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

func validConfig(d dialect) vrrp.Config {
	return vrrp.Config{
		ID: vrrp.ID{Interface: "eth0", VRID: 1, Family: d.family}, Version: d.version, Priority: 100, Interval: time.Second,
	}
}

// fault is a change to a valid configuration and what New must say of it.
type fault struct {
	version vrrp.Version
	change  func(*vrrp.Config)
	want    string // in the error; "" = valid
}

func testValidate(t *testing.T, cases []fault) {
	t.Helper()
	for _, tc := range cases {
		c := validConfig(dialect{tc.version, vrrp.IPv4})
		tc.change(&c)
		_, err := vrrp.New(c)
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%+v: %v", c, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("error %v, want %q", err, tc.want)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	testValidate(t, []fault{
		{vrrp.V3, func(*vrrp.Config) {}, ""},
		{vrrp.V2, func(*vrrp.Config) {}, ""},
		{vrrp.V3, func(c *vrrp.Config) { c.ID.VRID = 0 }, "virtual router id must be 1…255"},
		{vrrp.V3, func(c *vrrp.Config) { c.ID.Family = 5 }, "no address family"},
		{vrrp.V3, func(c *vrrp.Config) { c.Version = 1 }, "version must be 2 or 3"},
		{vrrp.V3, func(c *vrrp.Config) { c.Priority = 0 }, "priority must be 1…255"},
		{vrrp.V2, every(999 * time.Millisecond), "interval 999ms is not a multiple of 1s"},
		{vrrp.V2, every(1500 * time.Millisecond), "is not a multiple"},
		{vrrp.V2, every(255 * time.Second), ""},
		{vrrp.V2, every(256 * time.Second), "is not a multiple of 1s in 1s…4m15s"},
		{vrrp.V3, every(0), "is not a multiple of 10ms in 10ms…40.95s"},
		{vrrp.V3, every(9 * time.Millisecond), "is not a multiple"},
		{vrrp.V3, every(10 * time.Millisecond), ""},
		{vrrp.V3, every(15 * time.Millisecond), "is not a multiple"},
		{vrrp.V3, every(40950 * time.Millisecond), ""},
		{vrrp.V3, every(40960 * time.Millisecond), "is not a multiple"},
		{vrrp.V3, func(c *vrrp.Config) { c.PreemptDelay = -1 }, "preempt delay -1ns"},
		{vrrp.V3, func(c *vrrp.Config) { c.PreemptDelay = 1000 * time.Second }, ""},
		{vrrp.V3, func(c *vrrp.Config) { c.PreemptDelay = 1000*time.Second + 1 }, "preempt delay"},
		{vrrp.V3, func(c *vrrp.Config) { c.StartDelay = -1 }, "start delay"},
		{vrrp.V3, func(c *vrrp.Config) { c.StartDelay = 600 * time.Second }, ""},
		{vrrp.V3, func(c *vrrp.Config) { c.StartDelay = 600*time.Second + 1 }, "start delay"},
		{vrrp.V3, func(c *vrrp.Config) { c.DownAdverts = -1 }, "down adverts -1"},
		{vrrp.V3, func(c *vrrp.Config) { c.DownAdverts = 100 }, ""},
		{vrrp.V3, func(c *vrrp.Config) { c.DownAdverts = 101 }, "down adverts 101"},
		{vrrp.V3, func(c *vrrp.Config) { c.Announce.Repeat = -1 }, "cannot be negative"},
		{vrrp.V3, func(c *vrrp.Config) { c.Announce.RefreshRepeat = -1 }, "cannot be negative"},
		{vrrp.V3, func(c *vrrp.Config) { c.Announce.Elsewhere = -1 }, "cannot be negative"},
		{vrrp.V3, func(c *vrrp.Config) { c.Announce.LowerRepeat = -1 }, "cannot be negative"},
		{vrrp.V3, func(c *vrrp.Config) { c.Announce.Delay = -1 }, "cannot be negative"},
		{vrrp.V3, func(c *vrrp.Config) { c.Announce.Refresh = -1 }, "cannot be negative"},
		{vrrp.V3, func(c *vrrp.Config) { c.Announce.LowerDelay = -1 }, "cannot be negative"},
	})
}

func TestConfigValidateAddresses(t *testing.T) {
	addr := netip.MustParseAddr
	testValidate(t, []fault{
		{vrrp.V3, func(c *vrrp.Config) { c.Addresses = make([]netip.Addr, 256) }, "256 addresses do not fit"},
		{vrrp.V3, func(c *vrrp.Config) {
			for range 255 {
				c.Addresses = append(c.Addresses, addr("192.0.2.1"))
			}
		}, ""},
		{vrrp.V3, func(c *vrrp.Config) { c.Addresses = []netip.Addr{{}} }, "virtual address invalid IP is not an ipv4 address"},
		{vrrp.V3, func(c *vrrp.Config) { c.Addresses = []netip.Addr{addr("fe80::1")} }, "virtual address fe80::1"},
		{vrrp.V3, func(c *vrrp.Config) { c.Peers = []vrrp.Peer{{Address: addr("fe80::1")}} }, "peer fe80::1"},
		{vrrp.V3, func(c *vrrp.Config) { c.Source = addr("fe80::1") }, "source fe80::1"},
		{vrrp.V3, func(c *vrrp.Config) {
			c.ID.Family, c.Source = vrrp.IPv6, addr("fe80::1%eth0")
		}, "source fe80::1%eth0: the zone"},
		{vrrp.V3, func(c *vrrp.Config) { c.Group = addr("ff02::12") }, "group ff02::12"},
		{vrrp.V3, func(c *vrrp.Config) { c.Group = addr("192.0.2.1") }, "not a multicast address"},
		{vrrp.V3, func(c *vrrp.Config) { c.Group = addr("224.0.0.99") }, ""},
		{vrrp.V3, func(c *vrrp.Config) {
			c.Peers = []vrrp.Peer{{Address: addr("192.0.2.1"), MinTTL: 5, MaxTTL: 4}}
		}, "min TTL 5 above max TTL 4"},
		{vrrp.V3, func(c *vrrp.Config) {
			c.Peers = []vrrp.Peer{{Address: addr("192.0.2.1"), MinTTL: 5, MaxTTL: 5}, {Address: addr("192.0.2.2"), MinTTL: 5}}
		}, ""},
		{vrrp.V2, func(c *vrrp.Config) { c.AuthType = vrrp.AuthPass }, ""},
		{vrrp.V3, func(c *vrrp.Config) { c.AuthType = vrrp.AuthPass }, "VRRPv2 over IPv4 only"},
		{vrrp.V2, func(c *vrrp.Config) { c.AuthType, c.ID.Family = vrrp.AuthPass, vrrp.IPv6 }, "VRRPv2 over IPv4 only"},
		{vrrp.V2, func(c *vrrp.Config) { c.AuthType = vrrp.AuthAH }, "authentication type 2 is not supported"},
		{vrrp.V3, func(c *vrrp.Config) { c.HMAC = &vrrp.HMAC{} }, "active hmac key 0 is not configured"},
		{vrrp.V2, func(c *vrrp.Config) {
			h := hmacConfig()
			c.AuthType, c.HMAC = vrrp.AuthPass, &h
		}, "exclude each other"},
		{vrrp.V3, func(c *vrrp.Config) {
			h := hmacConfig()
			h.Mode, c.HMAC = vrrp.HMACReceiveOnly, &h
		}, ""},
		{vrrp.V3, func(c *vrrp.Config) {
			h := hmacConfig()
			h.Mode, c.HMAC = vrrp.HMACReceiveOnly+1, &h
		}, "hmac mode 3 is unknown"},
	})
}

// Every fault is reported at once.
func TestConfigValidateAll(t *testing.T) {
	c := vrrp.Config{}
	if n := len(strings.Split(c.Validate().Error(), "\n")); n != 5 {
		t.Errorf("%d faults: %v", n, c.Validate())
	}
}

// Whatever field differs, the configurations differ: a reload must not
// overlook one that is added later.
func TestConfigEqual(t *testing.T) {
	base := func() vrrp.Config {
		h := hmacConfig()
		return vrrp.Config{Addresses: []netip.Addr{v3IPv4.host(1)}, Peers: []vrrp.Peer{{Address: v3IPv4.host(2)}}, HMAC: &h}
	}
	same, other := base(), base()
	if !same.Equal(&other) {
		t.Fatal("a copy differs")
	}
	fields := 0
	alter(t, reflect.ValueOf(&other).Elem(), "Config", func(path string) {
		fields++
		if same.Equal(&other) || other.Equal(&same) {
			t.Errorf("%s differs, and they are equal", path)
		}
	})
	if fields < 40 {
		t.Errorf("only %d fields were tried", fields)
	}
	if !same.Equal(&other) {
		t.Error("the test did not put back what it changed")
	}
}

// alter changes each leaf of v in turn, calls f, and puts it back.
func alter(t *testing.T, v reflect.Value, path string, f func(path string)) {
	t.Helper()
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	switch {
	case v.Type() == reflect.TypeFor[netip.Addr]():
		v.Set(reflect.ValueOf(netip.MustParseAddr("203.0.113.77")))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			alter(t, v.Field(i), path+"."+v.Type().Field(i).Name, f)
		}
		return
	case v.Kind() == reflect.Pointer:
		alter(t, v.Elem(), path, f)
		v.SetZero()
	case v.Kind() == reflect.Slice:
		alter(t, v.Index(0), path+"[0]", f)
		v.SetZero()
	case v.Kind() == reflect.Array:
		alter(t, v.Index(v.Len()-1), path+"[last]", f)
		return
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.CanUint():
		v.SetUint(v.Uint() ^ 1)
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "x")
	default:
		t.Fatalf("%s: what to do with a %v?", path, v.Type())
	}
	f(path)
	v.Set(old)
}

func TestPrinting(t *testing.T) {
	for _, tc := range []struct{ got, want string }{
		{vrrp.IPv6.String(), "ipv6"},
		{vrrp.Family(9).String(), "family(9)"},
		{vrrp.State(9).String(), "STATE(9)"},
		{vrrp.Init.String(), "INIT"},
		{vrrp.Vote(9).String(), "claim"},
		{vrrp.VoteUnable.String(), "unable"},
		{vrrp.VoteYield.String(), "yield"},
		{vrrp.VerdictFault.String(), "FAULT"},
		{vrrp.VerdictBackup.String(), "BACKUP"},
		{vrrp.Verdict(9).String(), "MASTER"},
		{vrrp.ID{Interface: "eth0", VRID: 5, Family: vrrp.IPv4}.String(), "eth0/5/ipv4"},
		{vrrp.Cause{Code: vrrp.CauseFault}.String(), "fault"},
		{vrrp.Cause{Code: vrrp.CauseFault, Detail: "x"}.String(), "fault: x"},
		{vrrp.CastVote{Vote: vrrp.VoteClaim}.String(), "vote claim"},
		{vrrp.Refusal(0).String(), "unknown"},
		{vrrp.Refusal(200).String(), "unknown"},
	} {
		if tc.got != tc.want {
			t.Errorf("%q, want %q", tc.got, tc.want)
		}
	}
}
