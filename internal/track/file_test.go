// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestNumbersInFiles(t *testing.T) {
	for text, want := range map[string]int{
		"5": 5, "  -17\n": -17, "+3 apples\n": 3, "0x10": 16, "010": 8, "0\n": 0, "2147483647": 2147483647,
	} {
		if got, err := parseNumber(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                        "the file is empty",
		" \n\t":                   "the file is empty",
		"up":                      `"up" is not an integer`,
		"12abc":                   `"12abc" is not an integer`,
		"1_000":                   `"1_000" is not an integer`,
		"08":                      `"08" is not an integer`,
		"1.5":                     `"1.5" is not an integer`,
		"2147483648":              "2147483648 is out of range",
		"99999999999999999999":    "99999999999999999999 is out of range",
		strings.Repeat("x", 3000): `"` + strings.Repeat("x", 32) + `…" is not an integer`,
	} {
		if _, err := parseNumber(text); err == nil || err.Error() != want {
			t.Errorf("%.20q: got %v, want %s", text, err, want)
		}
	}
}

func FuzzNumbersInFiles(f *testing.F) {
	f.Add("12 ")
	f.Add("-0x7fffffffff")
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseNumber(text); err != nil && n != 0 {
			t.Errorf("%q: %d with error %v", text, n, err)
		}
	})
}

// deaf is a system that tells nothing about files.
func deaf() edges {
	return edges{watchFile: func(context.Context, string, func()) error { return errors.ErrUnsupported }}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFileByPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "value")
		b := newBench(t, deaf(), File{Name: "f", Path: path})
		b.at(200 * time.Millisecond)
		b.expect(t, "100ms f bad: no such file or directory")
		write(t, path, "7\n")
		b.at(1200 * time.Millisecond)
		b.expect(t, "1.1s f 7")
		write(t, path, "garbage")
		b.at(3 * time.Second)
		b.expect(t, `2.2s f bad: "garbage" is not an integer`)
		if st := b.Status()[0]; !strings.HasPrefix(st.Source, "polling every 1s: ") {
			t.Errorf("source %q", st.Source)
		}
	})
}

func TestFileBeingRewrittenIsNoFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "value")
		write(t, path, "7\n")
		nudges := make(chan func(), 1)
		e := edges{watchFile: func(ctx context.Context, _ string, nudge func()) error {
			nudges <- nudge
			<-ctx.Done()
			return nil
		}}
		b := newBench(t, e, File{Name: "f", Path: path})
		nudge := <-nudges
		b.at(0)
		b.expect(t, "0s f 7")
		write(t, path, "") // the writer empties the file …
		nudge()
		b.at(50 * time.Millisecond)
		write(t, path, "8\n") // … and then fills it
		nudge()
		b.at(60 * time.Millisecond)
		b.expect(t, "50.001ms f 8")
		write(t, path, "")
		nudge()
		b.at(time.Second)
		b.expect(t, "160.001ms f bad: the file is empty")
		if st := b.Status()[0]; st.Source != "kernel events" || st.Last.Detail != "the file is empty" {
			t.Errorf("status %+v", st)
		}
	})
}

func TestInitFile(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	for _, tc := range []struct {
		file File
		want string
	}{
		{File{Path: there, Init: Leave, InitValue: 9}, "5"},
		{File{Path: there, Init: IfMissing, InitValue: 9}, "5"},
		{File{Path: there, Init: Overwrite, InitValue: 9}, "9\n"},
		{File{Path: filepath.Join(dir, "new"), Init: IfMissing, InitValue: -3}, "-3\n"},
	} {
		write(t, there, "5")
		if err := tc.file.initialize(); err != nil {
			t.Error(err)
		}
		if b, err := os.ReadFile(tc.file.Path); err != nil || string(b) != tc.want {
			t.Errorf("%+v: file holds %q, %v", tc.file, b, err)
		}
	}
	if err := (File{Path: filepath.Join(dir, "no", "dir"), Init: IfMissing}).initialize(); err == nil {
		t.Error("a file was written into a directory that is not there")
	}
}
