// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/govrrp/vrrpd/internal/config"
)

// update rewrites generated documents instead of comparing them.
var update = flag.Bool("update", false, "rewrite docs/keepalived.md")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"vrrpd":      main,
		"keepalived": main,
	})
}

// TestCommands runs the sessions in testdata/script as a user would.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}

// TestKeywordReference holds docs/keepalived.md to the keyword table.
func TestKeywordReference(t *testing.T) {
	const path = "../../docs/keepalived.md"
	if *update {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := config.WriteReference(f); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want writer
	if err := config.WriteReference(&want); err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is not what the keyword table says: go test ./cmd/vrrpd -run KeywordReference -update", path)
	}
}

type writer []byte

func (w *writer) Write(b []byte) (int, error) {
	*w = append(*w, b...)
	return len(b), nil
}
