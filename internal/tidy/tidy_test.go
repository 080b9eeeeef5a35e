// SPDX-License-Identifier: Apache-2.0

package tidy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/govrrp/vrrpd"

// The sizes a reader can hold in the head.
const (
	maxFileLines     = 400
	maxFunctionLines = 70
	maxMethods       = 4
)

// source is one Go file of the module.
type source struct {
	path  string // relative to the module, with slashes
	pkg   string // its directory
	test  bool
	lines int
	text  string
	set   *token.FileSet
	tree  *ast.File
}

// sources parses every Go file of the module.
func sources(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && p != root) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		s := source{path: filepath.ToSlash(rel), text: string(text), set: token.NewFileSet()}
		s.pkg, s.test = path.Dir(s.path), strings.HasSuffix(p, "_test.go")
		s.lines = strings.Count(s.text, "\n")
		s.tree, err = parser.ParseFile(s.set, p, text, parser.ParseComments)
		all = append(all, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("only %d files found: the rules look in the wrong place", len(all))
	}
	return all
}

func (s source) imports() []string {
	var all []string
	for _, i := range s.tree.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err == nil {
			all = append(all, p)
		}
	}
	return all
}

func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.set.Position(n.Pos()).Line)
}

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		if s.lines > maxFileLines {
			t.Errorf("%s has %d lines, at most %d", s.path, s.lines, maxFileLines)
		}
		for _, d := range s.tree.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			lines := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line + 1
			if lines > maxFunctionLines {
				t.Errorf("%s: %s has %d lines, at most %d", s.at(f), f.Name.Name, lines, maxFunctionLines)
			}
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			if i, ok := n.(*ast.InterfaceType); ok && i.Methods.NumFields() > maxMethods {
				t.Errorf("%s: an interface of %d methods, at most %d", s.at(i), i.Methods.NumFields(), maxMethods)
			}
			return true
		})
	}
}

func TestHeaders(t *testing.T) {
	packages, documented := map[string]bool{}, map[string]bool{}
	for _, s := range sources(t) {
		if !strings.HasPrefix(s.text, "// SPDX-License-Identifier: Apache-2.0\n\n") {
			t.Errorf("%s does not begin with the licence line", s.path)
		}
		if s.test {
			continue
		}
		packages[s.pkg] = true
		if s.tree.Doc != nil {
			documented[s.pkg] = true
		}
	}
	for p := range packages {
		if !documented[p] {
			t.Errorf("package %s has no package comment", p)
		}
	}
}

// unfinished are words that have no place in a released program.
var unfinished = []string{"TODO", "FIXME", "XXX", "not implemented", "unimplemented"}

func TestNothingIsUnfinished(t *testing.T) {
	for _, s := range sources(t) {
		if s.pkg == "internal/tidy" {
			continue
		}
		for _, w := range unfinished {
			if i := strings.Index(s.text, w); i >= 0 {
				t.Errorf("%s:%d: %q", s.path, 1+strings.Count(s.text[:i], "\n"), w)
			}
		}
		for _, name := range []string{"util", "utils", "common", "base", "manager", "helpers"} {
			if path.Base(s.pkg) == name {
				t.Errorf("package %s: a package is named after what it is", s.pkg)
			}
		}
	}
}

// TestSkipsSayWhy wants every skip to go through package require, which turns
// it into a failure where the machine was promised to have what is missing.
func TestSkipsSayWhy(t *testing.T) {
	for _, s := range sources(t) {
		if s.pkg == "internal/testnet/require" || s.pkg == "internal/tidy" {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if ok && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
				t.Errorf("%s: skips without package require", s.at(call))
			}
			return true
		})
	}
}
