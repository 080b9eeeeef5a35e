// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

// testFile is one file of an archive of "-- name --" sections.
type testFile struct {
	Name string
	Data []byte
}

func archive(t testing.TB, name string) []testFile {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out []testFile
	for section := range strings.SplitSeq("\n"+string(b), "\n-- ") {
		if head, body, ok := strings.Cut(section, " --\n"); ok {
			out = append(out, testFile{head, []byte(body + "\n")})
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s has no files", name)
	}
	return out
}

// TestFaults holds every faulty file to the findings that its comments name, on their lines, and to no other warning or error.
// The text of the messages is in testdata/faults.golden.
func TestFaults(t *testing.T) { testFaults(t, "testdata/faults") }

// TestClaimFaults does so for the words of claims, which keepalived does not have.
func TestClaimFaults(t *testing.T) { testFaults(t, "testdata/claims") }

func testFaults(t *testing.T, name string) {
	t.Helper()
	var all bytes.Buffer
	for _, f := range archive(t, name+".txtar") {
		t.Run(f.Name, func(t *testing.T) {
			_, ds := Parse(f.Name, f.Data, Options{ConfigID: "node1"})
			want, got := map[string]bool{}, map[string]bool{}
			for i, line := range strings.Split(string(f.Data), "\n") {
				_, rules, _ := strings.Cut(line, "# want ")
				for _, r := range strings.Fields(rules) {
					want[fmt.Sprintf("%d %s", i+1, r)] = true
				}
			}
			for _, d := range ds {
				if d.Severity != diag.Hint {
					got[fmt.Sprintf("%d %s", d.Line, d.Rule)] = true
				}
				if d.What == "" || d.Line == 0 || d.Column == 0 || d.EndColumn <= d.Column {
					t.Errorf("finding without text or place: %+v", d)
				}
			}
			if !maps.Equal(want, got) {
				t.Errorf("want %v\ngot  %v\n%s", slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)), f.Data)
			}
			fmt.Fprintf(&all, "-- %s --\n", f.Name)
			if err := diag.Render(&all, ds, diag.Style{}); err != nil {
				t.Fatal(err)
			}
		})
	}
	if !t.Failed() {
		golden(t, name+".golden", all.Bytes())
	}
}

// TestFaultsPage holds docs/faults.md to what keepalived and vrrpd say, and
// vrrpd to naming a line of every faulty file.
func TestFaultsPage(t *testing.T) {
	files, theirs := archive(t, "testdata/faults.txtar"), archive(t, "testdata/faults.keepalived")
	if len(files) != len(theirs) {
		t.Fatalf("%d files, %d answers of keepalived", len(files), len(theirs))
	}
	silent, nowhere := 0, 0
	var rows strings.Builder
	for i, f := range files {
		said := strings.Split(strings.TrimSpace(string(theirs[i].Data)), "\n")
		said, exit := said[:len(said)-1], said[len(said)-1]
		if len(said) == 0 {
			silent++
			said = []string{"nothing"}
		} else if !strings.Contains(strings.Join(said, " "), "(Line ") {
			nowhere++
		}
		_, ds := Parse(f.Name, f.Data, Options{ConfigID: "node1"})
		var ours []string
		for _, d := range ds {
			if d.Severity != diag.Hint {
				ours = append(ours, fmt.Sprintf("(Line %d) %s: %s", d.Line, d.Severity, d.What))
			}
		}
		if len(ours) == 0 || theirs[i].Name != f.Name {
			t.Errorf("%s: nothing is said, or another file's answer: %s", f.Name, theirs[i].Name)
		}
		fmt.Fprintf(&rows, "| %s | %s<br>%s | %s |\n", f.Name, cells(said), exit, cells(ours))
	}
	page := fmt.Sprintf(`# Faulty files

What %[1]skeepalived -t%[1]s (2.2.7) and %[1]svrrpd check%[1]s say of the %[2]d files in internal/config/testdata/faults.txtar. keepalived says nothing of %[3]d
of them and names no line in %[4]d more; vrrpd names the line of each. Hints are left out, and why it matters and what to write instead, which vrrpd adds.
Generated: go test ./internal/config -run Faults -update.

| fault | keepalived -t | vrrpd check |
|---|---|---|
%[5]s`, "`", len(files), silent, nowhere, rows.String())
	golden(t, "../../docs/faults.md", []byte(page))
}

// cells makes text fit for a table.
func cells(lines []string) string {
	text := strings.Join(lines, "<br>")
	return strings.NewReplacer("|", `\|`, "<br>", "<br>", "<", "&lt;", "*", `\*`, "`", "'", "$", "&#36;").Replace(text)
}
