// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/memory"
)

// The old master's last write is on its way when the new one claims. With
// compare-and-swap it is refused; without, the settle checks take the item back.
func TestScenario16_LateOldWrite(t *testing.T) {
	each(t, []cloud.Item{vip1}, func(l *lab) {
		l.w.Set(vip1, "x/0")
		l.fault(func(r memory.Request) memory.Fault {
			if r.Node == "a" && isWrite(r.Op) {
				return memory.Fault{Late: 1500 * time.Millisecond}
			}
			return memory.Fault{}
		})
		l.a.Master(cloud.CausePriorityZero)
		l.wait(100 * time.Millisecond)
		l.a.Backup()
		l.b.Master(cloud.CausePriorityZero)
		l.wait(time.Second)
		l.holds(l.b, vip1)
		l.wait(6 * time.Second)
		l.holds(l.b, vip1)
		var wrong time.Duration
		var since time.Time
		for _, w := range l.w.Writes() {
			if w.Node == "a" && w.To == "a/0" {
				since = w.At
			}
			if w.Node == "b" && w.To == "b/0" && !since.IsZero() {
				wrong, since = w.At.Sub(since), time.Time{}
			}
		}
		if wrong > 5*time.Second {
			t.Errorf("the old master's write stood for %v", wrong)
		}
	})
}

func TestScenario17_FrozenMaster(t *testing.T) {
	each(t, []cloud.Item{vip1}, func(l *lab) {
		l.a.Master(cloud.CausePriorityZero)
		l.wait(time.Minute)
		l.a.Freeze(true)
		l.wait(4 * time.Second)
		l.b.Master(cloud.CauseMasterDown)
		l.wait(26 * time.Second)
		l.holds(l.b, vip1)
		l.a.Freeze(false)
		// The loop is back and ticks, but has not read its mail yet.
		l.wait(2 * advert)
		l.a.Backup()
		l.wait(10 * time.Minute)
		l.holds(l.b, vip1)
		if n := l.writesBy(l.a); n != 0 {
			t.Errorf("%d writes by a master that was frozen: %v", n, l.w.Writes())
		}
	})
}

func TestScenario18_FlapInFiftyMilliseconds(t *testing.T) {
	each(t, all5, func(l *lab) {
		l.fault(func(r memory.Request) memory.Fault {
			if isWrite(r.Op) {
				return memory.Fault{Delay: 20 * time.Millisecond}
			}
			return memory.Fault{}
		})
		l.b.Master(cloud.CausePriorityZero)
		l.wait(25 * time.Millisecond)
		l.b.Backup()
		l.wait(25 * time.Millisecond)
		l.b.Master(cloud.CausePriorityZero)
		l.wait(5 * time.Second)
		l.holds(l.b, all5...)
		l.state(l.b, cloud.StateHeld)
		seen := map[string]int{}
		for _, w := range l.w.Writes() {
			seen[w.Op+w.Item]++
			if seen[w.Op+w.Item] > 2 {
				t.Errorf("%s of %s written again and again", w.Op, w.Item)
			}
		}
		if gen := l.b.Status().Generation; gen != 3 {
			t.Errorf("generation %d, want 3", gen)
		}
	})
}

// A wall clock that jumps is not seen by the fence and the reconciler, because
// they do not look at one: time is an argument, and comes from the clock that
// counts since boot.
func TestScenario19_WallClockJumps(t *testing.T) {
	for _, file := range []string{"gate.go", "machine.go", "machine_observe.go", "machine_plan.go", "machine_state.go"} {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" && clockFuncs[sel.Sel.Name] {
					t.Errorf("%s uses time.%s", file, sel.Sel.Name)
				}
			}
			return true
		})
	}
}

var clockFuncs = map[string]bool{
	"Now": true, "Since": true, "Until": true, "After": true, "AfterFunc": true,
	"Sleep": true, "NewTimer": true, "NewTicker": true, "Tick": true,
}

func TestScenario20_BothMaster(t *testing.T) {
	each(t, []cloud.Item{vip1, rt1}, func(l *lab) {
		l.a.Master(cloud.CausePriorityZero)
		l.wait(time.Minute)
		start := time.Now()
		l.b.Master(cloud.CauseMasterDown)
		l.wait(2 * time.Minute)
		l.holds(l.a, vip1, rt1)
		l.state(l.b, cloud.StateYielded)
		taken := 0
		for _, w := range l.w.Writes() {
			if w.Node == "b" && w.Item == vip1.Key() && w.To == "b/0" && w.At.After(start) {
				taken++
			}
		}
		if taken == 0 || taken > 3 {
			t.Errorf("the lower node took the address %d times, want 1 to 3", taken)
		}
		n := len(l.w.Writes())
		l.wait(3 * time.Minute)
		if m := len(l.w.Writes()); m != n {
			t.Errorf("%d writes after the lower node had yielded", m-n)
		}
	})
}

