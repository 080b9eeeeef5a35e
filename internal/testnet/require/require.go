// SPDX-License-Identifier: Apache-2.0

package require

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Env names the environment variable that turns skips into failures.
const Env = "VRRPD_REQUIRE"

// A Capability is something a test needs from the machine it runs on. Its text
// is the word used in VRRPD_REQUIRE.
type Capability string

// The capabilities tests may ask for.
const (
	// NetNS is the right to create network namespaces and to configure the
	// interfaces in them: root, or user namespaces in which capabilities work.
	NetNS Capability = "netns"
	// Root is the right to start a child process as any other user. Root in a user
	// namespace that holds a single user does not have it.
	Root Capability = "root"
	// Peers stands for every program asked for with [Peer].
	Peers Capability = "peers"
)

// peerDirs are the places outside PATH in which Linux distributions keep daemons.
var peerDirs = []string{
	"/usr/local/sbin", "/usr/sbin", "/sbin",
	"/usr/lib/frr", "/usr/libexec/frr",
	"/usr/lib/ipsec", "/usr/libexec/ipsec", "/usr/libexec/strongswan",
}

var (
	probeNetNS = sync.OnceValue(netNS)
	probeRoot  = sync.OnceValue(root)
)

// Need skips the test unless the machine offers c; it fails the test instead
// when VRRPD_REQUIRE names c.
func Need(t testing.TB, c Capability) {
	t.Helper()
	var err error
	switch c {
	case NetNS:
		err = probeNetNS()
	case Root:
		err = probeRoot()
	default:
		t.Fatalf("require: unknown capability %q", c)
	}
	if err != nil {
		missing(t, c, err)
	}
}

// Peer returns the path of a program written by others, searched in PATH and in
// the directories where distributions keep daemons. Without it the test is
// skipped, or fails when VRRPD_REQUIRE names "peers".
func Peer(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	for _, dir := range peerDirs {
		path = filepath.Join(dir, program)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return path
		}
	}
	missing(t, Peers, fmt.Errorf("%s: %w", program, fs.ErrNotExist))
	return ""
}

// Missing skips the test, or fails it when VRRPD_REQUIRE names c, for a lack
// that the test found out itself and that belongs to capability c.
func Missing(t testing.TB, c Capability, err error) {
	t.Helper()
	missing(t, c, err)
}

// missing ends the test: skipped, or failed when the environment demands c.
func missing(t testing.TB, c Capability, err error) {
	t.Helper()
	if demanded(c) {
		t.Fatalf("%s=%s demands %s, which is missing: %v", Env, os.Getenv(Env), c, err)
	}
	t.Skipf("needs %s: %v", c, err)
}

func demanded(c Capability) bool {
	return slices.ContainsFunc(strings.Split(os.Getenv(Env), ","), func(word string) bool {
		return strings.TrimSpace(word) == string(c)
	})
}
