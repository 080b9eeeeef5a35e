// SPDX-License-Identifier: Apache-2.0

//go:build linux

package host_test

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/internal/host"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
	"github.com/govrrp/vrrpd/vrrp"
)

func TestMain(m *testing.M) { netns.Main(m) }

var (
	id4 = vrrp.ID{Interface: "ens3", VRID: 51, Family: vrrp.IPv4}
	id6 = vrrp.ID{Interface: "ens3", VRID: 51, Family: vrrp.IPv6}
)

// node is one host of the network with the code under test in it.
type node struct {
	*netns.Host
	t    *testing.T
	host *host.Host
}

// start returns a new run of the daemon's half on the same machine.
func (n *node) start() *node {
	return &node{n.Host, n.t, host.New(host.Options{Log: slog.New(slog.DiscardHandler)})}
}

func (n *node) configure(routers ...host.Router) {
	n.t.Helper()
	n.must(func() error { return n.host.Configure(context.Background(), routers) })
}

func (n *node) apply(id vrrp.ID, want host.Ownership) {
	n.t.Helper()
	n.must(func() error { return n.host.Apply(context.Background(), id, want) })
}

func (n *node) close() {
	n.t.Helper()
	n.must(func() error { return n.host.Close(context.Background()) })
}

// in runs f in the node's network namespace.
func (n *node) in(f func() error) error {
	var err error
	n.Do(func() { err = f() })
	return err
}

func (n *node) must(f func() error) {
	n.t.Helper()
	if err := n.in(f); err != nil {
		n.t.Fatal(err)
	}
}

// powerless runs f in the node's network namespace without the right to change
// anything there; f must fail.
func (n *node) powerless(f func() error) {
	n.t.Helper()
	err := n.in(func() error {
		head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var all [2]unix.CapUserData
		if err := unix.Capget(&head, &all[0]); err != nil {
			return nil
		}
		none := all
		none[0].Effective &^= 1 << unix.CAP_NET_ADMIN
		if err := unix.Capset(&head, &none[0]); err != nil {
			return nil
		}
		err := f()
		if err := unix.Capset(&head, &all[0]); err != nil {
			panic(err) // this thread is of no use any more
		}
		return err
	})
	if err == nil {
		n.t.Error("it succeeds without the right to")
	}
}

// has reports whether the output of a command has a line with all the words.
func (n *node) has(command string, words ...string) bool {
	n.t.Helper()
	out := n.Exec(strings.Fields(command)...)
	for line := range strings.Lines(out) {
		all := true
		for _, w := range words {
			all = all && strings.Contains(" "+strings.Join(strings.Fields(line), " ")+" ", " "+w+" ")
		}
		if all {
			return true
		}
	}
	return false
}

func (n *node) expect(want bool, command string, words ...string) {
	n.t.Helper()
	if n.has(command, words...) != want {
		n.t.Errorf("%s: line with %q: want %v, have\n%s", command, words, want, n.Exec(strings.Fields(command)...))
	}
}

// lan returns a node and a neighbour on one segment, the node with a second
// interface.
func lan(t *testing.T) (n, neighbour *node) {
	t.Helper()
	require.Need(t, require.NetNS)
	lab := netns.New(t)
	a := lab.Host("a",
		netns.NIC{Name: "ens3", Segment: "one", Addresses: []string{"10.0.0.1/24", "fe80::1/64", "2001:db8::1/64"}},
		netns.NIC{Name: "ens5", Segment: "two", Addresses: []string{"10.0.5.1/24"}})
	b := lab.Host("b",
		netns.NIC{Name: "ens3", Segment: "one", Addresses: []string{"10.0.0.2/24", "fe80::2/64", "2001:db8::2/64"}})
	return (&node{Host: a, t: t}).start(), (&node{Host: b, t: t}).start()
}

func vip(s string) host.Address { return host.Address{Prefix: netip.MustParsePrefix(s)} }

func vips(s ...string) []host.Address {
	var out []host.Address
	for _, a := range s {
		out = append(out, vip(a))
	}
	return out
}

// eventually waits for a condition nothing tells about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for giveUp := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(giveUp) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
