// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/vrrp"
)

// plainRouter is what the smallest instance becomes.
func plainRouter() engine.Router {
	return engine.Router{Name: "VI_1", IgnoresSource: true, Config: vrrp.Config{
		ID: vrrp.ID{Interface: "eth0", VRID: 51, Family: vrrp.IPv4}, Version: vrrp.V2, Priority: 100,
		Interval: time.Second, DownAdverts: 3, OwnerWaits: true, AnyUnicastSource: true,
		Group: addr("224.0.0.18"), Addresses: []netip.Addr{addr("192.0.2.10")},
		Announce: vrrp.Announcing{Repeat: 5, Delay: 5 * time.Second, RefreshRepeat: 1, LowerRepeat: 5, LowerDelay: 5 * time.Second},
	}}
}

func unicast(r *engine.Router, peers ...vrrp.Peer) {
	r.Group, r.AnyUnicastSource, r.Peers, r.IgnoresSource = netip.Addr{}, false, peers, false
}

func dialect(c vrrp.Checksum) func(*engine.Router) {
	return func(r *engine.Router) {
		unicast(r, vrrp.Peer{Address: addr("192.0.2.2"), MaxTTL: 255})
		r.Version, r.Checksum = vrrp.V3, c
	}
}

// Each keyword changes what it should, and nothing else.
func TestEngineRouter(t *testing.T) {
	key := strings.Repeat("k", 32)
	for _, c := range []struct {
		lines string
		want  func(r *engine.Router)
	}{
		{"", func(*engine.Router) {}},
		{"priority 150", func(r *engine.Router) { r.Priority = 150 }},
		{"priority 255\nstate MASTER", func(r *engine.Router) { r.Priority, r.OwnerWaits = 255, false }},
		{"advert_int 7", func(r *engine.Router) { r.Interval = 7 * time.Second }},
		{"version 3\nadvert_int 0.25", func(r *engine.Router) { r.Version, r.Interval = vrrp.V3, 250*time.Millisecond }},
		{"nopreempt", func(r *engine.Router) { r.NoPreempt = true }},
		{"preempt_delay 30", func(r *engine.Router) { r.PreemptDelay = 30 * time.Second }},
		{"start_delay 9", func(r *engine.Router) { r.StartDelay = 9 * time.Second }},
		{"down_timer_adverts 5", func(r *engine.Router) { r.DownAdverts = 5 }},
		{"mcast_src_ip 192.0.2.1", func(r *engine.Router) { r.Source = addr("192.0.2.1") }},
		{"strict_mode on", func(r *engine.Router) {
			r.StrictAddresses, r.LowerGetsNoAdvert = true, true
			r.Announce.LowerRepeat, r.Announce.LowerDelay = 0, 0
		}},
		{"higher_prio_send_advert", func(r *engine.Router) { r.HigherSendsAdvert = true }},
		{"lower_prio_no_advert", func(r *engine.Router) { r.LowerGetsNoAdvert = true }},
		{"mcast_src_ip 192.0.2.1\ntrack_src_ip", func(r *engine.Router) { r.Source, r.IgnoresSource = addr("192.0.2.1"), false }},
		{"dont_track_primary", func(r *engine.Router) { r.IgnoresInterface = true }},
		{"authentication {\n auth_type PASS\n auth_pass s3cret\n}", func(r *engine.Router) {
			r.AuthType, r.Password = vrrp.AuthPass, vrrp.MakePassword("s3cret")
		}},
		{"version 3\nauth_hmac {\n key 1 " + key + "\n key 2 hex:" + strings.Repeat("6b", 32) + "\n active_key 2\n mode permissive\n anti_replay monotonic\n time_window 9\n}", func(r *engine.Router) {
			r.Version = vrrp.V3
			r.HMAC = &vrrp.HMAC{
				Keys:      []vrrp.HMACKey{{ID: 1, Secret: []byte(key)}, {ID: 2, Secret: []byte(key)}},
				ActiveKey: 2, Mode: vrrp.HMACPermissive, Monotonic: true, Window: 9 * time.Second,
			}
		}},
		{"garp_master_delay 1\ngarp_master_repeat 2\ngarp_master_refresh 3\ngarp_master_refresh_repeat 4\ngarp_lower_prio_delay 6\ngarp_lower_prio_repeat 7\ngarp_extra_if 8", func(r *engine.Router) {
			r.Announce = vrrp.Announcing{
				Delay: time.Second, Repeat: 2, Refresh: 3 * time.Second, RefreshRepeat: 4, LowerDelay: 6 * time.Second, LowerRepeat: 7,
				Elsewhere: 8 * time.Second,
			}
		}},
		{"unicast_src_ip 192.0.2.1\nunicast_peer {\n 192.0.2.2\n 192.0.2.3 min_ttl 250 max_ttl 254\n}", func(r *engine.Router) {
			r.Source = addr("192.0.2.1")
			unicast(r, vrrp.Peer{Address: addr("192.0.2.2"), MaxTTL: 255}, vrrp.Peer{Address: addr("192.0.2.3"), MinTTL: 250, MaxTTL: 254})
		}},
		{"unicast_accept_any_src\nunicast_peer {\n 192.0.2.2\n}", func(r *engine.Router) {
			unicast(r, vrrp.Peer{Address: addr("192.0.2.2"), MaxTTL: 255})
			r.AnyUnicastSource = true
		}},
		{"version 3\nold_unicast_checksum\nunicast_peer {\n 192.0.2.2\n}", dialect(vrrp.ChecksumOldUnicast)},
		{"version 3\nold_unicast_checksum never\nunicast_peer {\n 192.0.2.2\n}", dialect(vrrp.ChecksumPseudo)},
		{"version 3\nv3_checksum_as_v2", func(r *engine.Router) { r.Version, r.Checksum = vrrp.V3, vrrp.ChecksumMessage }},
		{"virtual_ipaddress_excluded {\n 192.0.2.11\n}", func(*engine.Router) {}},
		{"virtual_ipaddress_excluded {\n 198.51.100.1/24 dev eth1\n 198.51.100.2/24 dev eth2 no_track\n}", func(r *engine.Router) {
			r.Tracks = []engine.Tracking{{Track: engine.Track{Kind: engine.TrackInterface, Name: "eth1"}}}
		}},
	} {
		r, err := engineRouter(parse(t, router(vip+c.lines)).Instances[0])
		if err != nil {
			t.Errorf("%s: %v", c.lines, err)
		}
		want := plainRouter()
		c.want(&want)
		if !reflect.DeepEqual(r, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.lines, r, want)
		}
	}
}

