// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/testnet/build"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// TestSecondDaemonTouchesNothing: whoever starts the daemon again by mistake
// must not take the addresses that the first one serves for left over.
func TestSecondDaemonTouchesNothing(t *testing.T) {
	require.Need(t, require.NetNS)
	t.Parallel()
	h := lan(netns.New(t), "r1", "1")
	d := start(t, h, instance("VI", 1, 100, "")+instance("VMAC", 2, 100, "use_vmac"))
	d.want("VI", "MASTER")
	d.want("VMAC", "MASTER")
	out, err := d.ctl("run", "-f", d.file("keepalived.conf"))
	if err == nil || !strings.Contains(out, "another daemon answers there") {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"VI", "VMAC"} {
		if i := d.instance(name); i == nil || i.State != "MASTER" || i.Counters.OwnershipLost != 0 {
			t.Errorf("%s: %+v", name, i)
		}
	}
}

// TestFailedStartLeavesNothing: what a start has set up goes when the start
// fails after it.
func TestFailedStartLeavesNothing(t *testing.T) {
	require.Need(t, require.NetNS)
	t.Parallel()
	h := lan(netns.New(t), "r1", "1")
	d := &daemon{t: t, host: h, dir: t.TempDir(), path: build.Vrrpd(t)}
	d.write("keepalived.conf", 0o600, instance("V", 2, 100, "use_vmac"))
	before := h.Exec("ip", "-o", "link") + h.Exec("nft", "list", "ruleset")
	out, err := h.Try(d.path, "run", "-f", d.file("keepalived.conf"), "--socket", d.file("s"), "--record", d.file("none/such"))
	if err == nil || !strings.Contains(out, "none/such") {
		t.Fatalf("%v: %s", err, out)
	}
	if after := h.Exec("ip", "-o", "link") + h.Exec("nft", "list", "ruleset"); after != before {
		t.Errorf("before:\n%s\nafter:\n%s\n%s", before, after, out)
	}
}
