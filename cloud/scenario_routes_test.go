// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/capture"
	"github.com/govrrp/vrrpd/cloud/memory"
)

// routed is a lab with route capture on both nodes; a is the home node.
type routed struct {
	*lab
	ka, kb *capture.Keeper
	dir    string
}

func route(table, dest string) cloud.Item {
	return cloud.Item{Kind: cloud.Route, Table: table, Dest: netip.MustParsePrefix(dest)}
}

// The routes of home, of its peer, of a third party, and one of the fabric.
var (
	home3   = []cloud.Item{route("t1", "10.1.0.0/16"), route("t2", "10.1.0.0/16"), route("t3", "10.2.0.0/16")}
	native  = route("t1", "10.8.0.0/16")
	foreign = route("t2", "0.0.0.0/0")
)

func inRouted(t *testing.T, prepare func(dir string), f func(*routed)) {
	t.Helper()
	dir := t.TempDir()
	if prepare != nil {
		prepare(dir)
	}
	inLab(t, memory.CompareAndSwap, []cloud.Item{vip1}, nil, func(l *lab) {
		for _, it := range home3 {
			l.w.Add(it, "a/0")
		}
		l.w.Add(native, "b/0")
		l.w.Add(foreign, "igw")
		r := &routed{lab: l, dir: dir}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{}, 2)
		r.ka = r.keeper(ctx, l.a, addrA, addrB, capture.SelfIsHome, done)
		r.kb = r.keeper(ctx, l.b, addrB, addrA, capture.PeerIsHome, done)
		f(r)
		cancel()
		<-done
		<-done
	})
}

func (r *routed) keeper(ctx context.Context, n *node, self, peer netip.Addr, home capture.Home, done chan struct{}) *capture.Keeper {
	r.t.Helper()
	k, err := capture.New(capture.Config{
		Lister: n.p, Discover: n.p.Discover, Scopes: []cloud.RouteScope{{Tables: []string{"t1", "t2", "t3"}}},
		Self: self, Peer: peer, Home: home, File: filepath.Join(r.dir, n.name+".json"),
		Static: n.Items, Apply: func(items []cloud.Item) error { return n.Claim().SetItems(items) },
	})
	if err != nil {
		r.t.Fatal(err)
	}
	go func() { _ = k.Run(ctx); done <- struct{}{} }()
	return k
}

// mastership moves from one node to the other, as both see it.
func (r *routed) mastership(to *node) {
	for _, n := range []*node{r.a, r.b} {
		k := map[*node]*capture.Keeper{r.a: r.ka, r.b: r.kb}[n]
		k.SetState(capture.State{Master: n == to, PeerMaster: n != to})
		if n == to {
			n.Master(cloud.CausePriorityZero)
		} else {
			n.Backup()
		}
	}
}

func (r *routed) at(holder string, items ...cloud.Item) {
	r.t.Helper()
	for _, it := range items {
		if got := r.w.Holder(it); got != holder {
			r.t.Errorf("%s points at %q, want %s", it.Key(), got, holder)
		}
	}
}

func TestScenario27_TakesExactlyTheHomeNodesRoutes(t *testing.T) {
	inRouted(t, nil, func(r *routed) {
		r.mastership(r.a)
		r.wait(110 * time.Second)
		if got := r.kb.Stored().Routes; len(got) != 0 {
			t.Errorf("learned before things were steady: %+v", got)
		}
		r.wait(3 * time.Minute)
		if got := len(r.kb.Stored().Routes); got != 3 {
			t.Fatalf("learned %d routes, want 3: %+v", got, r.kb.Stored())
		}
		r.mastership(r.b)
		r.wait(5 * time.Second)
		r.at("b/0", home3...)
		r.at("b/0", native)
		r.at("igw", foreign)
		r.state(r.b, cloud.StateHeld)
		for _, w := range r.w.Writes() {
			if w.Item == native.Key() || w.Item == foreign.Key() {
				t.Errorf("%s was written", w.Item)
			}
		}
	})
}

func TestScenario28_FailbackRestoresTheStoredSetOnly(t *testing.T) {
	inRouted(t, nil, func(r *routed) {
		r.mastership(r.a)
		r.wait(5 * time.Minute)
		r.mastership(r.b)
		r.wait(10 * time.Minute)
		r.mastership(r.a)
		r.wait(5 * time.Second)
		r.at("a/0", home3...)
		r.at("b/0", native)
		r.at("igw", foreign)
		r.state(r.a, cloud.StateHeld)
	})
}

func TestScenario29_EmptyListingDoesNotWipeTheStore(t *testing.T) {
	inRouted(t, nil, func(r *routed) {
		r.mastership(r.a)
		r.wait(5 * time.Minute)
		for _, it := range home3 {
			r.w.Remove(it) // what a listing looks like when permissions filter it
		}
		r.wait(2 * time.Minute)
		for _, it := range home3 {
			r.w.Add(it, "a/0")
		}
		r.wait(10 * time.Minute)
		if got := len(r.kb.Stored().Routes); got != 3 {
			t.Errorf("%d routes are left of three", got)
		}
	})
}

