// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// twins are two nodes that somebody has configured wrongly, or alike.
type twins struct {
	t         *testing.T
	lab       *netns.Lab
	cell      cell
	addresses [2][]string
	all       [2]*daemon
}

// eachSegment runs a story on every sort of segment.
func eachSegment(t *testing.T, story func(*twins)) {
	require.Need(t, require.NetNS)
	for _, family := range []string{ipv4Only, ipv6Only} {
		for _, mac := range []string{plain, vmac} {
			t.Run(family+" "+mac, func(t *testing.T) {
				story(&twins{
					t: t, lab: netns.New(t), cell: cell{version: v3, family: family, wire: multicast, mac: mac},
					addresses: [2][]string{{"192.0.2.1/24", "fe80::1/64", "2001:db8::1/64"}, {"192.0.2.2/24", "fe80::2/64", "2001:db8::2/64"}},
				})
			})
		}
	}
}

// start starts node n with this wire and further lines of configuration. It
// sends from its first address of the family.
func (x *twins) start(n int, k kind, wire, lines string) {
	x.t.Helper()
	h := x.lab.Host(fmt.Sprint("node", n+1), netns.NIC{Name: "ens3", Segment: "lan", Addresses: x.addresses[n]})
	c := x.cell
	c.wire = wire
	conf := c.keepalivedConf(fmt.Sprint(n+1), fmt.Sprint(2-n), 100)
	if wire == multicast {
		address := x.addresses[n][0]
		if c.family == ipv6Only {
			address = x.addresses[n][1]
		}
		address, _, _ = strings.Cut(address, "/")
		lines += "\n mcast_src_ip " + address
	}
	x.all[n] = start(x.t, k, h, strings.Replace(conf, " virtual_ipaddress", lines+"\n virtual_ipaddress", 1))
}

// alarmed wants a word in a vrrpd's log and a refusal in its status.
func (x *twins) alarmed(d *daemon, word, refusal string) {
	x.t.Helper()
	d.proc.Expect(word)
	if refusal == "" {
		return
	}
	eventually(x.t, refusal+" to be counted", func() bool {
		s, _ := d.status()
		i, ok := s.Instance("V")
		return ok && i.Counters.Refused[refusal] > 0
	})
	out, err := d.host.Try(d.path, "status", "--socket", d.socket())
	if err != nil || !strings.Contains(out, "packets refused: "+refusal) {
		x.t.Errorf("the status does not tell: %v\n%s", err, out)
	}
}

// TestUnicastAgainstMulticast: two MASTERs, and each says why. The unicast one
// does not listen on a virtual MAC, to which the kernel gives all multicast of
// that MAC once it is up, so there it tells as BACKUP.
func TestUnicastAgainstMulticast(t *testing.T) {
	eachSegment(t, func(x *twins) {
		x.start(0, ours, multicast, "")
		x.all[0].want("V", "MASTER")
		x.start(1, ours, unicast, "")
		x.all[1].want("V", "MASTER")
		x.alarmed(x.all[0], "configuration_mismatch", "destination")
		word := "configuration_mismatch"
		if x.cell.mac == vmac {
			word = "one side is unicast, the other multicast"
		}
		x.alarmed(x.all[1], word, "destination")
	})
}

// TestOneSourceAddress: two nodes that send from one address hear themselves
// in each other, both become MASTER, and say so. Over IPv4 the kernel drops
// packets from an address of its own, unless they come in by a virtual MAC.
func TestOneSourceAddress(t *testing.T) {
	eachSegment(t, func(x *twins) {
		x.addresses[1] = x.addresses[0]
		x.start(0, ours, multicast, "")
		x.start(1, ours, multicast, "")
		for _, d := range x.all {
			d.want("V", "MASTER")
			if x.cell.family == ipv6Only || x.cell.mac == vmac {
				x.alarmed(d, "configuration_mismatch", "own_packet")
			}
		}
	})
}

// TestTwoOwners: the higher address stays MASTER, and the one that yields
// tells why. keepalived lowers itself as soon as it hears of another one.
func TestTwoOwners(t *testing.T) {
	const owner = " priority 255"
	t.Run("vrrpd", func(t *testing.T) {
		eachSegment(t, func(x *twins) {
			x.start(0, ours, multicast, owner)
			x.start(1, ours, multicast, owner)
			x.all[1].want("V", "MASTER")
			x.all[0].want("V", "BACKUP")
			x.alarmed(x.all[0], "second_owner", "")
		})
	})
	t.Run("keepalived", func(t *testing.T) {
		eachSegment(t, func(x *twins) {
			x.start(0, ours, multicast, owner)
			x.start(1, keepalived, multicast, owner)
			x.one()
			eventually(t, "whoever heard the other to tell", func() bool {
				return strings.Contains(x.all[0].proc.Output(), "second_owner") ||
					strings.Contains(x.all[1].proc.Output(), "both configured as address owner")
			})
		})
	})
}

// TestEqualPriorities: one MASTER, and the other says what decided.
func TestEqualPriorities(t *testing.T) {
	for _, k := range []kind{ours, keepalived} {
		t.Run(string(k), func(t *testing.T) {
			eachSegment(t, func(x *twins) {
				x.start(0, ours, multicast, "")
				x.start(1, k, multicast, "")
				x.one()
				for _, d := range x.all {
					if d.kind == ours && d.state("V") == "BACKUP" {
						x.alarmed(d, "equal_priority", "")
					}
				}
			})
		})
	}
}

// one waits until one node is MASTER and the other BACKUP.
func (x *twins) one() {
	x.t.Helper()
	eventually(x.t, "one MASTER and one BACKUP", func() bool {
		a, z := x.all[0].state("V"), x.all[1].state("V")
		return a == "MASTER" && z == "BACKUP" || a == "BACKUP" && z == "MASTER"
	})
}
