// SPDX-License-Identifier: Apache-2.0

package host

import (
	"strings"

	"github.com/govrrp/vrrpd/vrrp"
)

// occasion is why owned routers are looked after.
type occasion uint8

const (
	// something was removed: whoever did it was not us, so tell.
	somethingRemoved occasion = iota
	// an interface came up, or events were missed: an interface that is down
	// loses IPv6 addresses and routes by itself, which is no theft.
	somethingReturned
)

// verify looks whether owned routers still have what they should, and puts
// back what is missing.
func (h *Host) verify(why occasion) {
	lost := h.restore()
	if why == somethingReturned {
		return
	}
	for id, detail := range lost {
		h.log.Warn("somebody removed what this router owns; putting it back", "router", id.String(), "lost", detail)
		if h.opts.OnLost != nil {
			h.opts.OnLost(id, detail)
		}
	}
}

// restore puts back what is missing and names it.
func (h *Host) restore() map[vrrp.ID]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.nl == nil {
		return nil
	}
	lost := map[vrrp.ID]string{}
	var have observed
	for _, id := range sorted(h.routers) {
		if !h.owned[id] {
			continue
		}
		if have == nil {
			var err error
			if have, err = h.observe(); err != nil {
				h.log.Warn("cannot verify addresses", "err", err)
				return nil
			}
		}
		missing := h.missing(h.routers[id], have)
		if len(missing) == 0 {
			continue
		}
		lost[id] = strings.Join(missing, ", ")
		if err := h.own(h.routers[id]); err != nil {
			h.log.Warn("cannot put back what was removed", "router", id.String(), "err", err)
		}
	}
	return lost
}

// missing names what an owned router lacks although its interface is up.
func (h *Host) missing(r *Router, have observed) []string {
	addrs, err := h.place(r)
	if err != nil {
		return nil
	}
	var missing []string
	for _, p := range addrs {
		if p.link != nil && running(p.link) && !have[p.key] && !p.NoTrack {
			missing = append(missing, p.Prefix.String()+" on "+p.device)
		}
	}
	return append(missing, h.missingRoutes(r)...)
}

// watchesRoutes reports whether any router has routes to lose.
func (h *Host) watchesRoutes() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.routers {
		if len(r.Routes) > 0 {
			return true
		}
	}
	return false
}
