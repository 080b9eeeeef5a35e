// SPDX-License-Identifier: Apache-2.0

//go:build linux

package linux_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/require"
	"github.com/govrrp/vrrpd/linux"
)

// TestSuspended asks in a time namespace, whose clocks are those of a machine
// that has slept an hour more.
func TestSuspended(t *testing.T) {
	const inside = "VRRPD_TEST_SUSPENDED"
	if os.Getenv(inside) != "" {
		fmt.Println("suspended", linux.Suspended())
		return
	}
	require.Need(t, require.Root)
	unshare := require.Peer(t, "unshare")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(unshare, "--time", "--boottime", "3600", self, "-test.run", "^TestSuspended$")
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var text string
	for line := range strings.Lines(string(out)) {
		if after, ok := strings.CutPrefix(line, "suspended "); ok {
			text = strings.TrimSpace(after)
		}
	}
	there, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	here := linux.Suspended()
	if more := there - here; more < time.Hour-time.Minute || more > time.Hour+time.Minute {
		t.Errorf("suspended for %v here and %v there, want an hour more", here, there)
	}
}
