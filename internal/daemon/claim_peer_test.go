// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/guard"
	"github.com/govrrp/vrrpd/cloud/memory"
	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

const peerKey = "0123456789abcdef0123456789abcdef"

// freePort is a port of the loopback that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// answering serves whatever is asked, in the place of gateway or metadata.
func answering(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	return s.URL
}

// guarded is a claim that asks its peer's status and answers its own.
func guarded(listen, peer, metadata, more string) string {
	return fmt.Sprintf(`provider none
    metadata_endpoint %s
    %s
    guard {
        listen %s
        status http://%s/edge
        key %s
        gateway 127.0.0.1
        budget 5
        hold 60
    }`, metadata, more, listen, peer, peerKey)
}

func run(d *Daemon) *claimRun { return d.claims.all()[claimKey{vi1, "edge"}] }

func become(d *Daemon, s vrrp.State) {
	d.claims.transition(vi1, s, vrrp.Cause{Code: vrrp.CauseMasterDown}, 100)
	d.claims.proceed(vi1)
}

// Each row of the guard's table that two daemons make between themselves: the
// peer says MASTER, says BACKUP, says nothing, says it with another key.
func TestClaimAsksThePeer(t *testing.T) {
	a, _ := idle(t)
	b, _ := idle(t)
	atA, atB, metadata := freePort(t), freePort(t), answering(t)
	configure(t, a, guarded(atA, atB, metadata, ""))
	configure(t, b, guarded(atB, atA, metadata, ""))
	eventually(t, "answered", func() bool {
		_, err := guard.Ask(t.Context(), peerClient, "http://"+atB+"/edge", peerKey)
		return err == nil
	})
	state := func(s cloud.State) func() bool {
		return func() bool { return run(a).claim.Status().State == s }
	}
	become(a, vrrp.Master)
	eventually(t, "held: the peer says INIT", state(cloud.StateHeld))
	become(a, vrrp.Backup)
	eventually(t, "idle", state(cloud.StateIdle))

	b.claims.transition(vi1, vrrp.Master, vrrp.Cause{Code: vrrp.CauseMasterResigned}, 100)
	b.claims.proceed(vi1)
	eventually(t, "held by b", func() bool { return run(b).claim.Status().State == cloud.StateHeld })
	become(a, vrrp.Master)
	eventually(t, "held back: the peer says MASTER", state(cloud.StateSuspect))
	if s := run(a).claim.Status(); !strings.Contains(s.Guard, "adverts are being lost") {
		t.Errorf("the guard says %q", s.Guard)
	}
	become(b, vrrp.Backup)
	eventually(t, "held: the peer has become BACKUP", state(cloud.StateHeld))
	become(a, vrrp.Backup)
	eventually(t, "idle", state(cloud.StateIdle))

	b.claims.close()
	become(a, vrrp.Master)
	eventually(t, "held: the peer is silent", state(cloud.StateHeld))
	if s := run(a).claim.Status(); !strings.Contains(s.Guard, "silent") {
		t.Errorf("the guard says %q", s.Guard)
	}
}

