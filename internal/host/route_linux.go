// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// routeKey is what the kernel replaces a route by.
type routeKey struct {
	table, metric int
	dst           netip.Prefix
}

// savedRoutes are the routes of others that were replaced by ours or that were
// given another source, as they were.
type savedRoutes map[routeKey]netlink.Route

func keyOfRoute(n *netlink.Route) routeKey {
	k := routeKey{table: n.Table, metric: n.Priority}
	if k.table == 0 {
		k.table = unix.RT_TABLE_MAIN
	}
	if p, ok := prefixOf(n.Dst); ok {
		k.dst = p.Masked()
	} else if n.Family == netlink.FAMILY_V6 {
		k.dst = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	} else {
		k.dst = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return k
}

// ipv6Metric is what the kernel makes of no metric.
const ipv6Metric = 1024

// netlinkRoute returns a route in the kernel's terms. It fails on a name
// nobody knows and on an interface that does not exist.
func (h *Host) netlinkRoute(r *Route) (*netlink.Route, error) {
	n := &netlink.Route{
		Family: netlink.FAMILY_V4, Dst: ipNet(r.Destination.Masked()), Priority: r.Metric,
		MTU: r.MTU, AdvMSS: r.AdvMSS, Hoplimit: r.HopLimit,
	}
	if r.Destination.Addr().Is6() {
		n.Family = netlink.FAMILY_V6
		if n.Priority == 0 {
			n.Priority = ipv6Metric
		}
	}
	var known bool
	if n.Type, known = routeTypes[r.Type]; !known {
		return nil, fmt.Errorf("unknown route type %q", r.Type)
	}
	var e1, e2, e3 error
	n.Table, e1 = tableOf(r.Table)
	n.Protocol, e2 = protocolOf(r.Protocol)
	n.Scope, e3 = scopeOf(r.Scope)
	if err := errors.Join(e1, e2, e3); err != nil {
		return nil, err
	}
	if r.Source.IsValid() {
		n.Src = r.Source.AsSlice()
	}
	if len(r.NextHops) == 0 {
		return n, h.setHop(n, r)
	}
	for _, hop := range r.NextHops {
		info := &netlink.NexthopInfo{Hops: max(hop.Weight-1, 0)}
		if hop.Via.IsValid() {
			info.Gw = hop.Via.AsSlice()
		}
		if hop.OnLink {
			info.Flags |= unix.RTNH_F_ONLINK
		}
		var err error
		if info.LinkIndex, err = h.indexOf(hop.Device); err != nil {
			return nil, err
		}
		n.MultiPath = append(n.MultiPath, info)
	}
	return n, nil
}

// setHop sets the one way of a route.
func (h *Host) setHop(n *netlink.Route, r *Route) (err error) {
	if r.Via.IsValid() {
		n.Gw = r.Via.AsSlice()
	} else if r.Scope == "" && n.Type == unix.RTN_UNICAST && n.Family == netlink.FAMILY_V4 {
		n.Scope = netlink.SCOPE_LINK // what ip-route makes of a route without a gateway
	}
	if r.OnLink {
		n.Flags |= unix.RTNH_F_ONLINK
	}
	n.LinkIndex, err = h.indexOf(r.Device)
	return err
}

func (h *Host) indexOf(device string) (int, error) {
	if device == "" {
		return 0, nil
	}
	link, err := h.linkByName(device)
	if err != nil {
		return 0, err
	}
	if link == nil {
		return 0, fmt.Errorf("no interface %s", device)
	}
	return link.Attrs().Index, nil
}

// replaces reports whether the kernel would replace s by r.
func (r Route) replaces(s Route) bool {
	return r.Destination.Masked() == s.Destination.Masked() && r.Table == s.Table && r.Metric == s.Metric
}

// routesAt lists the routes a replacement of n would replace.
func (h *Host) routesAt(n *netlink.Route) ([]netlink.Route, error) {
	list, err := h.nl.RouteListFiltered(n.Family, &netlink.Route{Table: n.Table}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	key, out := keyOfRoute(n), list[:0]
	for i := range list {
		if keyOfRoute(&list[i]) == key {
			out = append(out, list[i])
		}
	}
	return out, nil
}

// addRoutes puts the router's routes in place. A route of somebody else that
// stands there is kept in mind, to be put back on release.
func (h *Host) addRoutes(r *Router) error {
	var faults []error
	for i := range r.Routes {
		if err := h.addRoute(&r.Routes[i]); err != nil {
			faults = append(faults, fmt.Errorf("route %v: %w", r.Routes[i].Destination, err))
		}
	}
	return errors.Join(faults...)
}

func (h *Host) addRoute(r *Route) error {
	n, err := h.netlinkRoute(r)
	if err != nil {
		return err
	}
	there, err := h.routesAt(n)
	if err != nil {
		return err
	}
	key := keyOfRoute(n)
	for i := range there {
		// A default route that an earlier run has left may be all there is.
		left := !h.made[key] && key.dst.Bits() == 0
		if there[i].Protocol != n.Protocol || left {
			h.routes[key] = there[i]
		}
	}
	h.made[key] = true
	return h.nl.RouteReplace(n)
}

// removeRoutes takes the router's routes away in reverse order, or puts back
// what was there before.
func (h *Host) removeRoutes(r *Router) error {
	var faults []error
	for i := len(r.Routes) - 1; i >= 0; i-- {
		if err := h.removeRoute(&r.Routes[i]); err != nil {
			faults = append(faults, fmt.Errorf("route %v: %w", r.Routes[i].Destination, err))
		}
	}
	return errors.Join(faults...)
}

func (h *Host) removeRoute(r *Route) error {
	n, err := h.netlinkRoute(r)
	if err != nil {
		return nil // its interface is gone, and the route with it
	}
	key := keyOfRoute(n)
	defer delete(h.made, key)
	if before, ok := h.routes[key]; ok {
		if err := h.nl.RouteReplace(&before); err != nil {
			return fmt.Errorf("put back %v: %w", before, err)
		}
		delete(h.routes, key)
		return nil
	}
	there, err := h.routesAt(n)
	if err != nil {
		return err
	}
	for i := range there {
		if there[i].Protocol != n.Protocol {
			continue
		}
		if keep, err := h.lastDefault(&there[i]); err != nil || keep {
			// An earlier run made it, perhaps from a route this run has never
			// seen. A host without a default route cannot be repaired: it loses
			// its source and stays.
			h.log.Warn("default route of an earlier run stays", "route", there[i].String(), "err", err)
			continue
		}
		if err := h.nl.RouteDel(&there[i]); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// lastDefault reports whether a route that this run has not made is the only
// default route of its table.
func (h *Host) lastDefault(n *netlink.Route) (bool, error) {
	key := keyOfRoute(n)
	if key.dst.Bits() != 0 || h.made[key] {
		return false, nil
	}
	list, err := h.nl.RouteListFiltered(n.Family, &netlink.Route{Table: n.Table}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return true, err
	}
	defaults := 0
	for i := range list {
		if keyOfRoute(&list[i]).dst.Bits() == 0 {
			defaults++
		}
	}
	return defaults == 1, nil
}

// missingRoutes names the routes an owned router lacks although their
// interface is up.
func (h *Host) missingRoutes(r *Router) []string {
	var missing []string
	for i := range r.Routes {
		route := &r.Routes[i]
		if route.NoTrack || route.Device == "" {
			continue // without an interface nobody knows whether it can exist
		}
		link, err := h.linkByName(route.Device)
		if err != nil || link == nil || !running(link) {
			continue
		}
		n, err := h.netlinkRoute(route)
		if err != nil {
			continue
		}
		if there, err := h.routesAt(n); err == nil && len(there) == 0 {
			missing = append(missing, "route "+route.Destination.String()+" on "+route.Device)
		}
	}
	return missing
}
