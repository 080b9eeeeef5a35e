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

// crowd starts routers of the given kinds on one segment, the first one with
// priority 200 and each next one with 10 less.
func crowd(t *testing.T, wire string, kinds ...kind) (all []*daemon) {
	t.Helper()
	require.Need(t, require.NetNS)
	lab := netns.New(t)
	for n, k := range kinds {
		h := lab.Host(fmt.Sprintf("R%d", n+1), netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{fmt.Sprintf("192.0.2.%d/24", n+1)}})
		var b strings.Builder
		fmt.Fprintf(&b, "vrrp_instance V {\n version 3\n interface ens3\n virtual_router_id 7\n priority %d\n advert_int 0.1\n", 200-10*n)
		if wire == unicast {
			fmt.Fprintf(&b, " unicast_src_ip 192.0.2.%d\n unicast_peer {\n", n+1)
			for peer := range kinds {
				if peer != n {
					fmt.Fprintf(&b, "  192.0.2.%d\n", peer+1)
				}
			}
			b.WriteString(" }\n")
		}
		b.WriteString(" virtual_ipaddress {\n  192.0.2.100/24\n }\n}\n")
		all = append(all, start(t, k, h, b.String()))
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
	all := crowd(t, multicast, ours, ours, ours)
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
	all := crowd(t, multicast, ours, keepalived, ours)
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
	all := crowd(t, unicast, ours, ours, ours, ours, ours)
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
	for _, d := range all[1:] {
		s, _ := d.status()
		i, ok := s.Instance("V")
		if !ok || len(i.Peers) != 4 {
			t.Fatalf("%s lists the peers %v, want 4", d.host.Name, i.Peers)
		}
		if i.Master == nil || i.Master.Address != "192.0.2.1" || i.Master.Priority != 200 {
			t.Errorf("%s takes %v for the MASTER", d.host.Name, i.Master)
		}
	}
}
