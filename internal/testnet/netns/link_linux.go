// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// LinkDown takes an interface down administratively, as "ip link set … down"
// in the host.
func (h *Host) LinkDown(nic string) { h.setLink(nic, h.nl.LinkSetDown) }

// LinkUp takes an interface up again.
func (h *Host) LinkUp(nic string) { h.setLink(nic, h.nl.LinkSetUp) }

func (h *Host) setLink(nic string, set func(netlink.Link) error) {
	h.lab.t.Helper()
	link, err := h.nl.LinkByName(nic)
	if err == nil {
		err = set(link)
	}
	if err != nil {
		h.lab.t.Fatalf("host %s: interface %s: %v", h.Name, nic, err)
	}
}

// CableOut takes the far end of an interface down: the host sees the carrier go.
func (h *Host) CableOut(nic string) { h.setPort(nic, netlink.LinkSetDown) }

// CableIn gives the carrier back.
func (h *Host) CableIn(nic string) { h.setPort(nic, netlink.LinkSetUp) }

func (h *Host) setPort(nic string, set func(netlink.Link) error) {
	h.lab.t.Helper()
	if err := set(h.port(nic)); err != nil {
		h.lab.t.Fatalf("host %s: cable of %s: %v", h.Name, nic, err)
	}
}

// Sysctl sets a kernel parameter in the host, named with slashes:
// "net/ipv4/ip_forward".
func (h *Host) Sysctl(key, value string) {
	h.lab.t.Helper()
	h.Do(func() {
		if err := sysctl(key, value); err != nil {
			h.lab.t.Fatalf("host %s: %v", h.Name, err)
		}
	})
}

// Lose drops percent (0…100) of the packets of one IP protocol that arrive at
// the host on an interface, at random, until the next call. It needs nft.
func (h *Host) Lose(nic string, protocol, percent int) {
	h.lab.t.Helper()
	_, _ = h.Try("nft", "delete", "table", "inet", "testnet_loss") // absent at first
	if percent <= 0 {
		return
	}
	some := fmt.Sprintf("numgen random mod 100 < %d", percent)
	if percent >= 100 {
		some = "" // nft refuses a comparison that is always true
	}
	h.Exec("nft", fmt.Sprintf(`table inet testnet_loss {
		chain in { type filter hook prerouting priority -300;
			iifname %q meta l4proto %d %s drop
		}
	}`, nic, protocol, some))
}
