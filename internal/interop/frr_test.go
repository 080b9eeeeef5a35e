// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// FRR owns no address: whoever configures it makes a macvlan with the virtual
// MAC and the VIPs by hand, and FRR's daemons hold it down on a BACKUP.

const frrMacvlan = "vmac7"

// prepareFRR puts FRR's configuration in the host's own /run, where the user
// it runs as can read it, and starts zebra, through which it changes links.
func prepareFRR(t testing.TB, h *netns.Host, conf string) {
	t.Helper()
	require.Need(t, require.Root) // FRR changes to a user of its own
	zebra := require.Peer(t, "zebra")
	h.Exec("sh", "-c", fmt.Sprintf("mkdir /run/frr && chown frr:frr /run/frr && printf '%%s' '%s' >/run/frr/vrrpd.conf", conf))
	p := h.Start(zebra, "-u", "frr", "-g", "frr", "-P", "0", "--log", "stdout", "-f", "/dev/null",
		"--vty_socket", "/run/frr", "-z", "/run/frr/zserv.api", "-i", "/run/frr/zebra.pid")
	p.Expect("starting")
	eventually(t, "zebra's socket", func() bool {
		_, err := h.Try("test", "-S", "/run/frr/zserv.api")
		return err == nil
	})
}

// frrVRRPD is where FRR's VRRP daemon is: it has our name, so PATH is no help.
func frrVRRPD(t testing.TB) string {
	t.Helper()
	return strings.TrimSuffix(require.Peer(t, "zebra"), "zebra") + "vrrpd"
}

func startFRR(t testing.TB, h *netns.Host) *netns.Process {
	t.Helper()
	h.Exec("rm", "-f", "/run/frr/vrrpd.pid", "/run/frr/vrrpd.vty")
	return h.Start(frrVRRPD(t), "-u", "frr", "-g", "frr", "-P", "0", "--log", "stdout", "-f", "/run/frr/vrrpd.conf",
		"--vty_socket", "/run/frr", "-z", "/run/frr/zserv.api", "-i", "/run/frr/vrrpd.pid")
}

var frrTransition = regexp.MustCompile(`\[VRID \d+\] \[IPv\d\] \w+ -> (\w+)`)

// frrState is the state FRR logged last, in our words.
func frrState(output string) string {
	all := frrTransition.FindAllStringSubmatch(output, -1)
	if len(all) == 0 {
		return ""
	}
	if state := strings.ToUpper(all[len(all)-1][1]); state != "INITIALIZE" {
		return state
	}
	return "INIT"
}
