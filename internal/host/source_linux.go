// SPDX-License-Identifier: Apache-2.0

package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/vrrp"
)

const rtaAlign = 4 // RTA_ALIGNTO

// preferSource makes the routes named in SourceFor use the router's first
// address as their source; everything else about them stays.
func (h *Host) preferSource(r *Router) error {
	if len(r.SourceFor) == 0 || len(r.Addresses) == 0 {
		return nil
	}
	vip := r.Addresses[0].Prefix.Addr()
	list, err := h.routesOf(vip)
	if err != nil {
		return err
	}
	var faults []error
	for i := range list {
		n := list[i]
		key := keyOfRoute(&n)
		if key.table != unix.RT_TABLE_MAIN || !wants(r.SourceFor, key.dst) || sourceOf(&n) == vip {
			continue
		}
		if _, saved := h.routes[key]; !saved {
			h.routes[key] = n
		}
		n.Src = vip.AsSlice()
		if err := h.nl.RouteReplace(&n); err != nil {
			faults = append(faults, fmt.Errorf("source %v for %v: %w", vip, key.dst, err))
		}
	}
	return errors.Join(faults...)
}

func wants(prefixes []netip.Prefix, p netip.Prefix) bool {
	for _, w := range prefixes {
		if w.Masked() == p {
			return true
		}
	}
	return false
}

func sourceOf(n *netlink.Route) netip.Addr {
	a, _ := netip.AddrFromSlice(n.Src)
	return a.Unmap()
}

// routesOf lists the routes of an address's family in all tables.
func (h *Host) routesOf(a netip.Addr) ([]netlink.Route, error) {
	list, err := h.nl.RouteListFiltered(family(vrrp.FamilyOf(a)), &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	return list, nil
}

// freeRoutes takes the addresses out of every route that has one of them as
// its source, gives those that had another source before that one back, and
// makes sure of it. When the address goes, the kernel would remove such a
// route, be it the default route. IPv6 routes lose only the source; they are
// treated alike for the sake of one that has to come back.
//
// The kernel's own routes to the addresses and their networks go with them, as
// they should.
func (h *Host) freeRoutes(addrs []placed) error {
	going := map[netip.Addr]bool{}
	families := map[vrrp.Family]netip.Addr{}
	for _, p := range addrs {
		a := p.Prefix.Addr()
		going[a] = true
		families[vrrp.FamilyOf(a)] = a
	}
	for _, f := range []vrrp.Family{vrrp.IPv4, vrrp.IPv6} {
		a, any := families[f]
		if !any {
			continue
		}
		bound, err := h.boundRoutes(a, going)
		if err != nil {
			return err
		}
		for i := range bound {
			if err := h.freeRoute(&bound[i], going); err != nil {
				return fmt.Errorf("free route %v of its source: %w", keyOfRoute(&bound[i]).dst, err)
			}
		}
		if len(bound) == 0 {
			continue
		}
		if bound, err = h.boundRoutes(a, going); err != nil {
			return err
		}
		if len(bound) > 0 {
			return fmt.Errorf("route %v still has an address as source that is to go", keyOfRoute(&bound[0]).dst)
		}
	}
	return nil
}

// boundRoutes lists the routes, other than the kernel's own, whose source is
// about to go.
func (h *Host) boundRoutes(of netip.Addr, going map[netip.Addr]bool) ([]netlink.Route, error) {
	if any, err := anyBound(family(vrrp.FamilyOf(of)), going); err != nil || !any {
		return nil, err
	}
	list, err := h.routesOf(of)
	if err != nil {
		return nil, err
	}
	out := list[:0]
	for i := range list {
		if list[i].Protocol != unix.RTPROT_KERNEL && list[i].Type == unix.RTN_UNICAST && going[sourceOf(&list[i])] {
			out = append(out, list[i])
		}
	}
	return out, nil
}

// anyBound answers the usual question, whether there is any such route, from
// the kernel's dump as it is: decoding a full Internet table would keep an
// address on a former MASTER for seconds.
func anyBound(family int, going map[netip.Addr]bool) (bool, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETROUTE, unix.NLM_F_DUMP)
	req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: uint8(family)}})
	found := false
	err := req.ExecuteIter(unix.NETLINK_ROUTE, unix.RTM_NEWROUTE, func(m []byte) bool {
		if len(m) >= unix.SizeofRtMsg && nl.DeserializeRtMsg(m).Protocol != unix.RTPROT_KERNEL {
			found = found || going[prefSource(m[unix.SizeofRtMsg:])]
		}
		return true // a dump must be read to its end
	})
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return false, fmt.Errorf("list routes: %w", err)
	}
	// A table that changes while it is read may hide a route.
	return found || err != nil, nil
}

// prefSource finds the preferred source among a route's attributes.
func prefSource(b []byte) netip.Addr {
	for len(b) >= unix.SizeofRtAttr {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			break
		}
		if binary.NativeEndian.Uint16(b[2:]) == unix.RTA_PREFSRC {
			a, _ := netip.AddrFromSlice(b[unix.SizeofRtAttr:size])
			return a
		}
		b = b[min((size+rtaAlign-1)&^(rtaAlign-1), len(b)):]
	}
	return netip.Addr{}
}

func (h *Host) freeRoute(n *netlink.Route, going map[netip.Addr]bool) error {
	key, free := keyOfRoute(n), *n
	free.Src = nil
	if before, ok := h.routes[key]; ok {
		delete(h.routes, key)
		if !going[sourceOf(&before)] && h.nl.RouteReplace(&before) == nil {
			return nil
		}
	}
	return h.nl.RouteReplace(&free)
}

// family returns the netlink family.
func family(f vrrp.Family) int {
	if f == vrrp.IPv6 {
		return netlink.FAMILY_V6
	}
	return netlink.FAMILY_V4
}