func TestEngineRouterIPv6(t *testing.T) {
	c := parse(t, router("virtual_ipaddress {\n fe80::10\n 2001:db8::10/64\n}"))
	r, err := engineRouter(c.Instances[0])
	if err != nil || r.ID.Family != vrrp.IPv6 || r.Version != vrrp.V3 || r.Group != addr("ff02::12") ||
		!reflect.DeepEqual(r.Addresses, []netip.Addr{addr("fe80::10"), addr("2001:db8::10")}) {
		t.Errorf("%+v, %v", r, err)
	}
}

const tracked = `
vrrp_script chk {
    script "/bin/true"
    weight 5
}
vrrp_track_process proc {
    process haproxy
}
track_file file {
    file /tmp/x
}
vrrp_check ping {
    ping 192.0.2.1
}
`

func TestEngineTracks(t *testing.T) {
	lists := `
track_interface {
    eth1
    eth2 weight -20
}
track_script {
    chk
}
track_process {
    proc weight 3
}
track_file {
    file weight 2 reverse
}
track_check {
    ping weight -7
}
`
	c := parse(t, tracked+router(vip+lists))
	c.SyncGroups = append(c.SyncGroups, &config.SyncGroup{
		Name: "VG", Members: []string{"VI_1"}, TrackScripts: []config.Track{{Name: "chk"}},
	})
	e, err := EngineConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	track := func(kind engine.TrackKind, name string, weight int) engine.Tracking {
		return engine.Tracking{Track: engine.Track{Kind: kind, Name: name}, Weight: weight}
	}
	want := []engine.Tracking{
		track(engine.TrackInterface, "eth1", 0), track(engine.TrackInterface, "eth2", -20), track(engine.TrackScript, "chk", 5),
		track(engine.TrackFile, "file", 2), track(engine.TrackProcess, "proc", 3), track(engine.TrackCheck, "ping", -7),
	}
	want[3].Reverse = true
	if got := e.Routers[0].Tracks; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	g := e.Groups[0]
	if g.Name != "VG" || !reflect.DeepEqual(g.Members, []string{"VI_1"}) || len(g.Tracks) != 1 || g.Tracks[0].Name != "chk" {
		t.Errorf("%+v", g)
	}
	if e.Routers[0].WaitsForSlowMember {
		t.Error("keepalived's rule without group_takeover slowest")
	}
}

