// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/vrrp"
)

// filterTable is the nftables table (family inet) that is ours alone.
const filterTable = "vrrpd"

// filter is what the table holds.
type filter struct {
	known   bool // the table is as rules say; before that, an earlier run's may be there
	blocked []blocked
}

// blocked is an address that must not be talked to. A link-local one is
// blocked on its interface only.
type blocked struct {
	addr   netip.Addr
	device string
}

// applyFilter makes the table hold the addresses of owned routers that do not
// accept traffic (RFC 9568 §6.1 Accept_Mode), in one transaction; without any,
// there is no table.
func (h *Host) applyFilter() error {
	var want []blocked
	dropping := map[vrrp.ID]*Router{}
	for id, r := range h.routers {
		if r.NoAccept && h.owned[id] {
			dropping[id] = r
		}
	}
	for _, id := range sorted(dropping) {
		r := dropping[id]
		for i := range r.Addresses {
			b := blocked{addr: r.Addresses[i].Prefix.Addr()}
			if b.addr.IsLinkLocalUnicast() && b.addr.Is6() {
				b.device = r.device(&r.Addresses[i])
			}
			want = append(want, b)
		}
	}
	if h.filter.known && slices.Equal(want, h.filter.blocked) {
		return nil
	}
	if err := writeFilter(want); err != nil {
		if len(want) == 0 && !h.filter.known {
			return nil // no nftables here, and nobody needs it
		}
		return fmt.Errorf("filter rules: %w", err)
	}
	h.filter = filter{known: true, blocked: want}
	return nil
}

// writeFilter replaces the table.
func writeFilter(want []blocked) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	table := &nftables.Table{Name: filterTable, Family: nftables.TableFamilyINet}
	if len(want) == 0 {
		c.DelTable(table)
		if err := c.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
		return nil
	}
	c.AddTable(table) // so that there is one to delete
	c.DelTable(table)
	c.AddTable(table)
	priority := nftables.ChainPriorityRef(*nftables.ChainPriorityFilter - 1)
	in := c.AddChain(&nftables.Chain{
		Name: "in", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: priority,
	})
	out := c.AddChain(&nftables.Chain{
		Name: "out", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: priority,
	})
	for _, chain := range []*nftables.Chain{in, out} {
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: acceptNeighbourDiscovery()})
	}
	for _, f := range []vrrp.Family{vrrp.IPv4, vrrp.IPv6} {
		if err := addSetRules(c, table, in, out, f, want); err != nil {
			return err
		}
	}
	for _, b := range want {
		if b.device != "" {
			c.AddRule(&nftables.Rule{Table: table, Chain: in, Exprs: dropLinkLocal(b, expr.MetaKeyIIFNAME, 24)})
			c.AddRule(&nftables.Rule{Table: table, Chain: out, Exprs: dropLinkLocal(b, expr.MetaKeyOIFNAME, 8)})
		}
	}
	return c.Flush()
}

// addSetRules drops what goes to or comes from a family's addresses.
func addSetRules(c *nftables.Conn, t *nftables.Table, in, out *nftables.Chain, f vrrp.Family, want []blocked) error {
	set := &nftables.Set{Table: t, Name: "vips4", KeyType: nftables.TypeIPAddr}
	src, dst, size := uint32(12), uint32(16), uint32(4)
	if f == vrrp.IPv6 {
		set.Name, set.KeyType = "vips6", nftables.TypeIP6Addr
		src, dst, size = 8, 24, 16
	}
	var elements []nftables.SetElement
	seen := map[netip.Addr]bool{}
	for _, b := range want {
		if vrrp.FamilyOf(b.addr) == f && b.device == "" && !seen[b.addr] {
			seen[b.addr] = true
			elements = append(elements, nftables.SetElement{Key: b.addr.AsSlice()})
		}
	}
	if len(elements) == 0 {
		return nil
	}
	if err := c.AddSet(set, elements); err != nil {
		return err
	}
	drop := func(offset uint32) []expr.Any {
		return append(isFamily(f),
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size},
			&expr.Lookup{SourceRegister: 1, SetName: set.Name, SetID: set.ID},
			&expr.Verdict{Kind: expr.VerdictDrop})
	}
	c.AddRule(&nftables.Rule{Table: t, Chain: in, Exprs: drop(dst)})
	c.AddRule(&nftables.Rule{Table: t, Chain: out, Exprs: drop(src)})
	return nil
}

func isFamily(f vrrp.Family) []expr.Any {
	proto := byte(unix.NFPROTO_IPV4)
	if f == vrrp.IPv6 {
		proto = unix.NFPROTO_IPV6
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{proto}},
	}
}

// acceptNeighbourDiscovery lets solicitations and advertisements pass: without
// them the address could not be forwarded to either (RFC 9568 §6.4.3 (650)).
func acceptNeighbourDiscovery() []expr.Any {
	return append(isFamily(vrrp.IPv6),
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_ICMPV6}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1},
		&expr.Range{Op: expr.CmpOpEq, Register: 1, FromData: []byte{135}, ToData: []byte{136}},
		&expr.Verdict{Kind: expr.VerdictAccept})
}

func dropLinkLocal(b blocked, key expr.MetaKey, offset uint32) []expr.Any {
	return append(isFamily(vrrp.IPv6),
		&expr.Meta{Key: key, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.PutString(ifname(b.device))},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: net.IPv6len},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: b.addr.AsSlice()},
		&expr.Verdict{Kind: expr.VerdictDrop})
}

// ifname pads an interface name to the 16 bytes the kernel compares.
func ifname(name string) string {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b, name)
	return string(b)
}
