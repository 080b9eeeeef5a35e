// SPDX-License-Identifier: Apache-2.0

package azure_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/azure"
)

func dial(t *testing.T, a netip.AddrPort) (net.Conn, error) {
	t.Helper()
	d := net.Dialer{Timeout: 5 * time.Second}
	return d.DialContext(context.Background(), "tcp", a.String())
}

func newProbe(t *testing.T, o azure.ProbeOptions) *azure.Probe {
	t.Helper()
	p, err := azure.NewProbe(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// The port is closed when Set returns: that is within any bound in time.
func TestScenario58_ProbeOpenOnlyWhileMaster(t *testing.T) {
	loopback := netip.MustParseAddrPort("127.0.0.1:0")
	p := newProbe(t, azure.ProbeOptions{Addr: loopback})
	for state, open := range map[cloud.State]bool{
		cloud.StateHeld: true, cloud.StateClaiming: true, cloud.StateDegraded: true, cloud.StateRepairing: true,
		cloud.StateIdle: false, cloud.StateGuard: false, cloud.StateYielded: false, cloud.StateCutOff: false,
	} {
		p.Set(true)
		at := p.Addr()
		held, err := dial(t, at)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		p.Set(state.Acting())
		c, err := dial(t, at)
		if (err == nil) != open {
			t.Errorf("%s: %v", state, err)
		}
		if err == nil {
			_ = c.Close()
		}
		if !open {
			if err := held.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := held.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: an old connection was left open: %v", state, err)
			}
		}
		_ = held.Close()
	}
}

func TestProbeHTTP(t *testing.T) {
	p := newProbe(t, azure.ProbeOptions{Addr: netip.MustParseAddrPort("127.0.0.1:0"), Path: "/healthz"})
	p.Set(true)
	at := p.Addr()
	for path, want := range map[string]int{"/healthz": 200, "/other": 404} {
		resp, err := http.Get("http://" + at.String() + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	p.Set(false)
	if c, err := dial(t, at); err == nil {
		_ = c.Close()
		t.Error("the port is still open")
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestProbePortTaken(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := ln.Addr().(*net.TCPAddr).AddrPort()
	p := newProbe(t, azure.ProbeOptions{Addr: at})
	p.Set(true)
	if p.Err() == nil || p.Addr().IsValid() {
		t.Error("the port is not ours")
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	p.Set(true)
	if p.Err() != nil || p.Addr() != at {
		t.Errorf("not opened: %v", p.Err())
	}
}

func TestProbeOptions(t *testing.T) {
	for _, o := range []azure.ProbeOptions{{}, {Addr: netip.MustParseAddrPort("127.0.0.1:1"), Path: "x"}} {
		if _, err := azure.NewProbe(o); err == nil {
			t.Errorf("%+v accepted", o)
		}
	}
}
