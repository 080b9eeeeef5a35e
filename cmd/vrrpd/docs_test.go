// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// called is a command line in a document: an indented line, or between `…`.
var called = regexp.MustCompile("(?m)(?:^ {4,}|`)(vrrpd [^`\n]*)")

// fenced is a block whose lines count as indented.
var fenced = regexp.MustCompile("(?ms)^```.*?^```")

// TestDocumentedCommands: every command line that a document shows is one that
// vrrpd understands.
func TestDocumentedCommands(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	clouds, err := filepath.Glob("../../docs/clouds/*.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, name := range append(append(pages, clouds...), "../../README.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		page := fenced.ReplaceAllStringFunc(string(text), func(block string) string { return strings.ReplaceAll(block, "\n", "\n    ") })
		for _, m := range called.FindAllStringSubmatch(page, -1) {
			if err := understood(m[1]); err != nil {
				t.Errorf("%s: %s: %v", name, m[1], err)
			}
			shown++
		}
	}
	if shown < 40 {
		t.Errorf("only %d command lines found", shown)
	}
}

// understood parses a command line up to where the shell would end it.
func understood(line string) error {
	var args []string
	for _, word := range strings.Fields(line)[1:] {
		if strings.ContainsAny(word, "#|&>;") || word == "…" {
			break
		}
		args = append(args, strings.Trim(word, `"'[]()`))
	}
	a := &app{stdout: io.Discard, stderr: io.Discard}
	c, rest, err := a.root().Find(args)
	if err != nil || len(args) == 0 {
		return err
	}
	return c.ParseFlags(rest)
}
