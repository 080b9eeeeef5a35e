// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/vrrp"
)

// parameter is one kernel parameter and its value.
type parameter struct{ key, value string }

// baseParameters keep the base interface from answering for addresses that
// are on its macvlan, and from naming them as sender in requests of its own:
// either would teach the neighbours the wrong MAC address.
func baseParameters(base string) []parameter {
	return []parameter{
		{conf4(base, "arp_ignore"), "1"},
		{conf4(base, "arp_announce"), "2"},
	}
}

// vmacParameters of a macvlan: it answers ARP for its own addresses only, takes
// packets whose sender is reached by the base interface, hears a peer that
// uses our source address, and says nothing by itself.
func (h *Host) vmacParameters(r *Router) []parameter {
	name := r.VMAC.Name
	if r.ID.Family == vrrp.IPv6 {
		return []parameter{
			{conf6(name, "addr_gen_mode"), "1"},
			{conf6(name, "accept_dad"), "0"},
			{conf6(name, "accept_ra"), "0"},
			{conf6(name, "autoconf"), "0"},
			{conf6(name, "router_solicitations"), "0"},
		}
	}
	reverse := "0"
	if all, err := h.sysctls.read(conf4("all", "rp_filter")); err == nil && all != "0" {
		reverse = "2" // the kernel takes the greater of both: 2, loose, beats all's strict 1
	}
	return []parameter{
		{conf6(name, "disable_ipv6"), "1"},
		{conf4(name, "arp_ignore"), "1"},
		{conf4(name, "accept_local"), "1"},
		{conf4(name, "rp_filter"), reverse},
		{conf4(name, "promote_secondaries"), "1"},
	}
}

// mac returns the router's virtual MAC address.
func (r *Router) mac() net.HardwareAddr {
	if len(r.VMAC.MAC) == 6 {
		return r.VMAC.MAC
	}
	m := r.ID.VirtualMAC()
	return m[:]
}

// nameVMACs gives every virtual MAC interface its name: the configured one,
// that of an interface an earlier run has left, or the first free of
// vrrp.VRID, vrrp1.VRID, … as keepalived names them; IPv6 tries vrrp6.VRID
// before the others.
func (h *Host) nameVMACs(routers map[vrrp.ID]*Router) {
	taken := map[string]bool{}
	for _, r := range routers {
		if r.VMAC != nil {
			taken[r.VMAC.Name] = true
		}
	}
	for _, id := range sorted(routers) {
		r := routers[id]
		if r.VMAC == nil {
			continue
		}
		named := *r.VMAC // the caller's stays as it is
		r.VMAC = &named
		if named.Name != "" {
			continue
		}
		if old := h.routers[id]; old != nil && old.VMAC != nil && !taken[old.VMAC.Name] {
			named.Name = old.VMAC.Name
		} else {
			named.Name = h.freeName(r, taken)
		}
		taken[named.Name] = true
	}
}

func (h *Host) freeName(r *Router, taken map[string]bool) string {
	if left := h.leftVMAC(r); left != nil && !taken[left.Attrs().Name] {
		return left.Attrs().Name
	}
	names := []string{fmt.Sprintf("vrrp.%d", r.ID.VRID)}
	if r.ID.Family == vrrp.IPv6 {
		names = append(names, fmt.Sprintf("vrrp6.%d", r.ID.VRID))
	}
	for i := 1; ; i++ {
		for _, name := range names {
			link, err := h.linkByName(name)
			if !taken[name] && err == nil && link == nil {
				return name
			}
			if err != nil {
				return names[0] // creating it will tell
			}
		}
		names = []string{fmt.Sprintf("vrrp%d.%d", i, r.ID.VRID)}
	}
}

// leftVMAC finds a macvlan that is ours by its base, mode and MAC address.
func (h *Host) leftVMAC(r *Router) netlink.Link {
	base, err := h.linkByName(r.ID.Interface)
	if err != nil || base == nil {
		return nil
	}
	links, err := h.nl.LinkList()
	if err != nil {
		return nil
	}
	for _, l := range links {
		if ours(l, base, r.mac()) {
			return l
		}
	}
	return nil
}

