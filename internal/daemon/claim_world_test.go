// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/memory"
	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/cloudprovider"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/vrrp"
)

var vi1 = notify.Subject{Kind: notify.Instance, Name: "VI_1"}

// pair is a node with a claim in a world of two nodes, 10.0.0.2 (this one) and
// 10.0.0.3, in virtual time.
type pair struct {
	t   *testing.T
	d   *Daemon
	log *buffer
	w   *memory.World

	mu   sync.Mutex
	told []engine.TrackChanged
}

// levels is what the engine was told.
func (p *pair) levels() []engine.TrackChanged {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.told)
}

const pairInstance = `
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    unicast_src_ip 10.0.0.2
    unicast_peer {
        10.0.0.3
    }
    no_virtual_ipaddress
    cloud_claim edge
}
`

// inPair runs a story with a claim of these lines.
func inPair(t *testing.T, claim string, prepare func(*memory.World), story func(*pair)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d, log := idle(t)
		p := &pair{t: t, d: d, log: log, w: memory.New(memory.CompareAndSwap)}
		own := p.w.Node("a", addr("10.0.0.2"))
		p.w.Node("b", addr("10.0.0.3"))
		prepare(p.w)
		d.claims.stateDir = t.TempDir()
		epoch := time.Now().Add(-time.Hour)
		d.claims.clock = func() time.Duration { return time.Since(epoch) }
		d.claims.provider = func(ctx context.Context, o cloudprovider.Options) (cloud.Provider, error) {
			if o.Provider == "none" {
				return cloudprovider.New(ctx, o)
			}
			return own, nil
		}
		d.claims.postLevels(func(l engine.TrackChanged) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.told = append(p.told, l)
		})
		c := parse(t, "cloud_claim edge {\n"+claim+"\n}\n"+pairInstance)
		specs, err := claimSpecs(c)
		if err != nil {
			t.Fatal(err)
		}
		d.claims.setRouters(c)
		ctx, cancel := context.WithCancel(context.Background())
		if err := d.claims.configure(ctx, specs); err != nil {
			t.Fatal(err)
		}
		ticking := make(chan struct{})
		go func() {
			defer close(ticking)
			for ctx.Err() == nil {
				d.claims.tick()
				time.Sleep(100 * time.Millisecond)
			}
		}()
		story(p)
		cancel()
		d.claims.close()
		<-ticking
	})
}

func (p *pair) is(s vrrp.State, code vrrp.CauseCode, d time.Duration) {
	p.d.claims.transition(vi1, s, vrrp.Cause{Code: code}, 100)
	p.d.claims.proceed(vi1)
	p.wait(d)
}

func (p *pair) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (p *pair) status() claimStatus {
	p.t.Helper()
	var all []struct {
		Fault   string
		Probe   *probeStatus
		Capture *captureStatus
	}
	if err := json.Unmarshal(p.d.claims.status(vi1), &all); err != nil || len(all) != 1 {
		p.t.Fatalf("%s: %v", p.d.claims.status(vi1), err)
	}
	return p.d.claims.all()[claimKey{vi1, "edge"}].show()
}

// holder is who has a route, in one word.
func (p *pair) at(holder string, routes ...cloud.Item) {
	p.t.Helper()
	for _, r := range routes {
		if got := p.w.Holder(r); got != holder {
			p.t.Errorf("%s points at %q, want %q", r.Key(), got, holder)
		}
	}
}

func routeIn(table, dest string) cloud.Item {
	return cloud.Item{Kind: cloud.Route, Table: table, Dest: prefix(dest)}
}

