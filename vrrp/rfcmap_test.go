// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mapped lists the sections that docs/rfc-map.md must cover.
var mapped = map[string]string{
	"RFC 9568": "5.1.1.1 5.1.1.2 5.1.1.3 5.1.1.4 5.1.2.1 5.1.2.2 5.1.2.3 5.1.2.4 " +
		"5.2.1 5.2.2 5.2.3 5.2.4 5.2.5 5.2.6 5.2.7 5.2.8 5.2.9 6.1 6.2 6.4.1 6.4.2 6.4.3 7.1 7.2 7.3",
	"RFC 3768":  "5.2.1 5.2.2 5.2.3 5.2.4 5.3.1 5.3.2 5.3.3 5.3.4 5.3.5 5.3.6 5.3.7 5.3.8 5.3.9 5.3.10 6.1 6.2 6.4.1 6.4.2 6.4.3 7.1 7.2 7.3",
	"auth-hmac": "trailer input receiver sender modes",
}

// rfcRow is one row of the map.
type rfcRow struct {
	document, section, clause string
	code, tests               []string
}

func readRFCMap(t *testing.T) []rfcRow {
	t.Helper()
	text, err := os.ReadFile("../docs/rfc-map.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	names := func(cell string) (all []string) {
		for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
			all = append(all, m[1])
		}
		return all
	}
	var rows []rfcRow
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| Document") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 5 {
			t.Errorf("%d cells, want 5: %s", len(cells), line)
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, rfcRow{cells[0], cells[1], cells[2], names(cells[3]), names(cells[4])})
	}
	return rows
}

// declared returns the functions, methods ("Type.Method"), variables,
// constants and types of the package in dir, tests apart.
func declared(t *testing.T, dir string) (code, tests map[string]bool) {
	t.Helper()
	code, tests = map[string]bool{}, map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		into := code
		if strings.HasSuffix(name, "_test.go") {
			into = tests
		}
		for _, d := range f.Decls {
			for _, n := range declaredNames(d) {
				into[n] = true
			}
		}
	}
	return code, tests
}

func declaredNames(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []string{d.Name.Name}
		}
		on := d.Recv.List[0].Type
		if star, ok := on.(*ast.StarExpr); ok {
			on = star.X
		}
		if id, ok := on.(*ast.Ident); ok {
			return []string{id.Name + "." + d.Name.Name}
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.ValueSpec:
				for _, id := range s.Names {
					names = append(names, id.Name)
				}
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			}
		}
	}
	return names
}

// TestRFCMap holds docs/rfc-map.md to the code.
func TestRFCMap(t *testing.T) {
	type names struct{ code, tests map[string]bool }
	packages := map[string]names{}
	find := func(name string) (n names, local string) {
		dir, local, elsewhere := strings.Cut(name, "#")
		if !elsewhere {
			dir, local = "vrrp", name
		}
		if _, known := packages[dir]; !known {
			code, tests := declared(t, filepath.Join("..", filepath.FromSlash(dir)))
			packages[dir] = names{code, tests}
		}
		return packages[dir], local
	}
	covered := map[string]bool{}
	for _, r := range readRFCMap(t) {
		covered[r.document+" §"+r.section] = true
		if len(r.code) == 0 || len(r.tests) == 0 || r.clause == "" {
			t.Errorf("%s §%s lacks a clause, code or a test", r.document, r.section)
		}
		for _, name := range r.code {
			if n, local := find(name); !n.code[local] {
				t.Errorf("%s §%s: no code named %s", r.document, r.section, name)
			}
		}
		for _, name := range r.tests {
			if n, local := find(name); !n.tests[local] || !strings.HasPrefix(local, "Test") && !strings.HasPrefix(local, "Fuzz") {
				t.Errorf("%s §%s: no test named %s", r.document, r.section, name)
			}
		}
	}
	for document, sections := range mapped {
		for _, s := range strings.Fields(sections) {
			if !covered[document+" §"+s] {
				t.Errorf("%s §%s has no row", document, s)
			}
		}
	}
}
