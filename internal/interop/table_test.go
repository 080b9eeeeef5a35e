// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The tables of docs/interop.md that tests write, by what stands above them.
const (
	matrixTable = "<!-- the table is written by: go test ./internal/interop -run TestMatrix -matrix=full -update -->\n"
	wireTable   = "<!-- the table is written by: go test ./internal/interop -run TestTshark$ -update -->\n"
	tableEnd    = "<!-- end of the table -->\n"
)

var page = filepath.Join("..", "..", "docs", "interop.md")

// row begins the table row of a cell.
func (c cell) row() string {
	axes := c.axes()
	return "| " + strings.Join(axes[:], " | ") + " | "
}

// writeMatrix replaces the matrix in docs/interop.md.
func writeMatrix(t *testing.T, results map[cell]times) {
	t.Helper()
	var b strings.Builder
	b.WriteString("| MASTER → BACKUP | version | family | adverts | addresses on | kill -9 | SIGTERM | coming back |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|\n")
	ms := func(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
	for _, c := range cells() {
		if why := c.impossible(); why != "" {
			fmt.Fprintf(&b, "%snot possible: %s | | |\n", c.row(), why)
			continue
		}
		r := results[c]
		fmt.Fprintf(&b, "%s%s | %s | %s |\n", c.row(), ms(r.crash), ms(r.stop), ms(r.back))
	}
	writeTable(t, matrixTable, b.String())
}

// writeTable replaces the table that stands under a mark.
func writeTable(t *testing.T, mark, table string) {
	t.Helper()
	before, _, after := splitPage(t, mark)
	if err := os.WriteFile(page, []byte(before+mark+table+tableEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func splitPage(t *testing.T, mark string) (before, table, after string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), mark)
	table, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		t.Fatalf("%s has lost the marks around its table", page)
	}
	return before, table, after
}

// TestTableIsComplete holds docs/interop.md to the cells the test runs.
func TestTableIsComplete(t *testing.T) {
	_, table, _ := splitPage(t, matrixTable)
	for _, c := range cells() {
		_, rest, ok := strings.Cut(table, c.row())
		if !ok {
			t.Errorf("no row for %s", c.name())
			continue
		}
		line, _, _ := strings.Cut(rest, "\n")
		if why := c.impossible(); strings.Contains(line, "not possible") != (why != "") {
			t.Errorf("%s: %q, and the test says %q", c.name(), line, why)
		}
	}
}
