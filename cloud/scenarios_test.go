// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/clouds/scenarios.md")

// scenario is one thing that must go right. One without a test says why.
type scenario struct {
	n     int
	title string
	why   string
}

const (
	notBuilt = "not applicable: neither Google Cloud nor Hetzner has a provider"
)

var scenarios = []scenario{
	{1, "clean takeover from a dead peer: addresses, then public addresses, then routes", ""},
	{2, "what is owned already is not written", ""},
	{3, "one item of five denied: the others are claimed, the permission is named", ""},
	{4, "reply lost after the write took effect: no second write", ""},
	{5, "reply lost before the write took effect: tried again", ""},
	{6, "stale reads after a write: no flapping, no second write", ""},
	{7, "throttled: the hint is respected, everything converges", ""},
	{8, "errors, garbage, silence: unknown, and MASTER stays", ""},
	{9, "API dead for ten minutes: no busy loop, converges within 15 s of its return", ""},
	{10, "credentials rejected: one renewal, then an alarm and at most one per 30 s", ""},
	{11, "credentials expire at the failover: renewed beforehand", ""},
	{12, "an item that nobody holds is claimed", ""},
	{13, "killed between detach and attach: either node finishes", ""},
	{14, "plans are idempotent, independent of order, and touch nothing undeclared", ""},
	{15, "demoted while a request is under way: no write afterwards", ""},
	{16, "an old master's late write: refused by etag, or taken back by the settle checks", ""},
	{17, "frozen as MASTER for 30 s while the peer took over: zero writes", ""},
	{18, "MASTER, BACKUP, MASTER in 50 ms: only the newest generation writes", ""},
	{19, "the wall clock jumps: the lease does not notice", ""},
	{20, "both nodes MASTER: few swaps, then the lower one yields", ""},
	{21, "the generation's file is absent or damaged: a safe start", ""},
	{22, "every row of the guard's table", ""},
	{23, "all probes hang: decided within the budget", ""},
	{24, "priority zero: no delay by the guard", ""},
	{25, "this node cut off: no claim; only the API dead: claim pending", ""},
	{26, "forged or replayed peer status is not believed", ""},
	{27, "route capture takes exactly the home node's routes", ""},
	{28, "failback restores the learned set only", ""},
	{29, "a listing that comes back empty does not wipe what was learned", ""},
	{30, "the state after a failover is not learned", ""},
	{31, "what was learned is damaged: live routes only, and a warning", ""},
	{32, "a prefix list is one call", ""},
	{33, "two hundred routes: all moved, addresses first, below the rate limits", ""},
	{34, "a route deleted during the failover is not created again", ""},
	{35, "OCI: three VNICs, three addresses, no OCID in the configuration", ""},
	{36, "OCI: an edit at the console at the same moment", ""},
	{37, "OCI: the address has no object: reported, not created", ""},
	{38, "OCI: certificate rotation and token renewal during a claim", ""},
	{39, "OCI: the address is on the second page, beside one that looks alike", ""},
	{40, "OCI: route tables keep unknown fields and are not written without an etag", ""},
	{41, "OCI: nothing is ever deleted or unassigned", ""},
	{42, "AWS: not held until the instance's metadata shows the address", ""},
	{43, "AWS: the metadata session expires; version 1 is never used", ""},
	{44, "AWS: elastic addresses follow, or move across zones", ""},
	{45, "AWS: IPv6 in two steps, with a crash in between", ""},
	{46, "AWS: a missing route, with and without permission to create it", ""},
	{47, "AWS: source/destination check is a finding", ""},
	{48, "AWS: nothing is ever described without a filter", ""},
	{49, "AWS: request signatures", ""},
	{50, "Azure: a busy route table: waits for the hint, one write at a time", ""},
	{51, "Azure: a superseded operation is done again", ""},
	{52, "Azure: writing an interface keeps every field", ""},
	{53, "Azure: public addresses stay with their private ones", ""},
	{54, "Azure: crash between the two writes of a move", ""},
	{55, "Azure: operations are polled soon, hints are capped", ""},
	{56, "Azure: the join permission that is missing is named", ""},
	{57, "Azure: a second failover while the first is still carried out", ""},
	{58, "the load balancer's probe is answered exactly while MASTER", ""},
	{59, "Google Cloud", notBuilt},
	{60, "Hetzner", notBuilt},
	{61, "preflight, green and red, each missing permission named, nothing changed", ""},
	{62, "dry run of a failover: no mutating request", ""},
	{63, "an audit line for each mutation with its request id, and no secrets", ""},
	{64, "clocks six minutes apart fail the preflight", ""},
	{65, "IPsec actions wait for the address", ""},
	{66, "IPsec: what is up already is left alone", ""},
	{67, "IPsec: the order of VICI commands, time-outs, an absent daemon", ""},
	{68, "IPsec: the order of libreswan commands", ""},
	{69, "connection tracking: a step that hangs does not hold up a claim", ""},
	{70, "the kernel's traps with source addresses, one by one", ""},
	{71, "API requests never leave from a virtual address", ""},
	{72, "after demotion an address lingers until the new owner has it", ""},
	{73, "fifty flaps: the last state's action runs last, none at the same time", ""},
	{74, "two daemons and a fake cloud: the master is killed, again and again", ""},
	{75, "ten hours of random faults: the MASTER owns everything a minute after peace", ""},
	{76, "somebody else puts the address on the BACKUP", ""},
	{77, "name resolution dead at the failover: known answers are used", ""},
	{78, "a proxy is never used for metadata", ""},
	{79, "regions and realms", ""},
	{80, "the two nodes' configurations differ: a warning", ""},
}

