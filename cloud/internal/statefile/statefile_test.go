// SPDX-License-Identifier: Apache-2.0

package statefile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

type state struct{ N int }

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "state.json")
	var got state
	if err := Read(path, &got); !Absent(err) {
		t.Fatalf("absent file: %v", err)
	}
	for n := 1; n < 4; n++ {
		if err := Write(path, state{n}); err != nil {
			t.Fatal(err)
		}
		if err := Read(path, &got); err != nil || got.N != n {
			t.Fatalf("read %+v, %v", got, err)
		}
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if len(left) != 1 {
		t.Fatalf("left behind: %v", left)
	}
	st, _ := os.Stat(path)
	if st.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v", st.Mode())
	}
}

func TestEveryDamageIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	if err := Write(path, state{7}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole = whole[:len(whole)-1] // the newline carries nothing
	for i := range whole {
		cut := append([]byte{}, whole[:i]...)
		flipped := append([]byte{}, whole...)
		flipped[i] ^= 0x01
		for _, bad := range [][]byte{cut, flipped} {
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			got := state{99}
			if err := Read(path, &got); !errors.Is(err, ErrCorrupt) || got.N != 99 {
				t.Fatalf("byte %d: %q read as %+v, %v", i, bad, got, err)
			}
		}
	}
}
