// SPDX-License-Identifier: Apache-2.0

package netio

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/net/bpf"

	"github.com/govrrp/vrrpd/vrrp"
)

// filter tells which packets a socket may hear that some router could accept:
// an advertisement of a known version, and then a multicast one with TTL 255
// and the VRID of a router of this interface, or a unicast one with the VRID
// of a unicast router, from one of the peers. It knows no more than a socket
// filter of the kernel can: whatever it refuses, the engine would refuse.
type filter struct {
	family    vrrp.Family
	multicast []uint8 // VRIDs, sorted
	unicast   []uint8
	peers     []netip.Addr // of all unicast routers, sorted
	anybody   bool         // a unicast router hears whoever speaks
}

// newFilter makes the filter of the sockets that count for an interface. A
// unicast packet may arrive by any interface: routing decides.
func newFilter(routers []Router, device string, family vrrp.Family) *filter {
	f := &filter{family: family}
	for i := range routers {
		r := &routers[i]
		switch {
		case r.ID.Family != family:
		case r.Unicast:
			f.unicast = append(f.unicast, r.ID.VRID)
			f.peers = append(f.peers, r.OnlyFrom...)
			f.anybody = f.anybody || len(r.OnlyFrom) == 0
		case r.ID.Interface == device:
			f.multicast = append(f.multicast, r.ID.VRID)
		}
	}
	for _, vrids := range []*[]uint8{&f.multicast, &f.unicast} {
		slices.Sort(*vrids)
		*vrids = slices.Compact(*vrids)
	}
	slices.SortFunc(f.peers, netip.Addr.Compare)
	f.peers = slices.Compact(f.peers)
	return f
}

// wants reports whether d passes.
func (f *filter) wants(d vrrp.Datagram) bool {
	b := d.Payload
	if len(b) < 2 || !slices.Contains(heads, uint32(b[0])) {
		return false
	}
	if d.Destination.IsMulticast() {
		_, known := slices.BinarySearch(f.multicast, b[1])
		return known && d.TTL == vrrp.TTL
	}
	if !f.anybody {
		if _, peer := slices.BinarySearchFunc(f.peers, d.Source, netip.Addr.Compare); !peer {
			return false
		}
	}
	_, known := slices.BinarySearch(f.unicast, b[1])
	return known
}

// heads are the first bytes of an advertisement: version and type.
var heads = []uint32{0x21, 0x31}

// place says where a program finds the headers. A raw IPv4 socket filters
// whole packets, a raw IPv6 socket payloads, and finds the header at a magic
// offset.
type place struct{ header, payload uint32 } // payload is for IPv6

func inKernel(family vrrp.Family) place {
	if family == vrrp.IPv6 {
		return place{header: 0xfff00000} // SKF_NET_OFF
	}
	return place{}
}

var (
	keep = bpf.RetConstant{Val: 1 << 16}
	drop = bpf.RetConstant{Val: 0}
)

// program returns a socket filter that keeps what f wants. It is nil where f is
// too long for the kernel.
func (f *filter) program(at place) []bpf.RawInstruction {
	ttl, dst, mask, group := uint32(8), uint32(16), uint32(0xf0), uint32(0xe0)
	if f.family == vrrp.IPv6 {
		ttl, dst, mask, group = 7, 24, 0xff, 0xff
	}
	multicast := []bpf.Instruction{
		bpf.LoadAbsolute{Off: at.header + ttl, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: vrrp.TTL, SkipTrue: 1},
		drop,
	}
	multicast = append(multicast, f.oneOf(at, 1, widen(f.multicast))...)
	multicast = append(multicast, keep)
	var unicast []bpf.Instruction
	if !f.anybody {
		unicast = f.fromPeer(at)
	}
	unicast = append(unicast, f.oneOf(at, 1, widen(f.unicast))...)
	unicast = append(unicast, keep)

	all := append(f.oneOf(at, 0, heads),
		bpf.LoadAbsolute{Off: at.header + dst, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: mask},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: group, SkipTrue: 1},
		bpf.Jump{Skip: uint32(len(multicast))})
	raw, err := bpf.Assemble(slices.Concat(all, multicast, unicast))
	if err != nil || len(raw) > 4096 {
		return nil
	}
	return raw
}

func widen(b []uint8) (all []uint32) {
	for _, v := range b {
		all = append(all, uint32(v))
	}
	return all
}

// oneOf goes on if the payload's byte at off is one of the values. A packet
// that ends before it is dropped by the kernel.
func (f *filter) oneOf(at place, off uint32, values []uint32) (out []bpf.Instruction) {
	if f.family == vrrp.IPv4 {
		out = append(out, bpf.LoadMemShift{Off: at.header}, bpf.LoadIndirect{Off: off, Size: 1})
	} else {
		out = append(out, bpf.LoadAbsolute{Off: at.payload + off, Size: 1})
	}
	for i, v := range values {
		out = append(out,
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: v, SkipTrue: 1},
			bpf.Jump{Skip: uint32(2*(len(values)-1-i) + 1)})
	}
	return append(out, drop)
}

// fromPeer goes on if the source is a peer.
func (f *filter) fromPeer(at place) (out []bpf.Instruction) {
	src, words := at.header+12, 1
	if f.family == vrrp.IPv6 {
		src, words = at.header+8, 4
	}
	size := 2*words + 1
	for i, p := range f.peers {
		a := p.AsSlice()
		for w := range words {
			out = append(out,
				bpf.LoadAbsolute{Off: src + uint32(4*w), Size: 4},
				bpf.JumpIf{
					Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(a[4*w:]),
					SkipTrue: uint8(2*(words-1-w) + 1),
				})
		}
		out = append(out, bpf.Jump{Skip: uint32(size*(len(f.peers)-1-i) + 1)})
	}
	return append(out, drop)
}
