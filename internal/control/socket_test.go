// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/control"
)

func TestClient(t *testing.T) {
	b := &backend{status: full()}
	c := control.Dial(serve(t, b))
	got, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(got)
	want, _ := json.Marshal(b.status)
	if string(text) != string(want) {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	d, err := c.Decisions(t.Context(), "VI_1")
	if err != nil || len(d) != 1 || d[0].Text != "BACKUP -> MASTER" || !d[0].At.Equal(at(1)) {
		t.Errorf("%v, %v", d, err)
	}
	var done struct{}
	if err := c.Do(t.Context(), control.Command{Verb: "failover", Name: "a/b c"}, &done); err != nil || b.got.Name != "a/b c" {
		t.Errorf("%v, %+v", err, b.got)
	}
}

// A name is whatever the configuration says, a path's slash included.
func TestClientEscapesNames(t *testing.T) {
	s := full()
	s.Instances[0].Name = "lan/v4 50%"
	d, err := control.Dial(serve(t, &backend{status: s})).Decisions(t.Context(), "lan/v4 50%")
	if err != nil || len(d) != 1 {
		t.Errorf("%v, %v", d, err)
	}
}

func TestClientErrors(t *testing.T) {
	c := control.Dial(serve(t, &backend{status: full(), err: fmt.Errorf("%w: line 7", control.ErrRejected)}))
	var refused *control.Refused
	err := c.Do(t.Context(), control.Command{Verb: "reload"}, new(any))
	if !errors.As(err, &refused) || refused.Error() != "rejected: line 7" {
		t.Fatalf("%v, want the daemon's own words", err)
	}
	var lines []string
	if err := json.Unmarshal(refused.Detail, &lines); err != nil || !reflect.DeepEqual(lines, []string{"line 3: unknown word"}) {
		t.Errorf("detail %s, %v", refused.Detail, err)
	}
	if _, err := c.Status(t.Context()); !errors.As(err, &refused) {
		t.Errorf("status: %v", err)
	}
	if err := c.Do(t.Context(), control.Command{Verb: "no/such"}, new(any)); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("an answer that is not ours: %v, want its code", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Status(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want it cancelled", err)
	}
}

func TestClientWithoutDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vrrpd.sock")
	_, err := control.Dial(path).Status(t.Context())
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v, want it to name the socket", err)
	}
}

func TestListen(t *testing.T) {
	stale := func(t *testing.T, path string) {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		l.Close()
	}
	file := func(t *testing.T, path string) {
		if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(t *testing.T, path string) {
		if err := os.Symlink("/etc/passwd", path); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		before  func(*testing.T, string)
		refused string
	}{
		{"nothing there", func(*testing.T, string) {}, ""},
		{"left over", stale, ""},
		{"a file", file, "not a socket"},
		{"a link", link, "not a socket"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "vrrpd.sock")
			c.before(t, path)
			l, err := control.Listen(path)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), path) {
					t.Errorf("%v, want %q", err, c.refused)
				}
				if _, err := os.Lstat(path); err != nil {
					t.Errorf("what was there is gone: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if info, err := os.Lstat(path); err != nil || info.Mode() != fs.ModeSocket|0o660 {
				t.Errorf("%v, %v; want a socket for root and its group", info.Mode(), err)
			}
		})
	}
}

// A second daemon does not take the socket from one that lives.
func TestListenBesideAnother(t *testing.T) {
	path := serve(t, &backend{status: full()})
	if _, err := control.Listen(path); err == nil || !strings.Contains(err.Error(), "another daemon") {
		t.Errorf("%v", err)
	}
	if _, err := control.Dial(path).Status(t.Context()); err != nil {
		t.Errorf("the first one lost its socket: %v", err)
	}
}

func TestListenNeedsItsDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Listen(filepath.Join(file, "vrrpd.sock")); err == nil {
		t.Error("a socket below a file")
	}
	if _, err := control.Listen(filepath.Join(t.TempDir(), strings.Repeat("x", 200))); err == nil {
		t.Error("a path longer than the kernel takes")
	}
}

func TestServeOnClosedListener(t *testing.T) {
	l, err := control.Listen(filepath.Join(t.TempDir(), "vrrpd.sock"))
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := control.Serve(t.Context(), l, &backend{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
}