// The home node's routes are learned, taken over and given back; nobody else's
// are touched, and what was learned survives a restart.
func TestClaimCapture(t *testing.T) {
	mine, theirs, third := routeIn("t1", "10.1.0.0/16"), routeIn("t1", "10.2.0.0/16"), routeIn("t2", "0.0.0.0/0")
	home := []cloud.Item{routeIn("t1", "10.8.0.0/16"), routeIn("t2", "10.8.0.0/16")}
	prepare := func(w *memory.World) {
		for _, r := range home {
			w.Add(r, "b/0")
		}
		w.Add(mine, "a/0")
		w.Add(theirs, "c/0")
		w.Add(third, "igw")
		w.Add(routeIn("elsewhere", "10.9.0.0/16"), "b/0")
	}
	inPair(t, "provider oci\ncapture\nhome 10.0.0.3\ntable t1 t2", prepare, func(p *pair) {
		p.is(vrrp.Backup, vrrp.CauseStarted, 5*time.Minute)
		if s := p.status().Capture; s == nil || s.Routes != 2 || s.Home != "b/0" || s.Learned.IsZero() {
			t.Fatalf("learned %+v, want the two routes of the peer", s)
		}
		p.is(vrrp.Master, vrrp.CauseMasterDown, 10*time.Second)
		p.at("a/0", append(home, mine)...)
		p.at("c/0", theirs)
		p.at("igw", third)
		p.at("b/0", routeIn("elsewhere", "10.9.0.0/16"))
		if s := p.status(); s.State != cloud.StateHeld {
			t.Errorf("%s: %+v", s.State, s.Items)
		}
		// The peer is back and takes its routes; ours is not part of them.
		p.is(vrrp.Backup, vrrp.CauseBetterHeard, time.Second)
		for _, r := range home {
			p.w.Set(r, "b/0")
		}
		// It adds one more, steadily, and dies again.
		more := p.w.Add(routeIn("t2", "10.7.0.0/16"), "b/0")
		p.wait(5 * time.Minute)
		if s := p.status().Capture; s.Routes != 3 {
			t.Errorf("learned %d routes, want 3", s.Routes)
		}
		p.w.Set(home[0], "firewall")
		p.is(vrrp.Master, vrrp.CauseMasterDown, time.Minute)
		p.at("a/0", home[1], more)
		p.at("firewall", home[0])
		if s := p.status(); len(s.Findings) != 1 || !strings.Contains(s.Findings[0].Text, "third party") {
			t.Errorf("findings %+v", s.Findings)
		}
	})
}

