// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"github.com/govrrp/vrrpd/internal/host"
	"github.com/govrrp/vrrpd/internal/netio"
)

func hostRouter(r *Router) host.Router {
	h := host.Router{
		ID: r.ID, SourceFor: r.SourceFor, NoAccept: r.NoAccept,
		PromoteSecondaries: r.PromoteSecondaries, KeepAddresses: r.KeepAddresses, Static: r.Static,
	}
	for _, a := range r.Addresses {
		h.Addresses = append(h.Addresses, host.Address(a))
	}
	for _, x := range r.Routes {
		h.Routes = append(h.Routes, hostRoute(&x))
	}
	for _, x := range r.Rules {
		h.Rules = append(h.Rules, host.Rule(x))
	}
	if r.VMAC != nil {
		v := host.VMAC(*r.VMAC)
		h.VMAC = &v
	}
	return h
}

func hostRoute(r *Route) host.Route {
	out := host.Route{
		Type: r.Type, Destination: r.Destination, Via: r.Via, Device: r.Device, Source: r.Source,
		Table: r.Table, Protocol: r.Protocol, Scope: r.Scope, Metric: r.Metric, MTU: r.MTU,
		AdvMSS: r.AdvMSS, HopLimit: r.HopLimit, OnLink: r.OnLink, NoTrack: r.NoTrack,
	}
	for _, n := range r.NextHops {
		out.NextHops = append(out.NextHops, host.NextHop(n))
	}
	return out
}

func wireRouter(r *Router, h *host.Router, vmacName string) netio.Router {
	w := netio.Router{
		ID: r.ID, Unicast: len(r.Peers) > 0, Group: r.Group, TTL: r.TTL,
		ARPInterval: r.ARPInterval, NAInterval: r.NAInterval, AnnounceAll: r.AnnounceAll,
	}
	if r.OnlyPeers {
		w.OnlyFrom = r.Peers
	}
	if r.VMAC != nil {
		w.VMAC = &netio.VMAC{Name: vmacName, MAC: r.ID.VirtualMAC(), FromBase: r.VMAC.TransmitFromBase}
		if len(r.VMAC.MAC) == 6 {
			w.VMAC.MAC = [6]byte(r.VMAC.MAC)
		}
	}
	for i := range h.Addresses {
		a := &h.Addresses[i]
		w.Announced = append(w.Announced, netio.Announced{
			Address: a.Prefix.Addr(), Device: h.Base(a), Virtual: h.Virtual(a),
		})
	}
	return w
}