func TestScenario30_StateAfterFailoverIsNotLearned(t *testing.T) {
	inRouted(t, nil, func(r *routed) {
		r.mastership(r.a)
		r.wait(5 * time.Minute)
		r.mastership(r.b)
		r.wait(30 * time.Minute)
		for name, k := range map[string]*capture.Keeper{"a": r.ka, "b": r.kb} {
			s := k.Stored()
			if len(s.Routes) != 3 || s.Home != "a/0" {
				t.Errorf("%s learned the state after the failover: %+v", name, s)
			}
		}
	})
}

func TestScenario31_CorruptStore(t *testing.T) {
	corrupt := func(dir string) {
		if err := os.WriteFile(filepath.Join(dir, "b.json"), []byte(`{"sha256":"0","data":{}}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inRouted(t, corrupt, func(r *routed) {
		if f := r.kb.Findings(); len(f) != 1 || !strings.Contains(f[0].Text, "damaged") {
			t.Errorf("findings: %+v", f)
		}
		r.mastership(r.b)
		r.wait(5 * time.Second)
		r.at("b/0", home3...)
		r.at("igw", foreign)
	})
}

func TestScenario32_PrefixListIsOneCall(t *testing.T) {
	list := cloud.Item{Kind: cloud.Route, Table: "t1", PrefixList: "pl-1"}
	each(t, []cloud.Item{list}, func(l *lab) {
		l.b.Master(cloud.CausePriorityZero)
		l.wait(time.Minute)
		l.holds(l.b, list)
		if n := l.writesBy(l.b); n != 1 {
			t.Errorf("%d writes for one prefix list", n)
		}
	})
}

func TestScenario33_TwoHundredRoutesVIPFirst(t *testing.T) {
	items := []cloud.Item{vip1}
	for i := range 200 {
		items = append(items, route(fmt.Sprintf("t%d", i%3), fmt.Sprintf("10.%d.0.0/16", i+1)))
	}
	each(t, items, func(l *lab) {
		start := time.Now()
		l.b.Master(cloud.CausePriorityZero)
		l.wait(90 * time.Second)
		l.holds(l.b, items...)
		writes := l.w.Writes()
		if !strings.HasPrefix(writes[0].Item, "vip4/") {
			t.Errorf("%s moved first", writes[0].Item)
		}
		for i := range writes {
			if i >= 50 && writes[i].At.Sub(writes[i-50].At) < time.Second {
				t.Errorf("more than 50 writes in a second, after %v", writes[i].At.Sub(start))
				break
			}
		}
	})
}

func TestScenario34_DeletedMidFailoverIsNotRecreated(t *testing.T) {
	inRouted(t, nil, func(r *routed) {
		r.mastership(r.a)
		r.wait(5 * time.Minute)
		r.w.Remove(home3[1])
		r.mastership(r.b)
		r.wait(5 * time.Minute)
		r.at("b/0", home3[0], home3[2])
		r.at("", home3[1])
		r.state(r.b, cloud.StateHeld)
		if f := r.kb.Findings(); len(f) != 1 || f[0].Item != home3[1].Key() {
			t.Errorf("findings: %+v", f)
		}
	})
}

func TestThirdPartyRouteIsLeftAlone(t *testing.T) {
	inRouted(t, nil, func(r *routed) {
		r.mastership(r.a)
		r.wait(5 * time.Minute)
		r.w.Set(home3[0], "firewall")
		r.mastership(r.b)
		r.wait(5 * time.Minute)
		r.at("firewall", home3[0])
		r.at("b/0", home3[1], home3[2])
	})
}

// The claim itself looks before it takes: what a listing said a moment ago is
// no licence.
func TestRouteTakenOnlyFromWhomItIsSaid(t *testing.T) {
	theirs, gone, created := route("t1", "10.1.0.0/16"), route("t1", "10.2.0.0/16"), route("t1", "10.3.0.0/16")
	theirs.From, gone.From, created.Create = "a/0", "a/0", true
	inLab(t, memory.CompareAndSwap, []cloud.Item{vip1, theirs, gone, created}, nil, func(l *lab) {
		l.w.Set(theirs, "firewall")
		l.w.Remove(gone)
		l.w.Remove(created)
		l.b.Master(cloud.CausePriorityZero)
		l.wait(5 * time.Minute)
		l.holds(l.b, vip1, created)
		l.state(l.b, cloud.StateDegraded)
		if h := l.w.Holder(theirs); h != "firewall" {
			t.Errorf("a third party's route was taken: %s", h)
		}
		if h := l.w.Holder(gone); h != "" {
			t.Errorf("a deleted route was created: %s", h)
		}
		for _, line := range l.b.sent() {
			if strings.Contains(line, gone.Key()) || strings.Contains(line, theirs.Key()) {
				t.Errorf("sent: %s", line)
			}
		}
		if f := l.b.Status().Findings; len(f) != 2 {
			t.Errorf("findings: %+v", f)
		}
		l.w.Set(theirs, "a/0")
		l.wait(time.Minute)
		l.holds(l.b, theirs)
	})
}
