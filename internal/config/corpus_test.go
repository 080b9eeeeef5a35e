// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

var update = flag.Bool("update", false, "write the golden files of testdata")

// TestCorpus reads each file of testdata/corpus and compares the model and the findings with the file beside it.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/corpus/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".conf"), func(t *testing.T) {
			cfg, ds, err := Load(f, Options{ConfigID: "node1", Getenv: func(string) string { return "from-env" }})
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			model, err := MarshalModel(cfg)
			if err != nil {
				t.Fatal(err)
			}
			got.Write(model)
			got.WriteString("\n\n")
			if err := diag.Render(&got, ds, diag.Style{}); err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(f, ".conf")+".golden", got.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; run go test -update after looking at it\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}