// Every write and every change of ownership leaves a line in the state
// directory, for its owner only.
func TestClaimAudit(t *testing.T) {
	v := cloud.VIP(addr("10.0.0.4"))
	inPair(t, "provider oci\nvips {\n10.0.0.4\n}", func(w *memory.World) { w.Add(v, "b/0") }, func(p *pair) {
		p.is(vrrp.Master, vrrp.CauseMasterResigned, time.Minute)
		path := filepath.Join(p.d.claims.stateDir, "claims.audit.jsonl")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		writes := 0
		for line := range strings.Lines(string(text)) {
			var e struct{ Op, Claim, Item, Outcome string }
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			if e.Op == "assign" && e.Claim == "VI_1/edge" && e.Item == v.Key() && e.Outcome == "done" {
				writes++
			}
		}
		if writes != 1 {
			t.Errorf("%d lines of the write:\n%s", writes, text)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	})
}

// The home node itself takes back what its peer had taken over, and adopt off
// leaves what was not learned.
func TestClaimCaptureAtHome(t *testing.T) {
	r, late := routeIn("t1", "10.8.0.0/16"), routeIn("t1", "10.9.0.0/16")
	inPair(t, "provider oci\ncapture\nadopt off\nhome self\ntable t1", func(w *memory.World) { w.Add(r, "a/0") }, func(p *pair) {
		p.is(vrrp.Master, vrrp.CauseMasterDown, 5*time.Minute)
		p.is(vrrp.Backup, vrrp.CauseBetterHeard, time.Second)
		p.w.Set(r, "b/0")
		p.w.Add(late, "b/0")
		p.wait(10 * time.Minute)
		p.is(vrrp.Master, vrrp.CausePreempted, time.Minute)
		p.at("a/0", r)
		p.at("b/0", late)
	})
}

// A node that was told to step aside does not believe that somebody else is
// MASTER: nothing is learned then.
func TestClaimCaptureDoesNotLearnAside(t *testing.T) {
	inPair(t, "provider oci\ncapture\nhome peer\ntable t1", func(w *memory.World) { w.Add(routeIn("t1", "10.8.0.0/16"), "b/0") }, func(p *pair) {
		p.is(vrrp.Backup, vrrp.CauseStepAside, 10*time.Minute)
		if n := p.status().Capture.Routes; n != 0 {
			t.Errorf("learned %d routes", n)
		}
	})
}

// A route without a table is taken in every table in scope that has it.
func TestClaimRouteInEveryTable(t *testing.T) {
	d := "10.50.0.0/16"
	prepare := func(w *memory.World) {
		w.Add(routeIn("t1", d), "b/0")
		w.Add(routeIn("t2", d), "igw")
		w.Add(routeIn("t2", "10.51.0.0/16"), "b/0")
		w.Add(routeIn("t3", d), "b/0")
	}
	inPair(t, "provider oci\nroutes {\n"+d+"\n}\ntable t1 t2", prepare, func(p *pair) {
		p.is(vrrp.Backup, vrrp.CauseStarted, time.Second)
		p.is(vrrp.Master, vrrp.CauseMasterDown, 10*time.Second)
		p.at("a/0", routeIn("t1", d), routeIn("t2", d))
		p.at("b/0", routeIn("t3", d), routeIn("t2", "10.51.0.0/16"))
	})
}

// What moves in each mode of azure_mode, and with an empty vips block.
func TestClaimItems(t *testing.T) {
	const all = "public_ip 203.0.113.9\nroutes {\n10.0.0.0/8 table rt\n}\n"
	for lines, want := range map[string]string{
		"provider azure\n" + all:                         "vip4/192.0.2.10 public/203.0.113.9>192.0.2.10 route/rt/10.0.0.0/8",
		"provider azure\nazure_mode nic\n" + all:         "vip4/192.0.2.10 public/203.0.113.9>192.0.2.10 route/rt/10.0.0.0/8",
		"provider azure\nazure_mode route\n" + all:       "route/rt/10.0.0.0/8",
		"provider azure\nazure_mode public_ip\n" + all:   "public/203.0.113.9",
		"provider none\n":                                "",
		"provider aws\nvips {\n}\n" + all:                "public/203.0.113.9 route/rt/10.0.0.0/8",
		"provider aws\npublic_ip 203.0.113.9=10.0.0.4":   "vip4/192.0.2.10 public/203.0.113.9>10.0.0.4",
		"azure_mode probe\nprobe_port 8080\n":            "",
		"provider oci\nvips {\n10.0.0.4 10.0.0.5\n}\n":   "vip4/10.0.0.4 vip4/10.0.0.5",
		"provider aws\ntable t\nroutes {\n10.0.0.0/8\n}": "vip4/192.0.2.10",
	} {
		specs, err := claimSpecs(parse(t, "cloud_claim c {\n"+lines+"\n}\n"+router(vip+"cloud_claim c")))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, it := range specs[0].items {
			text := it.Key()
			if a := target(it); a != "" {
				text += ">" + a
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s\ngot  %s\nwant %s", lines, strings.Join(got, " "), want)
		}
	}
}

// The port is open exactly while this node is MASTER and its claim may act.
func TestClaimProbePort(t *testing.T) {
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	d, _ := idle(t)
	configure(t, d, fmt.Sprintf("azure_mode probe\nprobe_port %d\n", port))
	open := func() bool {
		conn, err := net.DialTimeout("tcp4", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}
	tell := func(s vrrp.State) {
		d.claims.transition(vi1, s, vrrp.Cause{Code: vrrp.CauseMasterDown}, 100)
		d.claims.proceed(vi1)
	}
	if open() {
		t.Error("open before anybody is MASTER")
	}
	for range 3 {
		tell(vrrp.Master)
		eventually(t, "open while MASTER", open)
		if s := d.claims.all()[claimKey{vi1, "edge"}].show(); s.Probe == nil || !s.Probe.Open || s.Probe.Port != port {
			t.Errorf("status %+v", s.Probe)
		}
		tell(vrrp.Fault)
		eventually(t, "closed in FAULT", func() bool { return !open() })
	}
	tell(vrrp.Master)
	eventually(t, "open while MASTER", open)
	d.claims.close()
	if open() {
		t.Error("open after the end")
	}
}

// configure runs the claim edge of these lines in the pair's instance.
func configure(t *testing.T, d *Daemon, claim string) {
	t.Helper()
	specs, err := claimSpecs(parse(t, "cloud_claim edge {\n"+claim+"\n}\n"+pairInstance))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.claims.configure(t.Context(), specs); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.claims.close)
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not %s", what)
		}
	}
}
