// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// eachProtocol runs a story in every version over every family.
func eachProtocol(t *testing.T, wire string, story func(*testing.T, cell)) {
	for _, version := range []string{v2, v3} {
		for _, family := range []string{ipv4Only, ipv6Only} {
			t.Run(version+" "+family, func(t *testing.T) {
				t.Parallel()
				story(t, cell{version: version, family: family, wire: wire, mac: plain})
			})
		}
	}
}

// crowd starts routers of the given kinds on one segment, the first one with
// priority 200 and each next one with 10 less.
func crowd(t *testing.T, c cell, kinds ...kind) (all []*daemon) {
	t.Helper()
	require.Need(t, require.NetNS)
	lab := netns.New(t)
	address := func(n int) string {
		if c.family == ipv6Only {
			return fmt.Sprintf("2001:db8::%d", n+1)
		}
		return fmt.Sprintf("192.0.2.%d", n+1)
	}
	for n, k := range kinds {
		h := lab.Host(fmt.Sprintf("R%d", n+1), netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{
			fmt.Sprintf("192.0.2.%d/24", n+1), fmt.Sprintf("2001:db8::%d/64", n+1),
		}})
		one := c
		one.wire = multicast // without peers: they are more than one
		var peers strings.Builder
		if c.wire == unicast {
			fmt.Fprintf(&peers, " unicast_src_ip %s\n unicast_peer {\n", address(n))
			for peer := range kinds {
				if peer != n {
					fmt.Fprintf(&peers, "  %s\n", address(peer))
				}
			}
			peers.WriteString(" }\n")
		}
		conf := strings.Replace(one.keepalivedConf("", "", 200-10*n), " virtual_ipaddress", peers.String()+" virtual_ipaddress", 1)
		all = append(all, start(t, k, h, conf))
	}
	return all
}

// one wants the router n (from 0) to be MASTER and every later one BACKUP.
func one(all []*daemon, n int) {
	all[n].t.Helper()
	all[n].want("V", "MASTER")
	for _, d := range all[n+1:] {
		d.want("V", "BACKUP")
	}
}

// TestCascade kills the MASTER, then the next one, and lets them come back in
// the same order, so that each return is either the best or of no consequence.
func TestCascade(t *testing.T) {
	eachProtocol(t, multicast, cascade)
}

func cascade(t *testing.T, c cell) {
	all := crowd(t, c, ours, ours, ours)
	one(all, 0)
	all[0].crash()
	one(all, 1)
	all[1].crash()
	one(all, 2)
	all[0].run()
	one(all[:1], 0)
	all[2].want("V", "BACKUP")
	all[1].run()
	one(all, 0)
}

// TestMixedCascade puts keepalived in the middle.
func TestMixedCascade(t *testing.T) {
	eachProtocol(t, multicast, mixedCascade)
}

func mixedCascade(t *testing.T, c cell) {
	all := crowd(t, c, ours, keepalived, ours)
	one(all, 0)
	all[0].crash()
	one(all, 1)
	all[1].proc.Signal(syscall.SIGTERM)
	one(all, 2)
	all[1].proc.Wait()
	all[0].run()
	one(all[:1], 0)
	all[2].want("V", "BACKUP")
}

// TestUnicastMesh has five routers that know each other by address.
func TestUnicastMesh(t *testing.T) {
	eachProtocol(t, unicast, mesh)
}

func mesh(t *testing.T, c cell) {
	all := crowd(t, c, ours, ours, ours, ours, ours)
	one(all, 0)
	for n := range 4 {
		if n%2 == 0 {
			all[n].crash()
		} else {
			all[n].proc.Signal(syscall.SIGTERM)
			all[n].proc.Wait()
		}
		one(all, n+1)
	}
	for n := range 4 {
		all[n].run()
	}
	one(all, 0)
	master := map[string]string{ipv4Only: "192.0.2.1", ipv6Only: "2001:db8::1"}[c.family]
	for _, d := range all[1:] {
		s, _ := d.status()
		i, ok := s.Instance("V")
		if !ok || len(i.Peers) != 4 {
			t.Fatalf("%s lists the peers %v, want 4", d.host.Name, i.Peers)
		}
		if i.Master == nil || i.Master.Address != master || i.Master.Priority != 200 {
			t.Errorf("%s takes %v for the MASTER", d.host.Name, i.Master)
		}
	}
}
