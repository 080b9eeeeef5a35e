// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/cloud"
)

var (
	silent  = Answer{}
	alive   = Answer{Alive: true}
	master  = Answer{Alive: true, State: PeerMaster}
	standby = Answer{Alive: true, State: PeerStandby}
)

func ask(s Side, a Answer) Finding { return Finding{Name: s.String(), Side: s, Answer: a} }

// Every row of the table in the comment of Decide.
func TestScenario22_DecisionTable(t *testing.T) {
	ok := []Finding{ask(Gateway, alive), ask(Metadata, alive), ask(API, alive)}
	with := func(more ...Finding) []Finding { return append(append([]Finding{}, ok...), more...) }
	for _, tc := range []struct {
		name  string
		found []Finding
		want  cloud.Decision
		why   string
	}{
		{"nothing asked", nil, cloud.ClaimNow, "no probe"},
		{"all silent, self ok", with(ask(Peer, silent), ask(Peer, silent)), cloud.ClaimNow, "silent on every probe"},
		{"answers, no status", with(ask(Peer, silent), ask(Peer, alive)), cloud.ClaimNow, "advert path is broken"},
		{"status says BACKUP", with(ask(Peer, alive), ask(Peer, standby)), cloud.ClaimNow, "not MASTER"},
		{"status says MASTER and healthy", with(ask(Peer, silent), ask(Peer, master)), cloud.Hold, "adverts are being lost"},
		{"gateway and metadata dead", []Finding{ask(Gateway, silent), ask(Metadata, silent), ask(API, silent), ask(Peer, silent)}, cloud.CutOff, "cut off"},
		{"cut off, whatever the peer says", []Finding{ask(Gateway, silent), ask(Metadata, silent), ask(Peer, master)}, cloud.CutOff, "cut off"},
		{"gateway alone silent", []Finding{ask(Gateway, silent), ask(Metadata, alive), ask(Peer, silent)}, cloud.ClaimNow, "silent"},
		{"gateway silent, metadata not asked", []Finding{ask(Gateway, silent), ask(Peer, silent)}, cloud.ClaimNow, "silent"},
		{"only the API is dead", []Finding{ask(Gateway, alive), ask(Metadata, alive), ask(API, silent), ask(Peer, silent)}, cloud.ClaimNow, "silent"},
		{"witness: MASTER, peer silent", with(ask(Peer, silent), ask(Witness, master)), cloud.Hold, "witness sees"},
		{"witness: MASTER, peer too", with(ask(Peer, master), ask(Witness, master)), cloud.Hold, "witness sees"},
		{"witness: MASTER, peer denies", with(ask(Peer, standby), ask(Witness, master)), cloud.ClaimNow, "denies"},
		{"witness: not MASTER, peer says MASTER", with(ask(Peer, master), ask(Witness, standby)), cloud.ClaimNow, "does not see"},
		{"witness: not MASTER, peer silent", with(ask(Peer, silent), ask(Witness, standby)), cloud.ClaimNow, "does not see"},
		{"witness unreachable", with(ask(Peer, master), ask(Witness, silent)), cloud.Hold, "adverts are being lost"},
		{"witness answers without a state", with(ask(Peer, master), ask(Witness, alive)), cloud.Hold, "adverts are being lost"},
		{"cut off beats witness", []Finding{ask(Gateway, silent), ask(Metadata, silent), ask(Witness, standby)}, cloud.CutOff, "cut off"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := Decide(tc.found)
			if v.Decision != tc.want || !strings.Contains(v.Reason, tc.why) {
				t.Errorf("got %s (%s), want %s (… %s …)", v.Decision, v.Reason, tc.want, tc.why)
			}
		})
	}
}

// Every combination of evidence: never a claim when cut off, never a hold
// without somebody who says MASTER.
func TestDecideEverything(t *testing.T) {
	answers := []Answer{silent, alive, master, standby}
	for _, peer := range answers {
		for _, witness := range answers {
			for bits := range 8 {
				self := func(bit int) Answer { return Answer{Alive: bits>>bit&1 == 1} }
				v := Decide([]Finding{
					ask(Peer, peer), ask(Witness, witness), ask(Gateway, self(0)), ask(Metadata, self(1)), ask(API, self(2)),
				})
				cut := bits&3 == 0
				said := peer.State == PeerMaster || witness.State == PeerMaster
				if cut != (v.Decision == cloud.CutOff) || v.Decision == cloud.Hold && !said {
					t.Errorf("peer %+v witness %+v self %03b: %s", peer, witness, bits, v.Decision)
				}
			}
		}
	}
}

