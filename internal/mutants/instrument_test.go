// SPDX-License-Identifier: Apache-2.0

package mutants

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mutant is one wrong expression that can be switched on.
type mutant struct {
	pkg  string
	id   int
	pos  token.Position
	what string
}

// edit replaces size bytes at offset. Texts at one offset keep this order:
// closing ones, inner before outer, then opening ones, outer before inner.
type edit struct {
	offset, size int
	text         string
	closing      bool
	seq          int
}

// instrument rewrites the sources of one package and returns them by path.
type instrument struct {
	t       *testing.T
	pkg     string
	fset    *token.FileSet
	info    *types.Info
	self    *types.Package
	edits   []edit
	mutants []mutant
	skip    map[ast.Expr]bool // must stay constant, or is not worth it
}

// rewrite returns the instrumented sources of the package in dir.
func rewrite(t *testing.T, pkg, dir string) (map[string][]byte, []mutant) {
	t.Helper()
	in := &instrument{t: t, pkg: pkg, fset: token.NewFileSet(), skip: map[ast.Expr]bool{}}
	in.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(in.fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	check := types.Config{Importer: importer.ForCompiler(in.fset, "source", nil)}
	if in.self, err = check.Check("github.com/govrrp/vrrpd/"+pkg, in.fset, files, in.info); err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{filepath.Join(dir, "zz_mutants.go"): helpers(pkg)}
	for _, f := range files {
		path := in.fset.Position(f.Pos()).Filename
		out[path] = in.file(f, path)
	}
	return out, in.mutants
}

func (in *instrument) file(f *ast.File, path string) []byte {
	src, err := os.ReadFile(path)
	if err != nil {
		in.t.Fatal(err)
	}
	in.edits = nil
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil && fn.Name.Name != "String" && fn.Name.Name != "GoString" {
			ast.Inspect(fn.Body, in.visit)
		}
	}
	slices.SortFunc(in.edits, func(a, b edit) int {
		switch {
		case a.offset != b.offset:
			return cmp.Compare(a.offset, b.offset)
		case a.closing != b.closing:
			if a.closing {
				return -1
			}
			return 1
		case a.closing:
			return cmp.Compare(b.seq, a.seq)
		}
		return cmp.Compare(a.seq, b.seq)
	})
	var out []byte
	at := 0
	for _, e := range in.edits {
		out = append(append(out, src[at:e.offset]...), e.text...)
		at = e.offset + e.size
	}
	return append(out, src[at:]...)
}

func (in *instrument) add(at token.Pos, size int, text string, closing bool) {
	in.edits = append(in.edits, edit{in.fset.Position(at).Offset, size, text, closing, len(in.edits)})
}

// open starts a call of a helper that takes the place of e.
func (in *instrument) open(e ast.Expr, helper, what string) {
	id := len(in.mutants) + 1
	in.mutants = append(in.mutants, mutant{in.pkg, id, in.fset.Position(e.Pos()), what})
	in.add(e.Pos(), 0, fmt.Sprintf("%s(%d, ", helper, id), false)
}

func (in *instrument) close(e ast.Expr, text string) { in.add(e.End(), 0, text, true) }

func (in *instrument) wrap(e ast.Expr, helper, what string) {
	in.open(e, helper, what)
	in.close(e, ")")
}

func (in *instrument) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ArrayType, *ast.GenDecl:
		return false // lengths and local constants stay constant
	case *ast.KeyValueExpr:
		ast.Inspect(n.Value, in.visit)
		return false
	case *ast.BinaryExpr:
		in.binary(n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			in.wrap(n, "mutFlip", "! dropped")
		}
	case *ast.CallExpr:
		in.call(n)
	case *ast.BasicLit:
		if n.Kind == token.INT {
			in.number(n, n.Value)
		}
	case *ast.Ident:
		in.ident(n)
	case *ast.SelectorExpr:
		ast.Inspect(n.X, in.visit)
		return false
	}
	return true
}

