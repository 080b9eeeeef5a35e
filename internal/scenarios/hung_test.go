// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/testnet/build"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// TestHungPhases: a conntrackd that does not answer and an IKE daemon that does not
// come back delay no advert; addresses and scripts come when their limits are over,
// and the status tells.
func TestHungPhases(t *testing.T) {
	require.Need(t, require.NetNS)
	t.Parallel()
	h := lan(netns.New(t), "r1", "1")
	c := h.Capture("eth0")
	d := &daemon{t: t, host: h, dir: t.TempDir(), path: build.Vrrpd(t)}
	d.write("hang.sh", 0o755, "#!/bin/sh\necho \"$3 $(ip -o address show to 192.0.2.101 | wc -l)\" >>"+d.file("asked")+"\nsleep 60\n")
	d.write("seen.sh", 0o755, "#!/bin/sh\nip -o address show to 192.0.2.101 >"+d.file("seen")+"\n")
	conf := instance("VI", 1, 100, `
conntrack_sync {
    command DIR/hang.sh
    timeout 30
}
notify_ipsec {
    stack strongswan
    socket DIR/nobody
    timeout 1
}
notify_master DIR/seen.sh
`)
	d.write("keepalived.conf", 0o600, strings.ReplaceAll("global_defs {\n script_user root\n}\n"+conf, "DIR", d.dir))
	d.run()
	d.want("VI", "MASTER")
	eventually(t, "notify_master with the address", func() bool { return strings.Contains(d.read("seen"), "192.0.2.101") })
	if asked := d.read("asked"); !strings.Contains(asked, "-c 0\n") {
		t.Errorf("the address did not wait for the commit: %q", asked)
	}
	i := d.instance("VI")
	for target, want := range map[string]string{
		"conntrack_commit": "not done in 2s", "addresses": "ok", "conntrack_sync": "running", "notify_ipsec": "nobody", "notify_master": "ok",
	} {
		if got := notification(i, target); !strings.Contains(got.Result, want) {
			t.Errorf("%s: %q, want %q", target, got.Result, want)
		}
	}
	noGap(t, c, 1)
	if code := d.proc.Stop(); code != 0 {
		t.Errorf("exit %d", code)
	}
}
