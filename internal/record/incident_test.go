// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what recordings in testdata decide today")

// TestIncidents replays every recording in testdata and compares each decision
// with the transcript beside it. To keep an incident from coming back, copy
// its recording there, run
//
//	go test ./internal/record -run TestIncidents -update
//
// and read, and put right, what NAME.txt says was decided.
func TestIncidents(t *testing.T) {
	files, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		if err := check(path, *update); err != nil {
			t.Error(err)
		}
	}
}

// check compares a recording's decisions with its transcript, or writes that.
func check(path string, update bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var got strings.Builder
	if err := Replay(f, &got); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	transcript := strings.TrimSuffix(path, ".jsonl") + ".txt"
	if update {
		return os.WriteFile(transcript, []byte(got.String()), 0o644)
	}
	want, err := os.ReadFile(transcript)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has no transcript: run with -update", path)
	}
	if err == nil && got.String() != string(want) {
		err = fmt.Errorf("%s decides otherwise than %s:\n%s", path, transcript, got.String())
	}
	return err
}

// TestIncidentIsCopied: a recording becomes a test by being there, one that
// fails until its transcript has been written, and whenever a decision differs.
func TestIncidentIsCopied(t *testing.T) {
	l := live(t, 3)
	path := filepath.Join(t.TempDir(), "monday.jsonl")
	w, err := Create(path, l.cfg, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for i := range min(200, len(l.in)) {
		w.Record(l.now[i], l.in[i])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := check(path, false); err == nil || !strings.Contains(err.Error(), "-update") {
		t.Errorf("without a transcript: %v", err)
	}
	if err := errors.Join(check(path, true), check(path, false)); err != nil {
		t.Error(err)
	}
	transcript := strings.TrimSuffix(path, ".jsonl") + ".txt"
	text, err := os.ReadFile(transcript)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "-> BACKUP", "-> MASTER", 1)
	if err := os.WriteFile(transcript, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := check(path, false); err == nil || !strings.Contains(err.Error(), "decides otherwise") {
		t.Errorf("another decision: %v", err)
	}
}
