// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// TestStartupAndShutdownScripts: one ends before the routers start, the other
// begins when the addresses are gone; one that hangs is ended.
func TestStartupAndShutdownScripts(t *testing.T) {
	require.Need(t, require.NetNS)
	t.Parallel()
	h := lan(netns.New(t), "r1", "1")
	r := start(t, h, `
global_defs {
    script_user root
    startup_script "/bin/sh -c 'echo start >>DIR/log; sleep 300'"
    startup_script_timeout 1
    shutdown_script "/bin/sh -c '{ echo stop; ip -o addr; } >>DIR/log'"
}
`+instance("VI", 1, 100, ""))
	r.want("VI", "MASTER")
	if got := r.read("log"); got != "start\n" {
		t.Errorf("the startup script wrote %q", got)
	}
	if out := r.proc.Output(); !strings.Contains(out, "startup_script failed") {
		t.Errorf("nothing is said of the script that hung:\n%s", out)
	}
	if code := r.proc.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	got := r.read("log")
	if !strings.HasPrefix(got, "start\nstop\n") || !strings.Contains(got, "192.0.2.1/24") || strings.Contains(got, "192.0.2.101") {
		t.Errorf("the shutdown script saw %q", got)
	}
}
