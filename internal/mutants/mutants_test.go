// SPDX-License-Identifier: Apache-2.0

package mutants

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	run    = flag.Bool("mutants", false, "build and test every mutant: about half an hour")
	sample = flag.Int("sample", 1, "test every n-th mutant only")
	only   = flag.String("only", "", "test the mutants of this package only")
	score  = flag.Float64("score", 95, "least percentage of mutants that the tests must kill")
)

// suites says whose tests judge the mutants of a package, in order.
var suites = map[string][]string{
	"vrrp":      {"vrrp", "engine"},
	"syncgroup": {"syncgroup", "engine"},
	"engine":    {"engine"},
}

// TestRewrite keeps the instrument in working order: what it makes of the
// smallest package is Go, and its expressions can be switched.
func TestRewrite(t *testing.T) {
	sources, all := rewrite(t, "syncgroup", filepath.Join("..", "..", "syncgroup"))
	for path, text := range sources {
		if _, err := parser.ParseFile(token.NewFileSet(), path, text, 0); err != nil {
			t.Error(err)
		}
	}
	if len(all) < 10 {
		t.Errorf("only %d mutants", len(all))
	}
}

// TestMutants does nothing without -mutants.
func TestMutants(t *testing.T) {
	if !*run {
		t.Log("not asked to: it takes half an hour, with -mutants -timeout 2h")
		return
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	all := build(t, root, tmp)
	// A suite that takes ten times as long as without a mutant does not end.
	limits := map[string]time.Duration{}
	for _, pkg := range []string{"vrrp", "syncgroup", "engine"} {
		began := time.Now()
		if out, killed := judge(root, tmp, pkg, mutant{}, 30*time.Minute); killed {
			t.Fatalf("%s fails without a mutant:\n%s", pkg, out)
		}
		limits[pkg] = 20*time.Second + 10*time.Since(began)
	}
	jobs := make(chan mutant)
	var (
		workers   sync.WaitGroup
		lock      sync.Mutex
		survivors []string
		tested    = map[string]int{}
	)
	for range 2 {
		workers.Go(func() {
			for m := range jobs {
				dead := killed(root, tmp, m, limits)
				lock.Lock()
				tested[m.pkg]++
				if !dead {
					survivors = append(survivors, fmt.Sprintf("%s/%s:%d:%d: %s (%d)",
						m.pkg, filepath.Base(m.pos.Filename), m.pos.Line, m.pos.Column, m.what, m.id))
				}
				lock.Unlock()
			}
		})
	}
	for i, m := range all {
		if i%*sample == 0 && (*only == "" || m.pkg == *only) {
			jobs <- m
		}
	}
	close(jobs)
	workers.Wait()
	count := tested["vrrp"] + tested["syncgroup"] + tested["engine"]
	percent := 100 * float64(count-len(survivors)) / float64(max(count, 1))
	t.Logf("%d of %d mutants tested %v, %d survived, %.1f %% killed\n%s",
		count, len(all), tested, len(survivors), percent, strings.Join(survivors, "\n"))
	if percent < *score {
		t.Errorf("%.1f %% killed, want %.1f %%", percent, *score)
	}
}

// build instruments the packages and builds their tests once.
func build(t *testing.T, root, tmp string) (all []mutant) {
	t.Helper()
	replace := map[string]string{}
	for _, pkg := range []string{"vrrp", "syncgroup", "engine"} {
		sources, mutants := rewrite(t, pkg, filepath.Join(root, pkg))
		all = append(all, mutants...)
		for path, text := range sources {
			copied := filepath.Join(tmp, pkg+"_"+filepath.Base(path))
			if err := os.WriteFile(copied, text, 0o600); err != nil {
				t.Fatal(err)
			}
			replace[path] = copied
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(tmp, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for pkg := range suites {
		cmd := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", filepath.Join(tmp, pkg+".test"), "./"+pkg)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", pkg, err, out)
		}
	}
	return all
}

func killed(root, tmp string, m mutant, limits map[string]time.Duration) bool {
	for _, suite := range suites[m.pkg] {
		if _, dead := judge(root, tmp, suite, m, limits[suite]); dead {
			return true
		}
	}
	return false
}

// slow are the tests that are asked last.
const slow = "TestFastGroupTakeover|TestStepAllocates|TestTshark"

// judge runs one suite against a mutant; the zero mutant is none. A test that
// does not end within the limit has noticed, too.
func judge(root, tmp, suite string, m mutant, limit time.Duration) (output string, dead bool) {
	for _, args := range [][]string{{"-test.skip", slow}, {"-test.run", "TestFastGroupTakeover"}} {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		cmd := exec.CommandContext(ctx, filepath.Join(tmp, suite+".test"), append(args, "-test.failfast")...)
		cmd.Dir = filepath.Join(root, suite)
		cmd.Env = append(os.Environ(), fmt.Sprintf("MUTANT=%s %d", m.pkg, m.id), "DATADRIVEN_QUIET_LOG=true")
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil {
			return string(out), true
		}
	}
	return "", false
}
