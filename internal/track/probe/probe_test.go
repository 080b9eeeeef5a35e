// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// soon bounds what takes milliseconds on an idle machine.
const soon = 30 * time.Second

func try(t *testing.T, p Probe) error {
	t.Helper()
	if err := p.Validate(); err != nil {
		t.Fatalf("%+v: %v", p, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	return p.Try(ctx)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestTCP(t *testing.T) {
	l := listen(t)
	target := l.Addr().String()
	if err := try(t, TCP{Target: target}); err != nil {
		t.Error(err)
	}
	from := From{Source: netip.MustParseAddr("127.0.0.9")}
	if err := try(t, TCP{Target: target, From: from}); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"127.0.0.1", "127.0.0.9"} {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := net.SplitHostPort(c.RemoteAddr().String()); err != nil || got != want {
			t.Errorf("connection from %s, want %s (%v)", got, want, err)
		}
		c.Close()
	}
	l.Close()
	if err := try(t, TCP{Target: target}); err == nil || err.Error() != "connection refused" {
		t.Errorf("closed port: %v", err)
	}
}

func TestTCPHonoursTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (TCP{Target: listen(t).Addr().String()}).Try(ctx); err == nil {
		t.Error("a cancelled probe succeeded")
	}
}

func TestHTTP(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/broken", http.StatusFound) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	plain, secure := httptest.NewServer(mux), httptest.NewUnstartedServer(mux)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it says what the test wants
	secure.StartTLS()
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // must not be used
	for _, tc := range []struct {
		probe HTTP
		want  string
	}{
		{HTTP{URL: plain.URL + "/ok"}, ""},
		{HTTP{URL: plain.URL + "/moved"}, ""}, // not followed
		{HTTP{URL: plain.URL + "/broken"}, "status 503"},
		{HTTP{URL: plain.URL + "/broken", Status: []int{200, 503}}, ""},
		{HTTP{URL: plain.URL + "/moved", Status: []int{200}}, "status 302"},
		{HTTP{URL: secure.URL + "/ok"}, "certificate"},
		{HTTP{URL: secure.URL + "/ok", Certificate: Ignore}, ""},
		{HTTP{URL: "http://" + closed(t) + "/"}, "connection refused"},
	} {
		err := try(t, tc.probe)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%+v: got %v", tc.probe, err)
		}
	}
}

// closed returns an address at which nobody listens.
func closed(t *testing.T) string {
	l := listen(t)
	l.Close()
	return l.Addr().String()
}

func TestHTTPThatNeverAnswersEndsWithTheContext(t *testing.T) {
	l := listen(t) // accepts in the kernel and says nothing
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := (HTTP{URL: "http://" + l.Addr().String()}).Try(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestErrorsOfHTTPHoldNoPassword(t *testing.T) {
	for _, url := range []string{
		"http://user:secret@" + closed(t) + "/", "ftp://user:secret@host/", "http://user:secret@ho st/", "http://user:secret@/",
	} {
		p := HTTP{URL: url}
		err := p.Validate()
		if err == nil {
			err = try(t, p)
		}
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v", err)
		}
	}
}

// ping tries p. Where ping_group_range gives nobody an ICMP socket, root is needed.
func ping(t *testing.T, ctx context.Context, p Ping) error {
	t.Helper()
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	err := p.Try(ctx)
	if errors.Is(err, fs.ErrPermission) {
		require.Need(t, require.Root)
	}
	return err
}

func TestPing(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	for _, p := range []Ping{
		{Target: "127.0.0.1"},
		{Target: "127.0.0.7", From: From{Source: netip.MustParseAddr("127.0.0.9")}},
		{Target: "localhost", From: From{Source: netip.MustParseAddr("127.0.0.1")}},
		{Target: "::ffff:127.0.0.1"},
	} {
		if err := ping(t, ctx, p); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestPing6(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	l, listenErr := net.Listen("tcp6", "[::1]:0")
	if listenErr == nil {
		l.Close()
	}
	// A machine without IPv6 must get an error, not a success.
	if err := ping(t, ctx, Ping{Target: "::1"}); (err == nil) != (listenErr == nil) {
		t.Errorf("ping: %v, although listening says %v", err, listenErr)
	}
}

// TestPingNoReply uses a documentation address; whatever the network says about
// it, it does not reply before the context ends.
func TestPingNoReply(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := ping(t, ctx, Ping{Target: "192.0.2.254"}); err == nil {
		t.Error("got a reply")
	}
}

func TestManyPingsFindTheirOwnReplies(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	if err := ping(t, ctx, Ping{Target: "127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 20)
	for range cap(errs) {
		go func() { errs <- Ping{Target: "127.0.0.1"}.Try(ctx) }()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestUnknownInterface(t *testing.T) {
	from := From{Interface: "vrrpd-none"}
	target := listen(t).Addr().String()
	for _, p := range []Probe{TCP{Target: target, From: from}, HTTP{URL: "http://" + target, From: from}, Ping{Target: "127.0.0.1", From: from}} {
		if err := try(t, p); err == nil || !strings.Contains(err.Error(), "vrrpd-none") && !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%T: got %v", p, err)
		}
	}
}

func TestValidate(t *testing.T) {
	v6 := From{Source: netip.MustParseAddr("2001:db8::1")}
	for _, p := range []Probe{
		TCP{},
		TCP{Target: "host"},
		TCP{Target: ":80"},
		TCP{Target: "host:0"},
		TCP{Target: "host:70000"},
		TCP{Target: "2001:db8::1"},
		HTTP{},
		HTTP{URL: "host/path"},
		HTTP{URL: "http://"},
		HTTP{URL: "http://host", Status: []int{20}},
		Ping{},
		Ping{Target: "a b"},
		Ping{Target: "192.0.2.0/24"},
		Ping{Target: "192.0.2.1", From: v6},
	} {
		if p.Validate() == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
	for _, p := range []Probe{
		TCP{Target: "[2001:db8::1]:443"},
		TCP{Target: "host.example:80"},
		HTTP{URL: "https://host.example:8443/x?y", Status: []int{204}},
		Ping{Target: "fe80::1%eth0"},
		Ping{Target: "host.example", From: v6},
	} {
		if err := p.Validate(); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
}
