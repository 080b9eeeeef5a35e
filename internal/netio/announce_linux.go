// SPDX-License-Identifier: Apache-2.0

package netio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/google/gopacket/layers"

	"github.com/govrrp/vrrpd/vrrp"
)

const (
	naRouter   = 0x80 // RFC 4861 §4.4
	naOverride = 0x20
	arpLength  = 14 + 28
)

var (
	broadcastMAC = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	allNodes     = netip.AddrFrom16([16]byte{0xff, 0x02, 15: 0x01})
)

// Announce sends gratuitous ARPs (RFC 5227 §3 announcements, ARP request form)
// or unsolicited neighbour advertisements for each of the router's addresses,
// or for one on each interface, paced by its intervals. It ends early when ctx
// does. One address that cannot be announced does not keep the others from it.
func (w *Wire) Announce(ctx context.Context, id vrrp.ID, order vrrp.Announce) error {
	r, ok := (*w.routers.Load())[id]
	if !ok {
		return fmt.Errorf("announce for %v: %w", id, errRemoved)
	}
	addresses := r.Announced
	if order.Elsewhere {
		addresses = r.elsewhere()
	}
	failed := map[netip.Addr]error{}
	for range order.Repeat {
		for _, a := range addresses {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := w.announce(r, a); err != nil {
				failed[a.Address] = err
			}
			gap := r.ARPInterval
			if a.Address.Is6() {
				gap = r.NAInterval
			}
			if err := pause(ctx, gap); err != nil {
				return err
			}
		}
	}
	var faults []error
	for _, a := range addresses {
		if err := failed[a.Address]; err != nil {
			faults = append(faults, fmt.Errorf("announce %v: %w", a.Address, err))
			delete(failed, a.Address)
		}
	}
	return errors.Join(faults...)
}

// elsewhere picks the first address of each interface, and of the virtual MAC
// address, that adverts do not leave from.
func (r *Router) elsewhere() (picked []Announced) {
	type port struct {
		device  string
		virtual bool
	}
	seen := map[port]bool{{r.ID.Interface, r.VMAC != nil && !r.VMAC.FromBase}: true}
	for _, a := range r.Announced {
		p := port{a.Device, a.Virtual && r.VMAC != nil}
		if !seen[p] && (p.virtual || r.AnnounceAll) {
			picked = append(picked, a)
		}
		seen[p] = true
	}
	return picked
}

func pause(ctx context.Context, gap time.Duration) error {
	if gap <= 0 {
		return nil
	}
	timer := time.NewTimer(gap)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// errNoMAC says that an interface has no Ethernet address: a tunnel, the
// loopback. Nobody there needs an announcement.
var errNoMAC = errors.New("no Ethernet address")

func (w *Wire) announce(r *Router, a Announced) error {
	err := w.frames.send(a.Device, func(own net.HardwareAddr) ([]byte, error) {
		if a.Virtual && r.VMAC != nil {
			own = r.VMAC.MAC[:]
		}
		if len(own) != 6 || bytes.Equal(own, make([]byte, 6)) {
			return nil, errNoMAC
		}
		if a.Address.Is4() {
			return arpFrame(own, a.Address)
		}
		return naFrame(own, a.Address, forwards(a.Device))
	})
	if errors.Is(err, errNoMAC) {
		return nil
	}
	return err
}

// forwards reports whether the interface routes IPv6, which is what the router
// flag of a neighbour advertisement says.
func forwards(device string) bool {
	b, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + device + "/forwarding")
	return err == nil && len(b) > 0 && b[0] != '0'
}

// arpFrame builds a gratuitous ARP: sender and target are the address, the
// target's MAC address is all ones as keepalived sends it.
func arpFrame(mac net.HardwareAddr, a netip.Addr) ([]byte, error) {
	b, err := serialize(
		&layers.Ethernet{SrcMAC: mac, DstMAC: broadcastMAC, EthernetType: layers.EthernetTypeARP},
		&layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4,
			HwAddressSize: 6, ProtAddressSize: 4, Operation: layers.ARPRequest,
			SourceHwAddress: mac, SourceProtAddress: a.AsSlice(),
			DstHwAddress: broadcastMAC, DstProtAddress: a.AsSlice(),
		})
	if err != nil {
		return nil, err
	}
	return b[:arpLength], nil // padding is the driver's business
}

// naFrame builds an unsolicited neighbour advertisement (RFC 4861 §7.2.6).
func naFrame(mac net.HardwareAddr, a netip.Addr, router bool) ([]byte, error) {
	ip := &layers.IPv6{
		Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6,
		SrcIP: a.AsSlice(), DstIP: allNodes.AsSlice(),
	}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeNeighborAdvertisement, 0)}
	if err := icmp.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, err
	}
	na := &layers.ICMPv6NeighborAdvertisement{
		Flags: naOverride, TargetAddress: a.AsSlice(),
		Options: layers.ICMPv6Options{{Type: layers.ICMPv6OptTargetAddress, Data: mac}},
	}
	if router {
		na.Flags |= naRouter
	}
	return serialize(
		&layers.Ethernet{SrcMAC: mac, DstMAC: multicastMAC(allNodes), EthernetType: layers.EthernetTypeIPv6},
		ip, icmp, na)
}
