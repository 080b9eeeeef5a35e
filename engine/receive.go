// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/govrrp/vrrpd/vrrp"
)

// InterfaceRefusals counts the packets that arrived on an interface and
// belong to no router here, by reason.
type InterfaceRefusals struct {
	Interface string
	Counts    vrrp.RefusalCounts
}

// receive finds the router a datagram is for and tells it. What cannot be
// parsed is counted at the router its VRID names, if there is one.
func (e *Engine) receive(f *FrameReceived) {
	a, err := vrrp.Parse(f.Datagram)
	if why, refused := err.(vrrp.Refusal); refused {
		e.refuse(f, why)
		return
	}
	n := e.addressee(f, a.VRID)
	if n == nil {
		e.count(f.Interface, vrrp.RefusedVRID)
		return
	}
	e.advert = vrrp.AdvertReceived{Advert: a, Source: f.Source, Destination: f.Destination, TTL: f.TTL}
	e.tell(n, &e.advert)
	e.advert = vrrp.AdvertReceived{}
}

func (e *Engine) refuse(f *FrameReceived, why vrrp.Refusal) {
	if len(f.Payload) > 1 {
		if n := e.addressee(f, f.Payload[1]); n != nil {
			e.bad = vrrp.PacketRefused{Reason: why, Source: f.Source}
			e.tell(n, &e.bad)
			return
		}
	}
	e.count(f.Interface, why)
}

// addressee returns the router a datagram is for, or nil. A unicast advert
// may arrive on another interface than its router's: routing decides.
func (e *Engine) addressee(f *FrameReceived, vrid uint8) *node {
	id := vrrp.ID{Interface: f.Interface, VRID: vrid, Family: vrrp.FamilyOf(f.Source)}
	if n := e.index.byID[id]; n != nil {
		return n
	}
	if f.Destination.IsMulticast() {
		return nil
	}
	for _, n := range e.index.unicast[vrid] {
		if n.cfg.ID.Family == id.Family && n.sends(f.Destination) {
			return n
		}
	}
	return nil
}

// sends reports whether the node's adverts come from a.
func (n *node) sends(a netip.Addr) bool {
	if n.cfg.Source.IsValid() {
		return n.cfg.Source == a
	}
	return n.source == a
}

// maxRefusalInterfaces bounds the table of unattributed refusals.
const maxRefusalInterfaces = 256

func (e *Engine) count(iface string, why vrrp.Refusal) {
	i, known := slices.BinarySearchFunc(e.refused, iface, func(r InterfaceRefusals, name string) int {
		return strings.Compare(r.Interface, name)
	})
	if !known {
		if len(e.refused) >= maxRefusalInterfaces {
			return
		}
		e.refused = slices.Insert(e.refused, i, InterfaceRefusals{Interface: iface})
	}
	e.refused[i].Counts[why]++
}
