// SPDX-License-Identifier: Apache-2.0

package diag

import (
	"encoding/json"
	"strings"
	"testing"
)

func sample() Diagnostic {
	return Diagnostic{
		Severity: Warning, File: "k.conf", Line: 3, Column: 2, EndColumn: 11, Text: "\tnopreempt false", Rule: "x",
		What: "nopreempt false means nopreempt", Why: "the word is ignored", Instead: "nopreempt",
	}
}

func TestRender(t *testing.T) {
	for _, c := range []struct {
		name  string
		d     Diagnostic
		style Style
		want  string
	}{
		{"underlined", sample(), Style{}, "k.conf:3:2: warning: nopreempt false means nopreempt\n    3 | \tnopreempt false\n      | \t^~~~~~~~~\n      = why: the word is ignored\n      = write: nopreempt\n"},
		{"brief", sample(), Style{Brief: true}, "k.conf:3:2: warning: nopreempt false means nopreempt: the word is ignored (write: nopreempt)\n"},
		{"whole file", Diagnostic{Severity: Error, File: "k.conf", What: "no"}, Style{}, "k.conf: error: no\n"},
		{"hostile text", Diagnostic{Severity: Hint, File: "k", Line: 1, Column: 90, EndColumn: 95, Text: "a\x1b[2J", What: "b\x07"}, Style{}, "k:1:90: hint: b\uFFFD\n    1 | a\uFFFD[2J\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			if err := Render(&b, Diagnostics{c.d}, c.style); err != nil {
				t.Fatal(err)
			}
			if b.String() != c.want {
				t.Errorf("got\n%q\nwant\n%q", b.String(), c.want)
			}
		})
	}
	var b strings.Builder
	if err := Render(&b, Diagnostics{sample()}, Style{Color: true}); err != nil || !strings.Contains(b.String(), "\x1b[33m") {
		t.Errorf("no colour: %v %q", err, b.String())
	}
}

func TestSortAndBound(t *testing.T) {
	var c Collector
	for i := range maxFindings + 5 {
		c.Add(Diagnostic{File: "a", Line: maxFindings - i%7, Severity: Hint, What: "x"})
	}
	c.Add(Diagnostic{File: "a", Line: 1, Severity: Error, What: "late"})
	all := c.All()
	if len(all) != maxFindings+1 || !all.HasErrors() || all[0].What != "late" {
		t.Errorf("%d findings, first %v: an error that comes late must not be lost", len(all), all[0])
	}
	if last := all[len(all)-1]; !strings.HasPrefix(last.What, "6 more") {
		t.Errorf("the last finding is %q", last.What)
	}
}

func TestSeverityText(t *testing.T) {
	b, err := json.Marshal(sample())
	if err != nil || !strings.Contains(string(b), `"severity":"warning"`) {
		t.Fatalf("%s %v", b, err)
	}
	var d Diagnostic
	if err := json.Unmarshal(b, &d); err != nil || d != sample() {
		t.Errorf("%+v %v", d, err)
	}
	var s Severity
	if s.UnmarshalText([]byte("fatal")) == nil {
		t.Error("an unknown severity is accepted")
	}
}
