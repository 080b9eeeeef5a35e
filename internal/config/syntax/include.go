// SPDX-License-Identifier: Apache-2.0

package syntax

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

// Files is what the reader needs of a file system.
type Files interface {
	// ReadFile returns at most limit+1 bytes of a regular file. A file with an execute bit is [ErrExecutable].
	ReadFile(name string, limit int) ([]byte, error)
	// Glob lists the files that match a pattern of filepath.Match, sorted.
	Glob(pattern string) ([]string, error)
}

// The files that the dialect refuses to read.
var (
	ErrExecutable = errors.New("the file is executable; a configuration file must not be")
	ErrNotRegular = errors.New("not a regular file")
)

// OS is the real file system.
type OS struct{}

// ReadFile implements [Files].
func (OS) ReadFile(name string, limit int) ([]byte, error) {
	// Looked at before it is opened: opening a FIFO would wait for a writer.
	st, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%s: %w", name, ErrNotRegular)
	case st.Mode().Perm()&0o111 != 0:
		return nil, fmt.Errorf("%s: %w", name, ErrExecutable)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, int64(limit)+1))
}

// Glob implements [Files].
func (OS) Glob(pattern string) ([]string, error) { return filepath.Glob(pattern) }

// includeLevel says what is a fault in an include statement.
type includeLevel struct{ unreadable, noMatch, noWildcardMatch, noBraceMatch bool }

var includeLevels = map[string]includeLevel{
	"include":  {},
	"includer": {unreadable: true},
	"includem": {noMatch: true},
	"includew": {noMatch: true, noWildcardMatch: true},
	"includeb": {noBraceMatch: true},
	"includea": {unreadable: true, noMatch: true, noWildcardMatch: true, noBraceMatch: true},
}

// include handles an include line; false if the line is something else.
func (r *reader) include(t text) bool {
	end := strings.IndexAny(t.s, " \t")
	if end < 0 {
		end = len(t.s)
	}
	level, ok := includeLevels[t.s[:end]]
	if !ok {
		return false
	}
	arg := t.slice(end, len(t.s)).trim()
	pattern := strings.Trim(arg.s, `"`)
	at := arg.pos(0, len(arg.s))
	if pattern == "" {
		r.add(t.pos(0, end), diag.Error, "missing-argument", t.s[:end]+" names no file", "keepalived refuses to run", t.s[:end]+" PATTERN")
		return true
	}
	if len(r.stack) >= maxIncludeDepth {
		r.add(at, diag.Error, "include-depth", fmt.Sprintf("files include each other more than %d deep", maxIncludeDepth), "the include is skipped", "")
		return true
	}
	alternatives, whole := braces(pattern)
	if !whole {
		r.add(at, diag.Error, "include-pattern", "the braces of this pattern give too many names", "the include is skipped", "fewer alternatives")
		return true
	}
	r.includeAll(at, alternatives, level)
	return true
}

func (r *reader) includeAll(at Pos, alternatives []string, level includeLevel) {
	any := false
	for _, pattern := range alternatives {
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(r.dir(), pattern)
		}
		names, err := r.opts.Files.Glob(pattern)
		if err != nil {
			r.add(at, diag.Warning, "include-pattern", fmt.Sprintf("the pattern %s cannot be read", pattern), "nothing is included", "a pattern of *, ? and [a-z]")
			continue
		}
		if len(names) == 0 && level.noBraceMatch && len(alternatives) > 1 {
			r.add(at, diag.Error, "include-missing", "no file matches "+pattern, "this include wants each of its alternatives", "include, if the file may be absent")
		}
		any = any || len(names) > 0
		for _, name := range names {
			r.includeFile(at, name, level)
		}
	}
	if any {
		return
	}
	wild := strings.ContainsAny(strings.Join(alternatives, ""), "*?[")
	sev, why := diag.Hint, "nothing is included; the plain include says nothing about it"
	if level.noMatch && !wild || level.noWildcardMatch && wild {
		sev, why = diag.Error, "keepalived refuses to run"
	} else if wild {
		return // an empty conf.d directory is the normal case
	}
	r.add(at, sev, "include-missing", "no file matches "+alternatives[0], why, "a path that exists")
}

func (r *reader) includeFile(at Pos, name string, level includeLevel) {
	if slices.Contains(r.stack, name) {
		r.add(at, diag.Error, "include-loop", name+" includes itself", "the inner include is skipped", "")
		return
	}
	if len(r.tree.Files) >= maxFiles {
		if len(r.tree.Files) == maxFiles {
			r.add(at, diag.Error, "too-many-files", fmt.Sprintf("more than %d files are included", maxFiles), "the rest is skipped", "")
			r.tree.Files = append(r.tree.Files, name)
		}
		return
	}
	content, err := r.opts.Files.ReadFile(name, r.left)
	if err != nil {
		sev := diag.Warning
		if level.unreadable && !errors.Is(err, fs.ErrNotExist) {
			sev = diag.Error
		}
		r.add(at, sev, "include-unreadable", "cannot include "+name+": "+reason(err), "the file is skipped", "")
		return
	}
	r.file(name, content)
}

func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	for _, known := range []error{ErrExecutable, ErrNotRegular} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return err.Error()
}

// braces expands {a,b} alternatives, at most 1000 of them.
func braces(pattern string) ([]string, bool) {
	out := []string{pattern}
	for i := 0; i < len(out); {
		open := strings.IndexByte(out[i], '{')
		length := 0
		if open >= 0 {
			length = strings.IndexByte(out[i][open:], '}')
		}
		if open < 0 || length < 0 {
			i++
			continue
		}
		head, tail := out[i][:open], out[i][open+length+1:]
		var with []string
		for _, alt := range strings.Split(out[i][open+1:open+length], ",") {
			with = append(with, head+alt+tail)
		}
		out = slices.Replace(out, i, i+1, with...)
		if len(out) > 1000 {
			return nil, false
		}
	}
	return out, true
}
