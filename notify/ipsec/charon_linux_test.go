// SPDX-License-Identifier: Apache-2.0

package ipsec

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
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
			log, _ := os.ReadFile(filepath.Join(g.dir, "log"))
			t.Fatalf("%s: %s did not come\n%s", g.Name, what, log)
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

// TestRealStrongSwan moves a tunnel with an address between MASTER and BACKUP, with
// charon on both ends.
func TestRealStrongSwan(t *testing.T) {
	require.Need(t, require.NetNS)
	charon := require.Peer(t, "charon")
	require.Peer(t, "swanctl")
	if f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err != nil {
		t.Skipf("needs TUN devices for ESP in user space: %v", err)
	} else {
		f.Close()
	}

	lab := netns.New(t)
	wan := func(address string) netns.NIC {
		return netns.NIC{Name: "wan", Segment: "wan", Addresses: []string{address}}
	}
	router := newGateway(t, lab.Host("router", wan("10.9.0.1/24")), charon,
		"10.9.0.9", "10.9.0.2", "router", "remote", "10.1.0.1/32", "10.2.0.1/32")
	remote := newGateway(t, lab.Host("remote", wan("10.9.0.2/24")), charon,
		"10.9.0.2", "10.9.0.9", "remote", "router", "10.2.0.1/32", "10.1.0.1/32")
	router.Exec("ip", "address", "add", "10.1.0.1/32", "dev", "lo")
	remote.Exec("ip", "address", "add", "10.2.0.1/32", "dev", "lo")
	router.launch(t)
	remote.launch(t)
	if r := (script.Command{Argv: remote.load()}).Run(t.Context()); r.Err != nil {
		t.Fatal(r.Err, r.Output)
	}

	config := Config{
		Stack: Auto, Socket: router.dir + "/vici", Addresses: []netip.Addr{netip.MustParseAddr("10.9.0.9")}, Load: router.load(),
		// The address comes late; nothing may be tried before it is there.
		Ready: func(context.Context, []netip.Addr) error {
			router.Exec("ip", "address", "replace", "10.9.0.9/32", "dev", "wan")
			return nil
		},
	}
	target, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	master := func(report string) string {
		t.Helper()
		began := time.Now()
		tell(t, target, notify.Master, report)
		t.Logf("MASTER took %v", time.Since(began))
		router.Exec("ping", "-c", "1", "-W", "5", "-I", "10.1.0.1", "10.2.0.1")
		sas := router.sas(t)
		if len(sas) != 1 {
			t.Fatalf("SAs: %+v", sas)
		}
		return sas[0].UniqueID
	}
	backup := func() {
		t.Helper()
		began := time.Now()
		tell(t, target, notify.Backup, "gw: unloaded\ngw: SA ended")
		t.Logf("BACKUP took %v", time.Since(began))
		if sas := router.sas(t); len(sas) != 0 {
			t.Errorf("left behind: %+v", sas)
		}
		remote.await(t, "word that the SA has ended", func() bool { return len(remote.sas(t)) == 0 })
		router.Exec("ip", "address", "del", "10.9.0.9/32", "dev", "wan")
	}

	up := "gw: up, 10.9.0.9 to 10.9.0.2"
	first := master(up)
	if again := master("gw: was up, left alone"); again != first {
		t.Errorf("SA %s replaced by %s although it was good", first, again)
	}
	backup()
	master(up)

	// The fallback: charon is gone and a restart brings it back.
	router.daemon.Stop()
	config.Run = func(ctx context.Context, argv ...string) script.Result {
		if argv[0] == "systemctl" {
			router.launch(t)
			return script.Result{}
		}
		return script.Command{Argv: argv}.Run(ctx)
	}
	config.Stack = StrongSwan
	if target, err = New(config); err != nil {
		t.Fatal(err)
	}
	master("charon did not answer, strongswan.service restarted\n" + up)
	backup()
	if t.Failed() {
		log, _ := os.ReadFile(router.dir + "/log")
		t.Logf("router's charon:\n%s", log)
	}
}