// core are the tests that play the core scenarios in every cloud.
var core = []string{"cloud TestCore", "cloud/aws TestCore", "cloud/azure TestCore"}

// elsewhere are tests of a scenario that bear another name, because what they
// show is not about clouds alone.
var elsewhere = map[int][]string{
	1: core, 2: core, 4: core, 5: core, 7: core, 8: core, 9: core, 15: core,
	65: {"notify/ipsec TestAddressIsAwaitedFirst", "notify/ipsec TestUsableAwaitsTheAddress", "notify/ipsec TestRealStrongSwan"},
	66: {"notify/ipsec TestRealStrongSwan"},
	67: {"notify/ipsec TestTunnelsFollowTheState", "notify/ipsec TestSilentOrAbsentCharonIsRestartedOnce"},
	68: {"notify/ipsec TestLibreswan"},
	69: {"notify/conntrack TestHungStepIsBounded", "notify/conntrack TestFailureStopsNothing"},
	70: {
		"internal/host TestDefaultRouteSurvivesTheAddressItUsedAsSource", "internal/host TestKernelRemovesSuchARouteWhenNobodyCares",
		"internal/host TestDefaultRouteSurvivesACrashAsMaster", "internal/host TestIPv6HostAddressNeverBecomesTheSource",
	},
	73: {"notify TestFiftyFlapsInFiveSeconds", "notify TestFlappingWithRealScripts"},
}

var scenarioFunc = regexp.MustCompile(`^(?:Test|Fuzz)Scenario(\d\d)_`)

// scenarioTests finds the tests of each scenario in the whole module.
func scenarioTests(t *testing.T, root string) map[int][]string {
	t.Helper()
	found := map[int][]string{}
	named := map[string]int{}
	for n, tests := range elsewhere {
		for _, test := range tests {
			named[test+fmt.Sprint(" ", n)] = n
		}
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			for key, n := range named {
				if test := filepath.ToSlash(dir) + " " + f.Name.Name; key == test+fmt.Sprint(" ", n) {
					found[n] = append(found[n], test)
					delete(named, key)
				}
			}
			if m := scenarioFunc.FindStringSubmatch(f.Name.Name); m != nil {
				n, err := strconv.Atoi(m[1])
				if err != nil {
					return err
				}
				found[n] = append(found[n], filepath.ToSlash(dir)+" "+f.Name.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for key := range named {
		t.Errorf("there is no test %s", key)
	}
	return found
}

// The list in docs/clouds/scenarios.md is made from the tests that exist. That
// they pass is what running them says.
func TestScenarioList(t *testing.T) {
	found := scenarioTests(t, "..")
	var b strings.Builder
	b.WriteString("# Scenarios\n\nWhat must go right when addresses and routes move, and the tests that show it.\n" +
		"Made by `go test ./cloud -run TestScenarioList -update` from the tests in the source; do not edit.\n\n" +
		"| # | scenario | tests |\n|---|---|---|\n")
	for i, s := range scenarios {
		if s.n != i+1 {
			t.Fatalf("scenario %d is in place %d", s.n, i+1)
		}
		tests := found[s.n]
		slices.Sort(tests)
		cell := s.why
		switch {
		case len(tests) > 0 && s.why != "":
			t.Errorf("scenario %d has tests, and a reason to have none", s.n)
		case len(tests) > 0:
			cell = "`" + strings.Join(tests, "`<br>`") + "`"
		case s.why == "":
			cell = "**no test yet**"
		}
		fmt.Fprintf(&b, "| %d | %s | %s |\n", s.n, s.title, cell)
		delete(found, s.n)
	}
	for n, tests := range found {
		t.Errorf("tests of a scenario %d that is not listed: %v", n, tests)
	}
	const file = "../docs/clouds/scenarios.md"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(file); err != nil || string(have) != b.String() {
		t.Errorf("%s is not up to date (%v): go test ./cloud -run TestScenarioList -update", file, err)
	}
}