// The node that gave way turns out to be the higher one: as soon as it hears
// the other, it goes on.
func TestScenario20_HearingTheLowerPeerEndsTheYield(t *testing.T) {
	inLab(t, 0, []cloud.Item{vip1}, nil, func(l *lab) {
		l.a.Peer, l.b.Peer = cloud.Rank{}, cloud.Rank{} // neither has heard the other
		l.a.Master(cloud.CausePriorityZero)
		l.b.Master(cloud.CauseMasterDown)
		l.wait(2 * time.Minute)
		l.holds(l.b, vip1) // its handle is the higher one
		l.state(l.a, cloud.StateYielded)
		l.a.Peer = cloud.Rank{Addr: addrB, Priority: l.b.Self.Priority}
		l.a.Master(cloud.CausePriorityZero)
		l.b.Backup()
		l.wait(time.Second)
		l.holds(l.a, vip1)
	})
}

// A period of looks that is shorter than the settle checks holds from the start.
func TestDriftIsFoundBetweenSettleChecks(t *testing.T) {
	often := func(c *cloud.Config) { c.Timing.Drift = time.Second }
	inLab(t, 0, []cloud.Item{vip1}, often, func(l *lab) {
		l.a.Master(cloud.CausePriorityZero)
		l.wait(6 * time.Second) // the next settle check is at 15 s
		l.w.Set(vip1, "console/0")
		l.wait(2 * time.Second)
		l.holds(l.a, vip1)
	})
}

func TestScenario21_GenerationFile(t *testing.T) {
	for _, tc := range []struct {
		name, content string
		atLeast       uint64
	}{
		{"absent", "", 1},
		{"corrupt", `{"sha256":"00","data":{"generation":41}}`, 900_000_000},
		{"truncated", `{"sha2`, 900_000_000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "generation")
			if tc.content != "" {
				if err := os.WriteFile(file, []byte(tc.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			opts := func(c *cloud.Config) {
				c.Generations = cloud.FileGenerations(filepath.Join(filepath.Dir(file), c.Name+"-unused"))
			}
			inLab(t, memory.CompareAndSwap, []cloud.Item{vip1}, opts, func(l *lab) {
				l.stop(l.b)
				l.b.Options = func(c *cloud.Config) { c.Generations = cloud.FileGenerations(file) }
				l.start(l.b, 3)
				l.b.Master(cloud.CausePriorityZero)
				l.wait(time.Second)
				l.holds(l.b, vip1)
				first := l.b.Status().Generation
				if first < tc.atLeast {
					t.Errorf("generation %d, want at least %d", first, tc.atLeast)
				}
				l.stop(l.b)
				l.start(l.b, 4)
				l.b.Master(cloud.CausePriorityZero)
				l.wait(time.Second)
				if again := l.b.Status().Generation; again <= first {
					t.Errorf("generation %d after %d: it must grow across restarts", again, first)
				}
			})
		})
	}
}

// A disk that hangs or is full must not delay a failover.
func TestGenerationsThatCannotBeSaved(t *testing.T) {
	opts := func(c *cloud.Config) { c.Generations = badDisk{} }
	inLab(t, memory.CompareAndSwap, []cloud.Item{vip1}, opts, func(l *lab) {
		l.b.Master(cloud.CausePriorityZero)
		l.wait(time.Second)
		l.holds(l.b, vip1)
	})
}

type badDisk struct{}

func (badDisk) Load() (uint64, error) { return 7, nil }

func (badDisk) Save(uint64) error {
	time.Sleep(time.Second)
	return errors.New("no space left on device")
}

func TestScenario62_DryRunSendsNothing(t *testing.T) {
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) {
			opts := func(c *cloud.Config) { c.Mode = cloud.ModeDryRun }
			inLab(t, d, all5, opts, func(l *lab) {
				l.b.Master(cloud.CausePriorityZero)
				l.wait(time.Minute)
				l.state(l.b, cloud.StateWould)
				l.b.Backup()
				l.a.Master(cloud.CausePreempt)
				l.wait(time.Minute)
				if n := len(l.w.Writes()); n != 0 {
					t.Errorf("a dry run changed the world: %v", l.w.Writes())
				}
				for _, it := range all5 {
					if !strings.Contains(l.b.Audit.String(), `"item":"`+it.Key()+`"`) {
						t.Errorf("%s: not told what would be done", it.Key())
					}
				}
			})
		})
	}
}
