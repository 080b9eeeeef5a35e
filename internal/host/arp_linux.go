// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// arpTable is the nftables table (family arp) that is ours alone.
const arpTable = "virtual_mac"

// arpInput is NF_ARP_IN: the hooks of this family have numbers of their own.
const arpInput = 0

// arpFilter is what the table holds.
type arpFilter struct {
	known bool
	mute  []netip.Addr
}

// applyARP keeps the kernel from answering gratuitous ARP requests for the
// addresses of virtual MACs. A MASTER that has not let go yet, or that was
// killed and left its address, would answer the new MASTER from the MAC address
// they share, and switches would send everything to the old port again. With
// multicast the next advert mends that; unicast adverts come from elsewhere.
//
// The rules stand as long as the routers are configured, so that no failover
// waits for them, and outlive a crash together with what makes them necessary.
func (h *Host) applyARP() {
	var want []netip.Addr
	for _, id := range sorted(h.routers) {
		r := h.routers[id]
		for i := range r.Addresses {
			addr := r.Addresses[i].Prefix.Addr()
			if addr.Is4() && r.Virtual(&r.Addresses[i]) && !slices.Contains(want, addr) {
				want = append(want, addr)
			}
		}
	}
	if h.arp.known && slices.Equal(want, h.arp.mute) {
		return
	}
	if err := writeARP(want); err != nil {
		if len(want) > 0 {
			h.log.Warn("a killed daemon may go on answering ARP for its virtual MAC", "err", err)
		}
		return
	}
	h.arp = arpFilter{known: true, mute: want}
}

// writeARP replaces the table.
func writeARP(mute []netip.Addr) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	table := &nftables.Table{Name: arpTable, Family: nftables.TableFamilyARP}
	if len(mute) == 0 {
		c.DelTable(table)
		if err := c.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
		return nil
	}
	c.AddTable(table) // so that there is one to delete
	c.DelTable(table)
	c.AddTable(table)
	in := c.AddChain(&nftables.Chain{
		Name: "in", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookRef(arpInput), Priority: nftables.ChainPriorityFilter,
	})
	// A gratuitous request asks for its own sender: both are one VIP.
	const operation, sender, target = 6, 14, 24
	for _, addr := range mute {
		var match []expr.Any
		for _, field := range []struct {
			offset uint32
			value  []byte
		}{
			{operation, binaryutil.BigEndian.PutUint16(1)},
			{sender, addr.AsSlice()},
			{target, addr.AsSlice()},
		} {
			match = append(match,
				&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: field.offset, Len: uint32(len(field.value))},
				&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: field.value})
		}
		c.AddRule(&nftables.Rule{Table: table, Chain: in, Exprs: append(match, &expr.Verdict{Kind: expr.VerdictDrop})})
	}
	return c.Flush()
}