func ours(l, base netlink.Link, mac net.HardwareAddr) bool {
	m, ok := l.(*netlink.Macvlan)
	return ok && m.Mode == netlink.MACVLAN_MODE_PRIVATE && m.ParentIndex == base.Attrs().Index &&
		bytes.Equal(m.HardwareAddr, mac)
}

// prepareVMAC creates or adopts the router's macvlan. A base interface that
// does not exist is no error yet.
func (h *Host) prepareVMAC(r *Router) error {
	if r.VMAC == nil {
		return nil
	}
	base, err := h.linkByName(r.ID.Interface)
	if err != nil || base == nil {
		return err
	}
	_, err = h.ensureVMAC(r, base)
	return err
}

// ensureVMAC returns the router's macvlan, which is down when it is new.
func (h *Host) ensureVMAC(r *Router, base netlink.Link) (netlink.Link, error) {
	name := r.VMAC.Name
	link, err := h.linkByName(name)
	if err != nil {
		return nil, err
	}
	if link != nil && !ours(link, base, r.mac()) {
		return nil, fmt.Errorf("interface %s exists and is not our virtual MAC %v on %s", name, r.mac(), r.ID.Interface)
	}
	if link == nil {
		if link, err = h.makeVMAC(r, base); err != nil {
			return nil, err
		}
	}
	for _, p := range append(baseParameters(r.ID.Interface), h.vmacParameters(r)...) {
		if err := h.sysctls.set(p.key, p.value); err != nil && !errors.Is(err, unix.ENOENT) {
			h.log.Warn("virtual MAC may be answered for by its base interface", "interface", name, "err", err)
		}
	}
	return link, nil
}

// makeVMAC renames one that an earlier run left under another name, or adds one.
func (h *Host) makeVMAC(r *Router, base netlink.Link) (netlink.Link, error) {
	name := r.VMAC.Name
	if left := h.leftVMAC(r); left != nil {
		err := errors.Join(h.nl.LinkSetDown(left), h.nl.LinkSetName(left, name))
		if err != nil {
			return nil, fmt.Errorf("rename virtual MAC interface %s to %s: %w", left.Attrs().Name, name, err)
		}
	} else {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.ParentIndex, attrs.HardwareAddr = name, base.Attrs().Index, r.mac()
		if err := h.nl.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_PRIVATE}); err != nil {
			return nil, fmt.Errorf("make virtual MAC interface %s: %w", name, err)
		}
	}
	return h.nl.LinkByName(name)
}

// raiseVMAC takes the macvlan up: the router is MASTER, the virtual MAC
// address may speak.
func (h *Host) raiseVMAC(r *Router) error {
	if r.VMAC == nil {
		return nil
	}
	base, err := h.linkByName(r.ID.Interface)
	if err != nil {
		return err
	}
	if base == nil {
		return fmt.Errorf("no interface %s", r.ID.Interface)
	}
	link, err := h.ensureVMAC(r, base)
	if err != nil {
		return err
	}
	if err := h.nl.LinkSetUp(link); err != nil {
		return fmt.Errorf("take %s up: %w", r.VMAC.Name, err)
	}
	return nil
}

// lowerVMAC takes the macvlan down: a BACKUP is silent.
func (h *Host) lowerVMAC(r *Router) error {
	link, err := h.vmacLink(r)
	if err != nil || link == nil {
		return err
	}
	if err := h.nl.LinkSetDown(link); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("take %s down: %w", r.VMAC.Name, err)
	}
	return nil
}

// removeVMAC deletes the macvlan of a router that is no longer configured.
func (h *Host) removeVMAC(r *Router) error {
	link, err := h.vmacLink(r)
	if err != nil || link == nil {
		return err
	}
	if err := h.nl.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("remove %s: %w", r.VMAC.Name, err)
	}
	return nil
}

// vmacLink returns the router's macvlan, or nil if there is none that is ours.
func (h *Host) vmacLink(r *Router) (netlink.Link, error) {
	if r.VMAC == nil {
		return nil, nil
	}
	link, err := h.linkByName(r.VMAC.Name)
	if err != nil || link == nil {
		return nil, err
	}
	base, err := h.linkByName(r.ID.Interface)
	if err != nil || base == nil || !ours(link, base, r.mac()) {
		return nil, err
	}
	return link, nil
}
