// SPDX-License-Identifier: Apache-2.0

package ipsec

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/notify/script"
)

func TestMain(m *testing.M) { netns.Main(m) }

// A gateway is a host in which a real charon runs.
type gateway struct {
	*netns.Host
	dir    string
	charon string // path of the program
	daemon *netns.Process
}

const strongswanConf = `
charon {
	load = random nonce drbg aes sha1 sha2 hmac kdf gmp kernel-libipsec kernel-netlink socket-default vici
	plugins {
		vici {
			socket = unix://%[1]s/vici
		}
	}
	filelog {
		main {
			path = %[1]s/log
			default = 1
			flush_line = yes
			append = yes
		}
	}
}
`

const swanctlConf = `
connections {
	gw {
		local_addrs = %[1]s
		remote_addrs = %[2]s
		proposals = aes128-sha256-modp2048
		mobike = no
		unique = replace
		local {
			auth = psk
			id = %[3]s
		}
		remote {
			auth = psk
			id = %[4]s
		}
		children {
			net {
				local_ts = %[5]s
				remote_ts = %[6]s
				esp_proposals = aes128-sha256
			}
		}
	}
}
secrets {
	ike-1 {
		secret = for-tests-only
	}
}
`

func newGateway(t *testing.T, h *netns.Host, charon string, conf ...any) *gateway {
	t.Helper()
	g := &gateway{Host: h, dir: t.TempDir(), charon: charon}
	t.Cleanup(func() {
		if t.Failed() {
			log, err := os.ReadFile(filepath.Join(g.dir, "log"))
			t.Logf("charon of %s: %v\n%s", h.Name, err, log)
		}
	})
	for file, text := range map[string]string{
		"strongswan.conf": fmt.Sprintf(strongswanConf, g.dir), "swanctl.conf": fmt.Sprintf(swanctlConf, conf...),
	} {
		if err := os.WriteFile(filepath.Join(g.dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// launch starts charon and waits until it answers.
func (g *gateway) launch(t *testing.T) {
	t.Helper()
	_ = os.Remove(filepath.Join(g.dir, "vici"))
	g.daemon = g.Start("env", "STRONGSWAN_CONF="+g.dir+"/strongswan.conf", g.charon)
	g.await(t, "charon", func() bool {
		c, err := dial(t.Context(), filepath.Join(g.dir, "vici"))
		if err != nil {
			return false
		}
		defer c.close()
		return c.answers(time.Second) == nil
	})
}

func (g *gateway) await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !ok() {
		if !pause(ctx, 10*time.Millisecond) {
			t.Fatalf("%s: %s did not come", g.Name, what)
		}
	}
}

func (g *gateway) load() []string {
	return []string{"swanctl", "--load-all", "--noprompt", "--uri", "unix://" + g.dir + "/vici", "--file", g.dir + "/swanctl.conf"}
}

func (g *gateway) sas(t *testing.T) []ikeSA {
	t.Helper()
	c, err := dial(t.Context(), filepath.Join(g.dir, "vici"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	sas, err := c.sas()
	if err != nil {
		t.Fatal(err)
	}
	return sas
}

// A site is a router whose tunnel to a remote follows the state, and both its ends.
type site struct {
	router, remote *gateway
	target         notify.Target
}

const (
	siteVIP = "10.9.0.9/32"
	siteUp  = "gw: up, 10.9.0.9 to 10.9.0.2"
)

func newSite(t *testing.T) *site {
	t.Helper()
	require.Need(t, require.NetNS)
	charon := require.Peer(t, "charon")
	require.Peer(t, "swanctl")
	tun, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		require.Missing(t, require.Peers, err)
	}
	tun.Close()
	lab := netns.New(t)
	wan := func(address string) netns.NIC {
		return netns.NIC{Name: "wan", Segment: "wan", Addresses: []string{address}}
	}
	s := &site{
		router: newGateway(t, lab.Host("router", wan("10.9.0.1/24")), charon,
			"10.9.0.9", "10.9.0.2", "router", "remote", "10.1.0.1/32", "10.2.0.1/32"),
		remote: newGateway(t, lab.Host("remote", wan("10.9.0.2/24")), charon,
			"10.9.0.2", "10.9.0.9", "remote", "router", "10.2.0.1/32", "10.1.0.1/32"),
	}
	s.router.Exec("ip", "address", "add", "10.1.0.1/32", "dev", "lo")
	s.remote.Exec("ip", "address", "add", "10.2.0.1/32", "dev", "lo")
	s.router.launch(t)
	s.remote.launch(t)
	if r := (script.Command{Argv: s.remote.load()}).Run(t.Context()); r.Err != nil {
		t.Fatal(r.Err, r.Output)
	}
	return s
}

func (s *site) retarget(t *testing.T, stack Stack, run Runner) {
	t.Helper()
	target, err := New(Config{
		Stack: stack, Socket: s.router.dir + "/vici", Load: s.router.load(), Run: run,
		Addresses: []netip.Addr{netip.MustParsePrefix(siteVIP).Addr()},
		// The address comes late; nothing may be tried before it is there.
		Ready: func(context.Context, []netip.Addr) error {
			s.router.Exec("ip", "address", "replace", siteVIP, "dev", "wan")
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.target = target
}

// master tells MASTER, proves the tunnel with a ping, and returns its SA.
func (s *site) master(t *testing.T, report string) string {
	t.Helper()
	began := time.Now()
	tell(t, s.target, notify.Master, report)
	t.Logf("MASTER took %v", time.Since(began))
	s.router.Exec("ping", "-c", "1", "-W", "5", "-I", "10.1.0.1", "10.2.0.1")
	sas := s.router.sas(t)
	if len(sas) != 1 {
		t.Fatalf("SAs: %+v", sas)
	}
	return sas[0].UniqueID
}

// backup tells BACKUP and expects the SA to be gone.
func (s *site) backup(t *testing.T) {
	t.Helper()
	began := time.Now()
	tell(t, s.target, notify.Backup, "gw: unloaded\ngw: SA ended")
	t.Logf("BACKUP took %v", time.Since(began))
	if sas := s.router.sas(t); len(sas) != 0 {
		t.Errorf("left behind: %+v", sas)
	}
}

// TestRealStrongSwan moves a tunnel with an address between MASTER and BACKUP, with
// charon on both ends.
func TestRealStrongSwan(t *testing.T) {
	s := newSite(t)
	s.retarget(t, Auto, nil)
	first := s.master(t, siteUp)
	if again := s.master(t, "gw: was up, left alone"); again != first {
		t.Errorf("SA %s replaced by %s although it was good", first, again)
	}
	s.backup(t)
	s.remote.await(t, "word that the SA has ended", func() bool { return len(s.remote.sas(t)) == 0 })
	s.router.Exec("ip", "address", "del", siteVIP, "dev", "wan")

	s.master(t, siteUp)
	s.router.Exec("ip", "address", "del", siteVIP, "dev", "wan") // before BACKUP is told
	s.backup(t)
	s.master(t, siteUp)

	// The fallback: charon is gone and a restart brings it back.
	s.router.daemon.Stop()
	s.retarget(t, StrongSwan, func(ctx context.Context, argv ...string) script.Result {
		if argv[0] == "systemctl" {
			s.router.launch(t)
			return script.Result{}
		}
		return script.Command{Argv: argv}.Run(ctx)
	})
	s.master(t, "charon did not answer, strongswan.service restarted\n"+siteUp)
	s.backup(t)
}

func TestUsableAwaitsTheAddress(t *testing.T) {
	require.Need(t, require.NetNS)
	h := netns.New(t).Host("a", netns.NIC{Name: "wan", Segment: "wan", Addresses: []string{"10.9.0.1/24"}})
	want := []netip.Addr{netip.MustParseAddr("10.9.0.1"), netip.MustParseAddr("10.9.0.9"), netip.MustParseAddr("2001:db8::9")}
	look := func() (missing []netip.Addr) {
		h.Do(func() {
			var err error
			if missing, err = unusable(want); err != nil {
				t.Error(err)
			}
		})
		return missing
	}
	if missing := look(); !slices.Equal(missing, want[1:]) {
		t.Errorf("missing %v", missing)
	}
	h.Exec("ip", "address", "add", siteVIP, "dev", "wan")
	h.Sysctl("net/ipv6/conf/wan/accept_dad", "1")
	h.Exec("ip", "link", "set", "wan", "down")
	h.Exec("ip", "address", "add", "2001:db8::9/64", "dev", "wan") // tentative while the link is down
	if missing := look(); !slices.Equal(missing, want[2:]) {
		t.Errorf("missing %v", missing)
	}
	h.Exec("ip", "link", "set", "wan", "up") // detection begins, and takes a second
	h.Do(func() {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := Usable(ctx, want); err != nil {
			t.Error(err)
		}
		if err := Usable(ctx, nil); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(notify.ErrSuperseded)
	h.Do(func() {
		if err := Usable(ctx, []netip.Addr{netip.MustParseAddr("192.0.2.1")}); !errors.Is(err, notify.ErrSuperseded) {
			t.Errorf("got %v", err)
		}
	})
}