func (in *instrument) binary(n *ast.BinaryExpr) {
	tv := in.info.Types[n]
	if tv.Value != nil {
		return // a constant: its parts are mutated
	}
	operands := in.info.Types[n.X].Type
	helper := map[token.Token]string{
		token.LSS: "mutLess", token.LEQ: "mutAtMost", token.GTR: "mutMore", token.GEQ: "mutAtLeast",
		token.ADD: "mutAdd", token.SUB: "mutSub", token.MUL: "mutMul", token.QUO: "mutDiv", token.REM: "mutRem",
	}[n.Op]
	switch n.Op {
	case token.EQL, token.NEQ:
		in.wrap(n, "mutFlip", n.Op.String()+" negated")
	case token.LAND, token.LOR:
		name := map[token.Token]string{token.LAND: "mutAnd", token.LOR: "mutOr"}[n.Op]
		in.open(n, name, n.Op.String()+" swapped")
		in.add(n.OpPos, 2, ", func() bool { return (", false)
		in.close(n, ")})")
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		in.wrap(n, "mutFlip", n.Op.String()+" negated")
		in.infix(n, helper, n.Op.String()+" at its boundary")
	case token.ADD, token.SUB, token.MUL, token.QUO, token.REM:
		if b, ok := operands.Underlying().(*types.Basic); ok && b.Info()&types.IsNumeric != 0 {
			in.infix(n, helper, n.Op.String()+" inverted")
		}
	case token.SHL, token.SHR:
		in.skip[n.Y] = true
	}
}

func (in *instrument) infix(n *ast.BinaryExpr, helper, what string) {
	in.open(n, helper, what)
	in.add(n.OpPos, len(n.Op.String()), ",", false)
	in.close(n, ")")
}

// call mutates the comparisons and sums of time.Time.
func (in *instrument) call(n *ast.CallExpr) {
	sel, ok := n.Fun.(*ast.SelectorExpr)
	if !ok || in.info.Selections[sel] == nil || in.info.Types[sel.X].Type.String() != "time.Time" {
		return
	}
	helper := map[string]string{"Before": "mutBefore", "After": "mutAfter", "Add": "mutTime"}[sel.Sel.Name]
	if helper == "" {
		return
	}
	if helper != "mutTime" {
		in.wrap(n, "mutFlip", sel.Sel.Name+" negated")
	}
	in.open(n, helper, map[bool]string{true: "Add of the negative", false: sel.Sel.Name + " at its boundary"}[helper == "mutTime"])
	dot := sel.X.End()
	in.add(dot, int(n.Lparen-dot)+1, ", ", false)
}

// ident mutates true, false and the numeric constants of the package.
func (in *instrument) ident(n *ast.Ident) {
	c, ok := in.info.Uses[n].(*types.Const)
	switch {
	case !ok:
	case n.Name == "true" || n.Name == "false":
		if in.info.Types[n].Type.String() == "bool" || in.info.Types[n].Type.String() == "untyped bool" {
			in.wrap(n, "mutFlip", n.Name+" negated")
		}
	case c.Pkg() == in.self:
		in.number(n, n.Name)
	}
}

// number mutates a number whose type is a plain one, to one more.
func (in *instrument) number(e ast.Expr, text string) {
	t := in.info.Types[e].Type
	if t == nil || in.skip[e] {
		return
	}
	if b, ok := t.Underlying().(*types.Basic); !ok || b.Info()&types.IsInteger == 0 {
		return
	}
	name := types.TypeString(t, func(p *types.Package) string {
		if p == in.self {
			return ""
		}
		return p.Name()
	})
	_, isIdent := e.(*ast.Ident)
	if isIdent && name != "int" && name != "untyped int" && name != "time.Duration" {
		return // an enumeration
	}
	if strings.HasPrefix(name, "untyped") {
		name = "int"
	}
	if text == "0" && name == "time.Duration" {
		return // no time or a nanosecond: nobody could tell
	}
	if strings.HasPrefix(name, "vrrp.") || strings.HasPrefix(name, "time.") && !in.imports(e, "time") {
		return
	}
	in.wrap(e, "mutNumber["+name+"]", text+" plus one")
}

// imports reports whether the file of e imports a package.
func (in *instrument) imports(e ast.Expr, name string) bool {
	src, err := os.ReadFile(in.fset.Position(e.Pos()).Filename)
	return err == nil && strings.Contains(string(src), `"`+name+`"`)
}
