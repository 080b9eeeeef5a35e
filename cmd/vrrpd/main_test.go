// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"strconv"
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
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exitcode": exitCode},
	})
}

// exitCode runs a program and compares its exit code: exitcode 2 vrrpd nonsense.
func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
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
