// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/gopacket"

	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// execOutput runs a program here and returns what it says on stdout.
func execOutput(program string, args ...string) (string, error) {
	out, err := exec.Command(program, args...).Output()
	return string(out), err
}

// single is one running MASTER, a neighbour, and a cell that describes them.
type single struct {
	*daemon
	c         cell
	neighbour *netns.Host
	sent      *netns.Capture
}

func newSingle(t *testing.T, family, mac, extra string) *single {
	t.Helper()
	require.Need(t, require.NetNS)
	c := cell{a: ours, version: v3, family: family, wire: multicast, mac: mac}
	lab := netns.New(t)
	h := lab.Host("A", netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"192.0.2.1/24", "2001:db8::1/64"}})
	z := lab.Host("Z", netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"192.0.2.2/24", "2001:db8::2/64"}})
	s := &single{c: c, neighbour: z, sent: h.Capture("ens3")}
	s.daemon = start(t, ours, h, s.config(extra))
	s.want("V", "MASTER")
	return s
}

func (s *single) config(extra string) string {
	return strings.Replace(s.c.keepalivedConf("1", "2", 150), " virtual_ipaddress", extra+" virtual_ipaddress", 1)
}

// instance is the status of V.
func (s *single) instance() control.Instance {
	s.t.Helper()
	status, _ := s.status()
	i, ok := status.Instance("V")
	if !ok {
		s.t.Fatal("no status of V")
	}
	return *i
}

// has tells whether the host has the VIP.
func (s *single) has() bool {
	return strings.Contains(s.host.Exec("ip", "-o", "address", "show"), " "+s.c.vip()+"/")
}

