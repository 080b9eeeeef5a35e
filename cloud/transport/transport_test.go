// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
)

type fence func() error

func (f fence) Allowed() error { return f() }

func send(t *testing.T, c *http.Client, ctx context.Context, method, url string) error {
	t.Helper()
	var body io.Reader
	if method == http.MethodPut {
		body = strings.NewReader("{}")
	}
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(r)
	if err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	return err
}

// bodies counts the requests of which the server saw the whole body.
func server(t *testing.T) (url string, bodies *atomic.Int32) {
	t.Helper()
	bodies = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if b, err := io.ReadAll(r.Body); err == nil && string(b) == "{}" {
			bodies.Add(1)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, bodies
}

func TestMutationNeedsFence(t *testing.T) {
	url, bodies := server(t)
	c := New(Options{})
	defer c.CloseIdleConnections()
	if err := send(t, c, context.Background(), http.MethodGet, url); err != nil {
		t.Errorf("a read needs no fence: %v", err)
	}
	if err := send(t, c, context.Background(), http.MethodPut, url); !errors.Is(err, ErrNoFence) {
		t.Errorf("write without a fence: %v", err)
	}
	shut := cloud.WithFence(context.Background(), fence(func() error { return cloud.ErrFenced }))
	if err := send(t, c, shut, http.MethodPut, url); !errors.Is(err, cloud.ErrFenced) {
		t.Errorf("write through a shut fence: %v", err)
	}
	open := cloud.WithFence(context.Background(), fence(func() error { return nil }))
	if err := send(t, c, open, http.MethodPut, url); err != nil {
		t.Errorf("write through an open fence: %v", err)
	}
	if n := bodies.Load(); n != 1 {
		t.Errorf("%d writes arrived, want 1", n)
	}
}

func TestFenceIsAskedAgainBeforeTheBody(t *testing.T) {
	url, bodies := server(t)
	c := New(Options{})
	defer c.CloseIdleConnections()
	asked := 0
	shuts := cloud.WithFence(context.Background(), fence(func() error {
		asked++
		if asked > 1 { // shut while the connection was being made
			return cloud.ErrFenced
		}
		return nil
	}))
	if err := send(t, c, shuts, http.MethodPut, url); !errors.Is(err, cloud.ErrFenced) {
		t.Errorf("got %v", err)
	}
	if n := bodies.Load(); n != 0 {
		t.Errorf("%d writes arrived", n)
	}
}

func TestMutatesByOption(t *testing.T) {
	url, _ := server(t)
	c := New(Options{Mutates: func(r *http.Request) bool { return r.Header.Get("X-Op") != "" }})
	defer c.CloseIdleConnections()
	r, _ := http.NewRequest(http.MethodPost, url, nil)
	r.Header.Set("X-Op", "Assign")
	resp, err := c.Do(r)
	if err == nil {
		_ = resp.Body.Close()
	}
	if !errors.Is(err, ErrNoFence) {
		t.Errorf("got %v", err)
	}
}

func TestPlainHTTP(t *testing.T) {
	for url, ok := range map[string]bool{
		"http://127.0.0.1:8080": true, "http://localhost": true, "http://[::1]:1": true,
		"http://169.254.169.254/opc/v2": true, "http://[fd00:ec2::254]/latest": true,
		"https://iaas.eu-frankfurt-1.oraclecloud.com": true,
		"http://iaas.example.com":                     false, "http://10.0.0.1": false,
		"ftp://127.0.0.1": false, "127.0.0.1:80": false, "": false, "http://": false,
	} {
		if _, err := CheckEndpoint(url); (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
	}
	err := send(t, New(Options{}), context.Background(), http.MethodGet, "http://192.0.2.1/")
	if !errors.Is(err, ErrPlainHTTP) {
		t.Errorf("got %v", err)
	}
}

func TestScenario78_ProxyNeverForMetadata(t *testing.T) {
	for _, host := range []string{"169.254.169.254", "[fd00:ec2::254]", "127.0.0.1:1"} {
		r, _ := http.NewRequest(http.MethodGet, "http://"+host+"/x", nil)
		if u, err := proxy(r); u != nil || err != nil {
			t.Errorf("%s through %v, %v", host, u, err)
		}
	}
}

func TestNoRedirectAndDeadline(t *testing.T) {
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			<-hang
			return
		}
		http.Redirect(w, r, "/hang", http.StatusFound)
	}))
	defer s.Close()
	defer close(hang)
	c := New(Options{Timeout: 50 * time.Millisecond})
	defer c.CloseIdleConnections()
	resp, err := c.Get(s.URL + "/redirect")
	if err != nil || resp.StatusCode != http.StatusFound {
		t.Fatalf("redirect: %v", err)
	}
	_ = resp.Body.Close()
	if err := send(t, c, context.Background(), http.MethodGet, s.URL+"/hang"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestScenario77_DeadResolver(t *testing.T) {
	want := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	dead := false
	d := &dialer{timeout: time.Second, lookup: func(context.Context, string) ([]netip.Addr, error) {
		if dead {
			return nil, fmt.Errorf("no such host")
		}
		return want, nil
	}}
	if _, err := d.resolve(context.Background(), "api.example"); err != nil {
		t.Fatal(err)
	}
	dead = true
	d.names["api.example"] = answer{want, time.Now().Add(-time.Hour)}
	if got, err := d.resolve(context.Background(), "api.example"); err != nil || got[0] != want[0] {
		t.Errorf("old answer not used: %v, %v", got, err)
	}
	if _, err := d.resolve(context.Background(), "other.example"); err == nil {
		t.Error("a name never seen resolved with a dead resolver")
	}
}

func TestScenario71_SourceAddress(t *testing.T) {
	seen := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.RemoteAddr }))
	defer s.Close()
	d := &dialer{timeout: time.Second, source: netip.MustParseAddr("192.0.2.9")}
	// An address that is not ours cannot be bound: proof that it is asked for.
	if _, err := d.dial(context.Background(), "tcp", "198.51.100.1:80"); err == nil || !strings.Contains(err.Error(), "bind") {
		t.Errorf("dialled without binding the source: %v", err)
	}
	if _, err := d.dial(context.Background(), "tcp", "[2001:db8::1]:80"); err == nil || !strings.Contains(err.Error(), "family") {
		t.Errorf("dialled another family than the source's: %v", err)
	}
	c := New(Options{Source: netip.MustParseAddr("192.0.2.9")})
	defer c.CloseIdleConnections()
	if err := send(t, c, context.Background(), http.MethodGet, s.URL); err != nil {
		t.Errorf("loopback servers are exempt: %v", err)
	}
	<-seen
}