func TestSlowGroup(t *testing.T) {
	c := parse(t, router(vip)+"vrrp_sync_group VG {\n group {\n VI_1\n }\n group_takeover slowest\n}\n")
	e, err := EngineConfig(c)
	if err != nil || !e.Routers[0].WaitsForSlowMember {
		t.Errorf("%+v, %v", e.Routers, err)
	}
}

// startupDelay is the longest, and never more than an instance may have.
func TestStartupDelay(t *testing.T) {
	c := engine.Config{Routers: []engine.Router{{Name: "a"}, {Name: "b"}}}
	c.Routers[1].StartDelay = 20 * time.Second
	got := startupDelay(c, &config.Global{StartupDelay: 10 * time.Second, DelayAfterBoot: time.Minute}, 55*time.Second)
	if got.Routers[0].StartDelay != 10*time.Second || got.Routers[1].StartDelay != 20*time.Second {
		t.Errorf("%+v", got.Routers)
	}
	if c.Routers[0].StartDelay != 0 {
		t.Error("the configuration itself changed: a reload would use the delay")
	}
	if got := startupDelay(c, &config.Global{DelayAfterBoot: time.Minute}, 29*time.Second); got.Routers[0].StartDelay != 31*time.Second {
		t.Errorf("29 s after boot: %v", got.Routers[0].StartDelay)
	}
	if got := startupDelay(c, &config.Global{StartupDelay: time.Hour}, 0); got.Routers[0].StartDelay != vrrp.MaxStartDelay {
		t.Errorf("%v", got.Routers[0].StartDelay)
	}
}

func TestKeyBytes(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	secret := func(s string) config.HMACKey { return config.HMACKey{ID: 1, Key: config.NewSecret(s)} }
	for _, c := range []struct {
		name string
		key  config.HMACKey
		want string // "" is an error
	}{
		{"text", secret("topsecret"), "topsecret"},
		{"hex", secret("hex:746f70"), "top"},
		{"odd hex", secret("hex:746f7"), ""},
		{"not hex", secret("hex:topsecret"), ""},
		{"file", config.HMACKey{File: file("a", "topsecret\r\n")}, "topsecret"},
		{"file of hex", config.HMACKey{File: file("b", "hex:746f70\n")}, "top"},
		{"file of bad hex", config.HMACKey{File: file("c", "hex:topsecret")}, ""},
		{"no file", config.HMACKey{File: filepath.Join(dir, "none")}, ""},
	} {
		got, err := keyBytes(c.key)
		if string(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: the secret is in the error: %v", c.name, err)
		}
	}
	_, err := hmac(&config.HMAC{Keys: []config.HMACKey{secret("hex:topsecret")}})
	if err == nil || !strings.Contains(err.Error(), "key 1") || strings.Contains(err.Error(), "topsecret") {
		t.Errorf("%v, want the key's number and not the key", err)
	}
}

// An error names its instance.
func TestEngineConfigErrors(t *testing.T) {
	c := parse(t, router("version 3\n"+vip))
	c.Instances[0].HMAC = &config.HMAC{Keys: []config.HMACKey{{ID: 1, File: "/no/such/key"}}}
	if _, err := EngineConfig(c); err == nil || !strings.Contains(err.Error(), "VI_1") {
		t.Errorf("%v", err)
	}
}
