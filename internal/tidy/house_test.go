// SPDX-License-Identifier: Apache-2.0

package tidy

import (
	"go/ast"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// pure packages are values in, values out.
var pure = []string{"vrrp", "syncgroup", "engine"}

// pureImports is what they may import besides each other.
var pureImports = []string{
	"bytes", "cmp", "container/heap", "crypto/hmac", "crypto/sha256", "encoding/binary", "errors",
	"fmt", "hash", "iter", "maps", "math", "math/bits", "net/netip", "slices", "strconv", "strings", "time",
}

// clock is everything of package time that reads or waits for the real one.
var clock = []string{
	"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick",
}

func TestPurePackagesArePure(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !slices.Contains(pure, s.pkg) {
			continue
		}
		for _, i := range s.imports() {
			if inner, ok := strings.CutPrefix(i, module+"/"); ok && slices.Contains(pure, inner) {
				continue
			}
			if !slices.Contains(pureImports, i) {
				t.Errorf("%s imports %s", s.path, i)
			}
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: a goroutine", s.at(n))
			case *ast.ChanType, *ast.SelectStmt, *ast.SendStmt:
				t.Errorf("%s: a channel", s.at(n))
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
					t.Errorf("%s: time.%s", s.at(n), n.Sel.Name)
				}
			}
			return true
		})
	}
}

// arrows lists what a package may import of this module; packages that are not
// listed are free within the other rules.
var arrows = map[string][]string{
	"vrrp":           nil,
	"syncgroup":      {"vrrp"},
	"engine":         {"vrrp", "syncgroup"},
	"runner":         {"vrrp", "engine"},
	"linux":          {"vrrp", "engine", "runner", "internal/netio", "internal/host"},
	"internal/netio": {"vrrp", "engine", "runner"},
	"internal/host":  {"vrrp", "engine", "runner"},
}

func TestImportsFollowTheArrows(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, i := range s.imports() {
			inner, ours := strings.CutPrefix(i, module+"/")
			if !ours {
				continue
			}
			if may, ruled := arrows[s.pkg]; ruled && !slices.Contains(may, inner) {
				t.Errorf("%s: %s may not import %s", s.path, s.pkg, inner)
			}
			switch {
			case strings.HasPrefix(inner, "cmd/"):
				t.Errorf("%s imports a command, %s", s.path, inner)
			case strings.HasPrefix(inner, "internal/testnet") && !strings.HasPrefix(s.pkg, "internal/testnet"):
				t.Errorf("%s: non-test code imports %s", s.path, inner)
			case strings.HasPrefix(inner, "internal/config") && !mayReadConfig(s.pkg):
				t.Errorf("%s: only the daemon and the command know the configuration, not %s", s.path, s.pkg)
			}
		}
	}
}

func mayReadConfig(pkg string) bool {
	return pkg == "internal/daemon" || strings.HasPrefix(pkg, "cmd/") || strings.HasPrefix(pkg, "internal/config") ||
		strings.HasPrefix(pkg, "internal/bench")
}

// sdks must stay out of what a library user imports.
var sdks = []string{"oci-go-sdk", "aws-sdk-go", "azure-sdk-for-go", "prometheus", "cobra"}

func TestLibraryPullsInNoSDK(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"/vrrp", module+"/syncgroup", module+"/engine",
		module+"/runner", module+"/linux", module+"/notify", module+"/cloud").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	for _, p := range strings.Fields(string(out)) {
		for _, sdk := range sdks {
			if strings.Contains(p, sdk) {
				t.Errorf("a library package depends on %s", p)
			}
		}
	}
}

func TestMainIsThin(t *testing.T) {
	for _, s := range sources(t) {
		if s.path == "cmd/vrrpd/main.go" && s.lines > 150 {
			t.Errorf("%s has %d lines, at most 150", s.path, s.lines)
		}
	}
}
