// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// addrKey is what makes two addresses on an interface the same one to the
// kernel: the local address, the prefix length, and the far end if any.
type addrKey struct {
	index int
	local netip.Addr
	bits  int
	peer  netip.Addr
}

// observed is the set of addresses the kernel has.
type observed map[addrKey]bool

// observe reads the addresses of all interfaces.
func (h *Host) observe() (observed, error) {
	list, err := h.nl.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	o := make(observed, len(list))
	for i := range list {
		if k, ok := keyOf(&list[i]); ok {
			o[k] = true
		}
	}
	return o, nil
}

// keyOf returns the key of an address as the kernel or [Address.netlink] has it.
func keyOf(a *netlink.Addr) (addrKey, bool) {
	p, ok := prefixOf(a.IPNet)
	if !ok {
		return addrKey{}, false
	}
	k := addrKey{index: a.LinkIndex, local: p.Addr(), bits: p.Bits()}
	if far, ok := prefixOf(a.Peer); ok && far.Addr() != k.local {
		k.peer, k.bits = far.Addr(), far.Bits()
	}
	return k, true
}

// netlink returns the address in the kernel's terms.
func (a *Address) netlink(index int) (*netlink.Addr, error) {
	n := &netlink.Addr{IPNet: ipNet(a.Prefix), Label: a.Label, LinkIndex: index}
	scope, err := scopeOf(a.Scope)
	if err != nil {
		return nil, fmt.Errorf("address %v: %w", a.Prefix, err)
	}
	n.Scope = int(scope)
	if a.Peer.IsValid() {
		n.Peer = ipNet(netip.PrefixFrom(a.Peer, a.Peer.BitLen()))
	}
	if a.NoPrefixRoute {
		n.Flags |= unix.IFA_F_NOPREFIXROUTE
	}
	if a.Prefix.Addr().Is4() {
		n.Broadcast = net.IPv4zero // the library's word for none
		if a.Broadcast.IsValid() {
			n.Broadcast = a.Broadcast.AsSlice()
		}
		return n, nil
	}
	if !a.DAD {
		n.Flags |= unix.IFA_F_NODAD
	}
	if a.HomeAddress {
		n.Flags |= unix.IFA_F_HOMEADDRESS
	}
	// A deprecated address is used, but never chosen as a source.
	switch lifetime := a.PreferredLifetime; {
	case lifetime < 0, lifetime == 0 && !a.Prefix.IsSingleIP():
		// for ever, the kernel's default
	default:
		n.ValidLft = math.MaxUint32
		n.PreferedLft = int(lifetime.Seconds())
	}
	return n, nil
}

// placed is an address with the interface it belongs on.
type placed struct {
	*Address
	device string
	link   netlink.Link // nil when the interface does not exist
	addr   *netlink.Addr
	key    addrKey
}

// place finds the interfaces of a router's addresses.
func (h *Host) place(r *Router) ([]placed, error) {
	links := map[string]netlink.Link{}
	out := make([]placed, 0, len(r.Addresses))
	for i := range r.Addresses {
		p := placed{Address: &r.Addresses[i], device: r.device(&r.Addresses[i])}
		link, asked := links[p.device]
		if !asked {
			var err error
			if link, err = h.linkByName(p.device); err != nil {
				return nil, err
			}
			links[p.device] = link
		}
		if link != nil {
			var err error
			if p.addr, err = p.netlink(link.Attrs().Index); err != nil {
				return nil, err
			}
			p.link = link
			p.key, _ = keyOf(p.addr)
		}
		out = append(out, p)
	}
	return out, nil
}

// linkByName returns nil for an interface that does not exist.
func (h *Host) linkByName(name string) (netlink.Link, error) {
	link, err := h.nl.LinkByName(name)
	var notFound netlink.LinkNotFoundError
	if errors.As(err, &notFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", name, err)
	}
	return link, nil
}

// addAddresses adds what is missing. One that cannot be added does not keep
// the others away: the fault names them all.
func (h *Host) addAddresses(addrs []placed) error {
	var faults []error
	for _, p := range addrs {
		if p.link == nil {
			faults = append(faults, fmt.Errorf("address %v: no interface %s", p.Prefix, p.device))
			continue
		}
		if err := h.nl.AddrAdd(p.link, p.addr); err != nil && !errors.Is(err, unix.EEXIST) {
			faults = append(faults, fmt.Errorf("add %v to %s: %w", p.Prefix, p.device, err))
		}
	}
	return errors.Join(faults...)
}

// removeAddresses removes what is there, in reverse order, after every route
// that uses one of them as its source has been freed of it. What the router
// has owned is there; for the rest the kernel is asked first, which costs less
// than a look at the routes, but more the more addresses the host has.
func (h *Host) removeAddresses(addrs []placed, owned bool) error {
	var have observed
	if !owned {
		var err error
		if have, err = h.observe(); err != nil {
			return err
		}
	}
	var there []placed
	for _, p := range addrs {
		if p.link != nil && !h.kept[p.key] && (owned || have[p.key]) {
			there = append(there, p)
		}
	}
	if len(there) == 0 {
		return nil
	}
	if err := h.freeRoutes(there); err != nil {
		// Taking the address away now could take the default route with it.
		return err
	}
	var faults []error
	for i := len(there) - 1; i >= 0; i-- {
		p := there[i]
		err := h.nl.AddrDel(p.link, p.addr)
		if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
			faults = append(faults, fmt.Errorf("remove %v from %s: %w", p.Prefix, p.device, err))
		}
	}
	return errors.Join(faults...)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// prefixOf is the way back; false for nil and nonsense.
func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(n.IP)
	bits, size := n.Mask.Size()
	if !ok || size == 0 {
		return netip.Prefix{}, false
	}
	if size == 32 {
		a = a.Unmap()
	}
	return netip.PrefixFrom(a, bits), true
}
