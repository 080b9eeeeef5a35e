// SPDX-License-Identifier: Apache-2.0

//go:build linux

package proc

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/testnet/require"
)

func TestEnvironment(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/systemd/notify")
	t.Setenv("WATCHDOG_USEC", "1")
	t.Setenv("VRRPD_TEST_KEEP", "yes")
	env := Environ(&Identity{User: "someone", Home: "/home/someone"})
	for _, want := range []string{"VRRPD_TEST_KEEP=yes", "HOME=/home/someone", "USER=someone", "LOGNAME=someone", "SHELL=/bin/sh"} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, kv := range env {
		if strings.HasPrefix(kv, "NOTIFY_SOCKET=") || strings.HasPrefix(kv, "WATCHDOG_USEC=") {
			t.Errorf("%s was handed on", kv)
		}
	}
}

func TestLookup(t *testing.T) {
	root, err := Lookup("root", "")
	if err != nil || root.UID != 0 || root.GID != 0 || root.User != "root" {
		t.Errorf("root: %+v, %v", root, err)
	}
	byNumber, err := Lookup("0", "12")
	if err != nil || byNumber.User != "root" || byNumber.GID != 12 {
		t.Errorf("0: %+v, %v", byNumber, err)
	}
	unlisted, err := Lookup("4000000001", "4000000002")
	if err != nil || unlisted.UID != 4000000001 || unlisted.GID != 4000000002 || unlisted.User != "" {
		t.Errorf("number without an entry: %+v, %v", unlisted, err)
	}
	for _, tc := range []struct{ user, group, want string }{
		{"no such user", "", `user "no such user": not found in /etc/passwd`},
		{"root", "no such group", `group "no such group": not found in /etc/group`},
		{"4000000001", "", "user 4000000001 is not in /etc/passwd: name its group too"},
	} {
		if _, err := Lookup(tc.user, tc.group); err == nil || err.Error() != tc.want {
			t.Errorf("%s %s: got %v", tc.user, tc.group, err)
		}
	}
}

func TestTrusted(t *testing.T) {
	sh, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/bin/sh", sh} {
		if err := Trusted(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := Trusted("bin/sh"); err == nil {
		t.Error("a relative path was trusted")
	}
	if err := Trusted("/no/such/file"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestUntrusted(t *testing.T) {
	require.Need(t, require.Root)
	// Not t.TempDir: that is below a directory everybody can write to.
	dir, err := os.MkdirTemp("/var", "vrrpd-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Trusted(script); err != nil {
		t.Errorf("before: %v", err)
	}
	for _, spoil := range []struct {
		name string
		do   func() error
	}{
		{"file writable by all", func() error { return os.Chmod(script, 0o757) }},
		{"file of another user", func() error { return errors.Join(os.Chmod(script, 0o755), os.Chown(script, 1, 0)) }},
		{"file writable by a group", func() error {
			return errors.Join(os.Chown(script, 0, 1), os.Chmod(script, 0o775))
		}},
		{"directory writable by all", func() error { return errors.Join(os.Chmod(script, 0o755), os.Chmod(dir, 0o777)) }},
	} {
		if err := spoil.do(); err != nil {
			t.Fatal(err)
		}
		if err := Trusted(script); !errors.Is(err, ErrUntrusted) {
			t.Errorf("%s: %v", spoil.name, err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("/bin/sh", link); err != nil {
		t.Fatal(err)
	}
	if err := Trusted(link); !errors.Is(err, ErrUntrusted) {
		t.Errorf("link in a directory of everybody: %v", err)
	}
}