// Nothing is answered without a key, for a claim that is not there, or without
// a nonce; and an answer tells no secret.
func TestClaimReport(t *testing.T) {
	d, _ := idle(t)
	at := freePort(t)
	configure(t, d, guarded(at, at, answering(t), ""))
	eventually(t, "listening", func() bool {
		_, err := guard.Ask(t.Context(), peerClient, "http://"+at+"/edge", peerKey)
		return err == nil
	})
	rep, err := guard.Ask(t.Context(), peerClient, "http://"+at+"/edge", peerKey)
	if err != nil || rep.Node != "r1" || rep.State != "INIT" || rep.Healthy || len(rep.Config) != 8 {
		t.Errorf("%+v, %v", rep, err)
	}
	if _, err := guard.Ask(t.Context(), peerClient, "http://"+at+"/edge", "another key"); err == nil {
		t.Error("an answer was believed that another key signed")
	}
	for path, want := range map[string]int{"/edge": http.StatusBadRequest, "/other": http.StatusNotFound, "/": http.StatusNotFound} {
		resp, err := http.Get("http://" + at + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	d.claims.close()
	if _, err := guard.Ask(t.Context(), peerClient, "http://"+at+"/edge", peerKey); err == nil {
		t.Error("answered after the end")
	}
}

// A node whose gateway and metadata service are both silent is the one that is
// cut off: it is told to be in FAULT, and told otherwise once they answer.
func TestScenario25_CutOffIsAFault(t *testing.T) {
	inPair(t, "provider none\nguard {\nping 10.0.0.3\n}", func(*memory.World) {}, func(p *pair) {
		var reached atomic.Bool
		ask := func(context.Context) (guard.Answer, error) { return guard.Answer{Alive: reached.Load()}, nil }
		r := run(p.d)
		r.self.Probes = []guard.Probe{guard.Func("gateway", guard.Gateway, ask), guard.Func("metadata", guard.Metadata, ask)}
		r.guard.Probes = r.self.Probes
		want := func(n int, good bool) {
			t.Helper()
			told := p.levels()
			if len(told) != n {
				t.Fatalf("the engine was told %d times, want %d: %+v", len(told), n, told)
			}
			if l := told[n-1]; l.Level.Good != good || !l.Level.Known || l.Track != (engine.Track{Kind: trackClaim, Name: "VI_1/edge"}) {
				t.Fatalf("%+v, want good %v", l, good)
			}
		}
		want(1, true)
		p.is(vrrp.Master, vrrp.CauseMasterDown, 2*time.Second)
		want(2, false)
		if s := p.status(); !strings.Contains(s.Fault, "cut off") || s.State != cloud.StateCutOff {
			t.Errorf("%s, %q", s.State, s.Fault)
		}
		p.is(vrrp.Fault, vrrp.CauseFault, time.Minute)
		want(2, false)
		reached.Store(true)
		p.wait(selfCheckEvery + time.Second)
		want(3, true)
	})
}

// A node that gives way to another claimant stays MASTER, or is in FAULT for as
// long as it gives way, as configured.
func TestClaimOnYield(t *testing.T) {
	for words, faults := range map[string]int{"": 0, "on_yield fault": 1} {
		inPair(t, "provider oci\nvips {\n10.0.0.4\n}\n"+words, func(w *memory.World) { w.Add(cloud.VIP(addr("10.0.0.4")), "b/0") }, func(p *pair) {
			p.is(vrrp.Master, vrrp.CauseMasterResigned, time.Minute)
			for range 7 {
				p.w.Set(cloud.VIP(addr("10.0.0.4")), "b/0")
				p.wait(40 * time.Second)
			}
			if s := p.status(); s.State != cloud.StateYielded {
				t.Fatalf("%s, want a fight lost", s.State)
			}
			bad := 0
			for _, l := range p.levels() {
				if !l.Level.Good {
					bad++
				}
			}
			if bad != faults {
				t.Errorf("%q: %d faults, want %d", words, bad, faults)
			}
			p.wait(yieldFault)
			if told := p.levels(); !told[len(told)-1].Level.Good {
				t.Errorf("still a fault: %+v", told)
			}
		})
	}
}

// Whoever names a guarded claim is tracked by it; others are not.
func TestClaimTracks(t *testing.T) {
	c := parse(t, `cloud_claim edge {
    guard {
        ping 192.0.2.2
    }
}
cloud_claim plain {
}
cloud_claim proud {
    on_yield fault
}
`+router(vip+"cloud_claim edge plain")+"vrrp_sync_group VG {\n group {\n VI_1\n }\n cloud_claim proud\n}\n")
	specs, err := claimSpecs(c)
	if err != nil {
		t.Fatal(err)
	}
	e, err := EngineConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	e = withClaimTracks(e, specs)
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
	has := func(list []engine.Tracking, name string) bool {
		return slices.Contains(list, engine.Tracking{Track: engine.Track{Kind: trackClaim, Name: name}})
	}
	if r := e.Routers[0].Tracks; len(r) != 1 || !has(r, "VI_1/edge") {
		t.Errorf("instance: %+v", r)
	}
	if g := e.Groups[0].Tracks; len(g) != 1 || !has(g, "VG/proud") {
		t.Errorf("group: %+v", g)
	}
}

// The two nodes tell each other that they are configured differently, both.
func TestScenario80_ConfigurationsDiffer(t *testing.T) {
	a, logA := idle(t)
	b, logB := idle(t)
	atA, atB, metadata := freePort(t), freePort(t), answering(t)
	configure(t, a, guarded(atA, atB, metadata, ""))
	configure(t, b, guarded(atB, atA, metadata, "probe_port 18099"))
	check := func(d *Daemon) (all []string) {
		r := run(d)
		rep, err := guard.Ask(context.Background(), peerClient, r.spec.conf.Guard.Status, r.key)
		r.compared(rep, err)
		for _, f := range r.show().Findings {
			all = append(all, f.Check+": "+f.Text)
		}
		return all
	}
	for _, d := range []*Daemon{a, b} {
		eventually(t, "told of the difference", func() bool {
			f := check(d)
			return len(f) == 1 && strings.HasPrefix(f[0], "peer: the peer r1 is configured otherwise")
		})
	}
	if logA.count("configured otherwise") != 1 || logB.count("configured otherwise") != 1 {
		t.Errorf("logged %d and %d times, want once each", logA.count("configured otherwise"), logB.count("configured otherwise"))
	}
	configure(t, b, guarded(atB, atA, metadata, ""))
	for _, d := range []*Daemon{a, b} {
		eventually(t, "content with equal configurations", func() bool { return len(check(d)) == 0 })
	}
}

// The print of a claim is the same on both nodes of a pair, whose addresses,
// priorities and endpoints differ, and another one for what must not differ.
func TestClaimPrint(t *testing.T) {
	of := func(claim, own, peer, priority string) string {
		specs, err := claimSpecs(parse(t, "cloud_claim edge {\n"+claim+"\n}\n"+router(vip+"priority "+priority+"\nunicast_src_ip "+own+"\nunicast_peer {\n"+peer+"\n}\ncloud_claim edge")))
		if err != nil {
			t.Fatal(err)
		}
		return specs[0].print
	}
	capture := "provider aws\ncapture\nnetwork vpc-1\nhome 10.0.0.2\n"
	here := of(capture+"endpoint https://a/", "10.0.0.2", "10.0.0.3", "150")
	if there := of(capture+"endpoint https://b/", "10.0.0.3", "10.0.0.2", "100"); there != here {
		t.Errorf("%s and %s for one pair", here, there)
	}
	for _, claim := range []string{
		"provider aws\n", "provider oci\ncapture\nnetwork vpc-1\nhome 10.0.0.2\n", "provider aws\ncapture\nnetwork vpc-2\nhome 10.0.0.2\n",
		"provider aws\ncapture\nnetwork vpc-1\nhome 10.0.0.3\n", capture + "adopt off\n", capture + "vips {\n192.0.2.11\n}\n", capture + "mode dry_run\n",
	} {
		if got := of(claim, "10.0.0.2", "10.0.0.3", "150"); got == here {
			t.Errorf("the same print for\n%s", claim)
		}
	}
}

// Somebody else puts the address on a node that is not MASTER: it is reported,
// once in the log, and no longer when it has gone. What this node itself has
// not removed yet is not reported.
func TestScenario76_OtherAgentHasTheAddress(t *testing.T) {
	vips := "vips {\n10.0.0.4\n}\nprovider oci\n"
	inPair(t, vips, func(w *memory.World) { w.Add(cloud.VIP(addr("10.0.0.4")), "b/0") }, func(p *pair) {
		has := func(prefixes ...netip.Prefix) {
			p.d.claims.sawLink(engine.LinkChanged{Interface: "eth0", Present: true, Up: true, Addresses: prefixes})
		}
		p.is(vrrp.Master, vrrp.CauseMasterDown, time.Minute)
		has(prefix("10.0.0.2/24"), prefix("10.0.0.4/32"))
		p.is(vrrp.Backup, vrrp.CauseBetterHeard, 10*time.Second)
		if f := p.status().Findings; len(f) != 0 {
			t.Errorf("reported while it was on its way out: %+v", f)
		}
		p.wait(20 * time.Second)
		f := p.status().Findings
		if len(f) != 1 || f[0].Check != "other_agent" || f[0].Item != "vip4/10.0.0.4" || !strings.Contains(f[0].Text, "eth0") {
			t.Fatalf("findings %+v", f)
		}
		p.wait(10 * time.Minute)
		if n := p.log.count("something else put it there"); n != 1 {
			t.Errorf("logged %d times", n)
		}
		has(prefix("10.0.0.2/24"))
		p.wait(20 * time.Second)
		if f := p.status().Findings; len(f) != 0 {
			t.Errorf("still reported: %+v", f)
		}
	})
}

// An appliance that answers with its own certificate, or with an error, is
// alive; one that does not answer is not.
func TestClaimAPIProbe(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	ask := func(url string) guard.Answer {
		a, _ := guard.HTTP("api", guard.Peer, livenessClient, url).Ask(t.Context())
		return a
	}
	if got := ask(s.URL); !got.Alive {
		t.Error("a foreign certificate was taken for silence")
	}
	if got := ask("https://" + freePort(t)); got.Alive {
		t.Error("nobody answered")
	}
}
