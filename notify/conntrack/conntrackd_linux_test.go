// SPDX-License-Identifier: Apache-2.0

package conntrack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/notify/script"
)

func TestMain(m *testing.M) { netns.Main(m) }

const conntrackdConf = `
Sync {
	Mode FTFW {
	}
	UDP {
		IPv4_address %[1]s
		IPv4_Destination_Address %[2]s
		Port 3780
		Interface sync
		Checksum on
	}
}
General {
	HashSize 1024
	HashLimit 4096
	LogFile off
	LockFile %[3]s/lock
	UNIX {
		Path %[3]s/ctl
	}
	Filter From Kernelspace {
		Protocol Accept {
			TCP
		}
	}
}
`

// router returns a target whose conntrackd lives in the host.
func router(t *testing.T, h *netns.Host, own, peer string) (*Target, Config) {
	t.Helper()
	dir := t.TempDir()
	c := Config{File: filepath.Join(dir, "conf"), LockFile: filepath.Join(dir, "lock")}
	if err := os.WriteFile(c.File, fmt.Appendf(nil, conntrackdConf, own, peer, dir), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Run = func(_ context.Context, argv ...string) script.Result {
		out, err := h.Try(argv...)
		if err != nil {
			err = errors.Join(script.ErrExit, err)
		}
		return script.Result{Output: strings.TrimSpace(out), Err: err}
	}
	return New(c), c
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s did not come", what)
		}
	}
}

// TestRealConntrackd: a connection that one router tracks is in the kernel of the other
// after that one has become MASTER.
func TestRealConntrackd(t *testing.T) {
	require.Need(t, require.NetNS)
	require.Peer(t, "conntrackd")
	require.Peer(t, "conntrack")
	lab := netns.New(t)
	a := lab.Host("a", netns.NIC{Name: "sync", Segment: "sync", Addresses: []string{"10.0.0.1/24"}})
	b := lab.Host("b", netns.NIC{Name: "sync", Segment: "sync", Addresses: []string{"10.0.0.2/24"}})
	first, _ := router(t, a, "10.0.0.1", "10.0.0.2")
	second, conf := router(t, b, "10.0.0.2", "10.0.0.1")

	for name, target := range map[string]*Target{"a": first, "b": second} {
		o := target.Notify(t.Context(), event(notify.Backup))
		if !strings.Contains(o.Output, "did not run and was started") {
			t.Fatalf("%s: conntrackd was not started: %v\n%s", name, o.Err, o.Output)
		}
		eventually(t, "conntrackd of "+name, func() bool {
			o = target.Notify(t.Context(), event(notify.Backup))
			return o.Err == nil
		})
		if strings.Contains(o.Output, "was started") {
			t.Errorf("%s: started again although alive: %s", name, o.Output)
		}
	}
	if o := first.Notify(t.Context(), event(notify.Master)); o.Err != nil {
		t.Fatal(o.Err)
	}
	a.Exec("conntrack", "-I", "-p", "tcp", "-s", "192.0.2.1", "-d", "198.51.100.1", "--sport", "1234", "--dport", "80",
		"--state", "ESTABLISHED", "-u", "ASSURED,SEEN_REPLY", "-t", "600")
	eventually(t, "the entry in the other's cache", func() bool {
		cache, err := b.Try("conntrackd", "-C", conf.File, "-e")
		return err == nil && strings.Contains(cache, "192.0.2.1")
	})
	if table := b.Exec("conntrack", "-L"); strings.Contains(table, "192.0.2.1") {
		t.Fatalf("in the kernel before MASTER: %s", table)
	}
	began := time.Now()
	o := second.Notify(t.Context(), event(notify.Master))
	t.Logf("MASTER took %v\n%s", time.Since(began), o.Output)
	if o.Err != nil {
		t.Fatal(o.Err)
	}
	if table := b.Exec("conntrack", "-L"); !strings.Contains(table, "sport=1234 dport=80") {
		t.Errorf("not in the kernel of the new MASTER: %s", table)
	}
	for _, s := range []notify.State{notify.Backup, notify.Fault, notify.Stop} {
		if o := second.Notify(t.Context(), event(s)); o.Err != nil {
			t.Errorf("%s: %v", s, o.Err)
		}
	}
	if err := first.Bulk(t.Context()); err != nil {
		t.Error(err)
	}
}