func TestNoAccept(t *testing.T) {
	for _, family := range []string{ipv4Only, ipv6Only} {
		t.Run(family, func(t *testing.T) {
			s := newSingle(t, family, plain, " no_accept\n")
			ping := require.Peer(t, "ping")
			own := map[string]string{ipv4Only: "192.0.2.1", ipv6Only: "2001:db8::1"}[family]
			refused := func() {
				t.Helper()
				eventually(t, "the VIP on the host", s.has)
				s.neighbour.Exec(ping, "-n", "-c", "1", "-W", "5", own)
				if out, err := s.neighbour.Try(ping, "-n", "-c", "3", "-i", "0.1", "-W", "1", s.c.vip()); err == nil {
					t.Errorf("the VIP answers although it must not:\n%s", out)
				}
				if out := s.neighbour.Exec("ip", "neigh", "show", s.c.vip()); !strings.Contains(out, macAddress(t, s.host, "ens3")) {
					t.Errorf("the VIP is not reachable as a next hop: %q", out)
				}
			}
			refused()
			s.crash()
			s.run()
			s.want("V", "MASTER")
			refused()
			s.proc.Signal(syscall.SIGTERM)
			if code := s.proc.Wait(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			nft := require.Peer(t, "nft")
			if tables := s.host.Exec(nft, "list", "tables"); tables != "" {
				t.Errorf("filter tables left after the end: %s", tables)
			}
		})
	}
}

// TestRemovedAddressIsPutBack has somebody delete the VIP of a MASTER.
func TestRemovedAddressIsPutBack(t *testing.T) {
	for _, family := range []string{ipv4Only, ipv6Only} {
		for _, mac := range []string{plain, vmac} {
			t.Run(family+"_"+strings.ReplaceAll(mac, " ", "_"), func(t *testing.T) {
				s := newSingle(t, family, mac, "")
				eventually(t, "the VIP on the host", s.has)
				before := s.instance()
				nic := "ens3"
				if mac == vmac {
					nic = frrMacvlan
				}
				s.host.Exec("ip", "address", "del", s.c.vips()[len(s.c.vips())-1], "dev", nic)
				eventually(t, "the VIP to be put back", func() bool { return s.has() && s.instance().Counters.OwnershipLost > 0 })
				after := s.instance()
				if after.State != "MASTER" || after.Transitions != before.Transitions || after.Counters.PriorityZeroSent != 0 {
					t.Errorf("%s after %d transitions, %d before; %d resignations", after.State, after.Transitions, before.Transitions, after.Counters.PriorityZeroSent)
				}
			})
		}
	}
}

// TestBrokenReloadChangesNothing reloads a file that is wrong, then one that
// is right.
func TestBrokenReloadChangesNothing(t *testing.T) {
	s := newSingle(t, ipv4Only, plain, "")
	eventually(t, "the VIP on the host", s.has)
	before := s.instance()
	reload := func(text string, done func(control.Config) bool) {
		t.Helper()
		if err := os.WriteFile(s.conf(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.proc.Signal(syscall.SIGHUP)
		eventually(t, "the reload", func() bool {
			status, ok := s.status()
			return ok && done(status.Config)
		})
	}
	reload("vrrp_instance V {\n interface ens3\n virtual_router_id 700\n}\n", func(c control.Config) bool { return c.LastReload != "" })
	after := s.instance()
	if after.State != "MASTER" || after.Transitions != before.Transitions || after.VRID != before.VRID || !s.has() {
		t.Errorf("a broken file left %s, VRID %d, after %d transitions", after.State, after.VRID, after.Transitions)
	}
	reload(strings.Replace(s.config(""), "priority 150", "priority 160", 1), func(c control.Config) bool { return c.LastReload == "" })
	eventually(t, "the new priority", func() bool { return s.instance().Priority.Configured == 160 })
	if after := s.instance(); after.State != "MASTER" || after.Transitions != before.Transitions {
		t.Errorf("a new priority left %s after %d transitions", after.State, after.Transitions)
	}
}

// TestStop wants priority 0, no address and exit code 0 after SIGTERM.
func TestStop(t *testing.T) {
	for _, family := range []string{ipv4Only, ipv6Only} {
		for _, mac := range []string{plain, vmac} {
			t.Run(family+"_"+strings.ReplaceAll(mac, " ", "_"), func(t *testing.T) {
				s := newSingle(t, family, mac, "")
				eventually(t, "the VIP on the host", s.has)
				s.proc.Signal(syscall.SIGTERM)
				if code := s.proc.Wait(); code != 0 {
					t.Errorf("exit code %d", code)
				}
				s.sent.Wait("priority 0", func(f gopacket.Packet) bool {
					p, ok := vrrpOf(f)
					return ok && p[2] == 0
				})
				s.clean()
			})
		}
	}
}

// clean wants nothing of a daemon left on the host.
func (s *single) clean() {
	s.t.Helper()
	if left := s.host.Exec("ip", "-o", "address", "show"); s.has() || strings.Contains(left, frrMacvlan) {
		s.t.Errorf("left on the host:\n%s", left)
	}
	if links := s.host.Exec("ip", "-o", "link", "show"); strings.Contains(links, frrMacvlan) {
		s.t.Errorf("left on the host:\n%s", links)
	}
}

// TestRestartCleansLeftovers kills a MASTER and lets it come back while
// another one is MASTER: it must not keep the address it left.
func TestRestartCleansLeftovers(t *testing.T) {
	for _, family := range []string{ipv4Only, ipv6Only} {
		for _, mac := range []string{plain, vmac} {
			t.Run(family+"_"+strings.ReplaceAll(mac, " ", "_"), func(t *testing.T) {
				s := newSingle(t, family, mac, "")
				eventually(t, "the VIP on the host", s.has)
				s.crash()
				if !s.has() {
					t.Fatal("kill -9 took the VIP away: nothing to test")
				}
				other := start(t, ours, s.neighbour, s.c.keepalivedConf("2", "1", 200))
				other.want("V", "MASTER")
				s.run()
				s.want("V", "BACKUP")
				eventually(t, "the VIP to be removed", func() bool { return !s.has() })
				s.proc.Signal(syscall.SIGTERM)
				s.proc.Wait()
				s.clean()
			})
		}
	}
}
