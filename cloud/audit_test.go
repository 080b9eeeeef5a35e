// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/cloud"
)

func TestScenario63_SecretsAreNeverPrinted(t *testing.T) {
	const secret = cloud.Secret("hunter2")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", secret, "in", struct{ K cloud.Secret }{secret})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", secret, "in", struct{ K cloud.Secret }{secret})
	asJSON, err := json.Marshal(map[string]any{"key": secret, "in": &struct{ K cloud.Secret }{secret}})
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{log.String(), string(asJSON), secret.String(), errors.New(secret.String()).Error()}
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, secret), fmt.Sprintf(verb, struct{ K cloud.Secret }{secret}))
	}
	for _, text := range texts {
		if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("printed: %s", text)
		}
	}
	if secret.Reveal() != "hunter2" {
		t.Error("the secret itself is lost")
	}
}

func TestScenario63_AuditFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log, closer, err := cloud.OpenAuditLog(path)
	if err != nil {
		t.Fatal(err)
	}
	log.Write(cloud.AuditEntry{
		Time: time.Unix(0, 0).UTC(), Claim: "wan", Generation: 7, Op: "UpdatePrivateIp", Item: "vip4/10.0.0.4",
		Before: &cloud.AuditSide{Owner: cloud.Other, Holder: "vnic-a", Version: "e1"}, Status: 200, RequestID: "r-1",
		Took: 1500 * time.Microsecond, Outcome: "done",
	})
	if err := errors.Join(log.Err(), closer.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"time":"1970-01-01T00:00:00Z","claim":"wan","generation":7,"op":"UpdatePrivateIp","item":"vip4/10.0.0.4",` +
		`"before":{"owner":"other","holder":"vnic-a","version":"e1"},"status":200,"request_id":"r-1","ms":1.5,"outcome":"done"}` + "\n"
	if string(got) != want {
		t.Errorf("got  %swant %s", got, want)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	log.Write(cloud.AuditEntry{})
	if log.Err() == nil {
		t.Error("a line that could not be written is not remembered")
	}
}

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		l := cloud.NewLimiter(func() time.Duration { return time.Since(start) })
		sent := func(n int) time.Duration {
			at := time.Now()
			for range n {
				if err := l.Write(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(at).Round(10 * time.Millisecond)
		}
		if d := sent(40); d != 0 {
			t.Errorf("a burst of 40 took %v", d)
		}
		if d := sent(40); d != 10*time.Second {
			t.Errorf("40 more took %v, want 10 s at 4 per second", d)
		}
		l.Throttled()
		if d := sent(8); d != 4*time.Second {
			t.Errorf("8 after a throttle took %v, want 4 s at 2 per second", d)
		}
		time.Sleep(10 * time.Minute)
		sent(40)
		if d := sent(4); d != time.Second {
			t.Errorf("4 after ten quiet minutes took %v, want 1 s", d)
		}
	})
}

// thirsty is a provider that needs ten requests to look.
type thirsty struct {
	nopProvider
	looked time.Time
}

func (*thirsty) Discover(context.Context) (cloud.Node, error) { return cloud.Node{}, nil }

func (p *thirsty) Observe(ctx context.Context, _ cloud.Node, items []cloud.Item) []cloud.Observed {
	for range 10 {
		if err := cloud.LimiterFrom(ctx).Read(ctx); err != nil {
			return nil
		}
	}
	p.looked = time.Now()
	return []cloud.Observed{{Item: items[0], Owner: cloud.Self}}
}

// However much a BACKUP has looked, a takeover need not wait for the limiter.
func TestLimiterKeepsReadsForTheTakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &thirsty{}
		c, err := cloud.New(cloud.Config{Name: "wan", Provider: p, Items: []cloud.Item{vip1}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		for range 20 { // far more than the limiter allows
			c.Kick()
			time.Sleep(500 * time.Millisecond)
		}
		began := time.Now()
		c.SetWanted(cloud.Wanted{Master: true})
		synctest.Wait()
		if p.looked != began {
			t.Error("the first look of the takeover had to wait")
		}
		cancel()
		<-done
	})
}

func TestBadConfig(t *testing.T) {
	route := rt1
	route.Dest = vip1Prefix
	bad := map[string][]cloud.Item{
		"given twice":        {vip1, vip1},
		"other address":      {{Kind: cloud.VIP6, Addr: vip1.Addr}},
		"not a usable":       {{Kind: cloud.VIP4}},
		"unknown kind":       {{}},
		"no route table":     {{Kind: cloud.Route, Dest: vip1Prefix}},
		"either a":           {{Kind: cloud.Route, Table: "t"}},
		"not a route":        {{Kind: cloud.VIP4, Addr: vip1.Addr, Create: true}},
		"address has no tar": {{Kind: cloud.VIP4, Addr: vip1.Addr, Target: addrA}},
	}
	for want, items := range bad {
		_, err := cloud.New(cloud.Config{Name: "wan", Provider: nopProvider{}, Items: items})
		if !errors.Is(err, cloud.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	if _, err := cloud.New(cloud.Config{Items: []cloud.Item{route}}); !errors.Is(err, cloud.ErrConfig) {
		t.Errorf("no name, no provider: %v", err)
	}
}

type nopProvider struct{ cloud.Provider }