func TestScenario23_AllProbesHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hang := func(context.Context) (Answer, error) { <-release; return alive, nil }
		obey := func(ctx context.Context) (Answer, error) { <-ctx.Done(); return alive, ctx.Err() }
		g := &Guard{Probes: []Probe{Func("hangs", Peer, hang), Func("obeys", Peer, obey), Func("gateway", Gateway, hang)}}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		v := g.Run(ctx)
		if took := time.Since(start); took != time.Second {
			t.Errorf("decided after %v, the budget is one second", took)
		}
		if v.Decision != cloud.ClaimNow {
			t.Errorf("silence is no reason not to claim: %+v", v)
		}
		close(release)
		synctest.Wait()
	})
}

func TestProbesRunInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(context.Context) (Answer, error) {
			time.Sleep(400 * time.Millisecond)
			return silent, errors.New("no")
		}
		g := &Guard{}
		for range 8 {
			g.Probes = append(g.Probes, Func("slow", Peer, slow))
		}
		start := time.Now()
		g.Run(context.Background())
		if took := time.Since(start); took != 400*time.Millisecond {
			t.Errorf("eight probes of 400 ms took %v", took)
		}
	})
}

const key = cloud.Secret("0123456789abcdef")

func TestScenario26_ForgedOrReplayedStatus(t *testing.T) {
	good := Handler(key, func() Report { return Report{Node: "b", State: "MASTER", Healthy: true} })
	var recorded *httptest.ResponseRecorder
	record := func(w http.ResponseWriter, r *http.Request) {
		if recorded == nil {
			recorded = httptest.NewRecorder()
			good.ServeHTTP(recorded, r)
		}
		for k, v := range recorded.Header() {
			w.Header()[k] = v
		}
		_, _ = w.Write(recorded.Body.Bytes())
	}
	s := httptest.NewServer(http.HandlerFunc(record))
	defer s.Close()
	p := Status("status", Peer, s.Client(), s.URL, key)
	if a, err := p.Ask(context.Background()); err != nil || a != master {
		t.Fatalf("an authentic report: %+v, %v", a, err)
	}
	if a, err := p.Ask(context.Background()); err != nil || a != alive {
		t.Errorf("a replayed report is evidence of life only: %+v, %v", a, err)
	}
	recorded = nil
	forged := Status("status", Peer, s.Client(), s.URL, "another key")
	if a, err := forged.Ask(context.Background()); err != nil || a != alive {
		t.Errorf("a report with another key is evidence of life only: %+v, %v", a, err)
	}
	for name, h := range map[string]http.HandlerFunc{
		"no mac": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"state":"MASTER","healthy":true}`))
		},
		"bad mac":      func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(macHeader, "!!"); w.WriteHeader(200) },
		"error status": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500); good.ServeHTTP(w, r) },
	} {
		bad := httptest.NewServer(h)
		a, err := Status("status", Peer, bad.Client(), bad.URL, key).Ask(context.Background())
		if err != nil || a != alive {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
		bad.Close()
	}
}

func TestStatusStates(t *testing.T) {
	for _, tc := range []struct {
		rep  Report
		want Answer
	}{
		{Report{State: "MASTER", Healthy: true}, master},
		{Report{State: "MASTER"}, standby},
		{Report{State: "BACKUP", Healthy: true}, standby},
		{Report{State: "FAULT"}, standby},
	} {
		s := httptest.NewServer(Handler(key, func() Report { return tc.rep }))
		if a, err := Status("s", Peer, s.Client(), s.URL, key).Ask(context.Background()); err != nil || a != tc.want {
			t.Errorf("%+v: %+v, %v", tc.rep, a, err)
		}
		s.Close()
	}
	rec := httptest.NewRecorder()
	Handler(key, func() Report { return Report{} }).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if rec.Code != http.StatusBadRequest {
		t.Errorf("a request without a nonce got %d", rec.Code)
	}
}

func TestNetworkProbes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	check := func(name string, p Probe, want Answer) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if a, _ := p.Ask(ctx); a != want {
			t.Errorf("%s: %+v", name, a)
		}
	}
	check("tcp open", TCP("t", Peer, address), alive)
	_ = l.Close()
	check("tcp refused", TCP("t", Peer, address), alive)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if a, err := TCP("t", Peer, "192.0.2.1:9").Ask(gone); a != silent || err == nil {
		t.Errorf("no time left: %+v, %v", a, err)
	}
	s := httptest.NewServer(http.NotFoundHandler())
	check("http 404", HTTP("h", Peer, s.Client(), s.URL), alive)
	s.Close()
	check("http gone", HTTP("h", Peer, s.Client(), s.URL), silent)
}
