// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// TestStaticItems: they are there in every state, come back when somebody
// removes them, follow a reload, and go with the daemon; what was there before
// it stays.
func TestStaticItems(t *testing.T) {
	require.Need(t, require.NetNS)
	t.Parallel()
	lab := netns.New(t)
	h := lan(lab, "r1", "1")
	better := start(t, lan(lab, "r2", "2"), instance("VI", 1, 200, ""))
	better.want("VI", "MASTER")
	h.Exec("ip", "addr", "add", "192.0.2.80/32", "dev", "eth0")
	conf := `
global_defs {
    default_interface eth0
}
static_ipaddress {
    192.0.2.80/32
    192.0.2.81/32
    %s
    10.0.9.1/24 dev eth1
}
static_routes {
    198.18.0.0/15 via 192.0.2.2 dev eth0
}
static_rules {
    from 192.0.2.81 table 100 preference 500
}
` + instance("VI", 1, 100, "")
	r := start(t, h, fmt.Sprintf(conf, "192.0.2.82/32 no_track"))
	has := func(want bool, text, command string) {
		t.Helper()
		eventually(t, fmt.Sprintf("%q in %q: %v", text, command, want), func() bool {
			return strings.Contains(h.Exec(strings.Fields(command)...), text) == want
		})
	}
	r.want("VI", "BACKUP")
	for _, last := range []string{"80", "81", "82"} {
		has(true, " 192.0.2."+last+"/32 ", "ip -o addr")
	}
	has(true, "198.18.0.0/15 via 192.0.2.2", "ip route")
	has(true, "500:\tfrom 192.0.2.81 lookup 100", "ip rule")

	h.Exec("ip", "addr", "del", "192.0.2.81/32", "dev", "eth0")
	has(true, " 192.0.2.81/32 ", "ip -o addr")
	h.Exec("ip", "route", "del", "198.18.0.0/15")
	has(true, "198.18.0.0/15", "ip route")
	if err := h.Plug(netns.NIC{Name: "eth1", Segment: "lan2"}); err != nil {
		t.Fatal(err)
	}
	has(true, " 10.0.9.1/24 ", "ip -o addr")

	r.write("keepalived.conf", 0o600, fmt.Sprintf(conf, "192.0.2.83/32"))
	r.proc.Signal(syscall.SIGHUP)
	has(true, " 192.0.2.83/32 ", "ip -o addr")
	has(false, " 192.0.2.82/32 ", "ip -o addr")
	if out := r.proc.Output(); strings.Contains(out, "reload failed") {
		t.Error(out)
	}
	r.proc.Stop()
	for _, gone := range []string{"192.0.2.81", "192.0.2.83", "10.0.9.1", "198.18.0.0"} {
		if out := h.Exec("ip", "addr") + h.Exec("ip", "route") + h.Exec("ip", "rule"); strings.Contains(out, gone) {
			t.Errorf("%s is still there", gone)
		}
	}
	has(true, " 192.0.2.80/32 ", "ip -o addr")
}
