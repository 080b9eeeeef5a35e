// SPDX-License-Identifier: Apache-2.0

//go:build linux

package host_test

import (
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/host"
	"github.com/govrrp/vrrpd/internal/testnet/require"
	"github.com/govrrp/vrrpd/vrrp"
)

// reaches reports whether an address answers n.
func (n *node) reaches(address string) bool {
	args := []string{"ping", "-c1", "-W1", address}
	if strings.Contains(address, ":") {
		args = []string{"ping", "-6", "-c1", "-W1", address}
	}
	_, err := n.Try(args...)
	return err == nil
}

func TestNoAcceptDropsTrafficOnlyWhileMaster(t *testing.T) {
	nft := require.Peer(t, "nft")
	for _, vmac := range []*host.VMAC{nil, {}} {
		n, neighbour := lan(t)
		four := host.Router{ID: id4, Addresses: vips("10.0.0.100/32"), NoAccept: true, VMAC: vmac}
		six := host.Router{ID: id6, Addresses: vips("2001:db8::100/128", "fe80::100/128"), NoAccept: true, VMAC: vmac}
		open := host.Router{ID: vrrp.ID{Interface: "ens3", VRID: 52, Family: vrrp.IPv4}, Addresses: vips("10.0.0.200/32")}
		n.configure(four, six, open)
		for _, r := range []host.Router{four, six, open} {
			n.apply(r.ID, host.Own)
		}
		for _, address := range []string{"10.0.0.100", "2001:db8::100", "fe80::100%ens3"} {
			if neighbour.reaches(address) {
				t.Errorf("%s answers", address)
			}
		}
		for _, address := range []string{"10.0.0.1", "10.0.0.200", "2001:db8::1", "fe80::1%ens3"} {
			if !neighbour.reaches(address) {
				t.Errorf("%s does not answer", address)
			}
		}
		// What a BACKUP behind needs in order to forward through the address.
		for _, address := range []string{"10.0.0.100", "2001:db8::100", "fe80::100"} {
			neighbour.expect(true, "ip neigh show "+address+" dev ens3", "lladdr")
		}
		n.apply(four.ID, host.Release)
		n.apply(six.ID, host.Release)
		if out := n.Exec(nft, "list", "ruleset"); strings.Contains(out, "vrrpd") {
			t.Errorf("rules of a BACKUP:\n%s", out)
		}
	}
}

func TestFilterOfACrashIsGoneAtTheStart(t *testing.T) {
	nft := require.Peer(t, "nft")
	n, neighbour := lan(t)
	n.Exec(nft, "add table inet mine")
	r := host.Router{ID: id4, Addresses: vips("10.0.0.100/32"), NoAccept: true}
	n.configure(r)
	n.apply(id4, host.Own)
	if out := n.Exec(nft, "list", "table", "inet", "vrrpd"); !strings.Contains(out, "10.0.0.100") {
		t.Fatalf("rules of a MASTER:\n%s", out)
	}
	again := n.start() // killed
	r.NoAccept = false
	again.configure(r)
	again.apply(id4, host.Own)
	if out := n.Exec(nft, "list", "ruleset"); strings.Contains(out, "vrrpd") || !strings.Contains(out, "mine") {
		t.Errorf("rules after a new start:\n%s", out)
	}
	if !neighbour.reaches("10.0.0.100") {
		t.Error("the address does not answer")
	}
}
