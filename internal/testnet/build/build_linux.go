// SPDX-License-Identifier: Apache-2.0

package build

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
)

// Vrrpd returns the path of the command, built as a user would build it, once
// for all tests of a package. The package must have called [netns.Main].
func Vrrpd(t testing.TB) string {
	t.Helper()
	path, err := vrrpd()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var vrrpd = sync.OnceValues(func() (string, error) {
	path := filepath.Join(netns.Scratch(), "vrrpd")
	out, err := exec.Command("go", "build", "-o", path, "github.com/govrrp/vrrpd/cmd/vrrpd").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})
