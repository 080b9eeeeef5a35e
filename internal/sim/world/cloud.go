// SPDX-License-Identifier: Apache-2.0

package world

import (
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// The cloud's delays.
const (
	cloudObserve = 300 * time.Millisecond // the most a look takes
	cloudWrite   = 700 * time.Millisecond // the most a write takes to land
	cloudRecheck = 5 * time.Second        // between two looks while MASTER
	cloudSettles = 2*cloudRecheck + cloudObserve + cloudWrite
)

// follow makes a node's claimant follow a transition.
func (w *World) follow(n *node, v *view) {
	if w.setup.Cloud && v.state == vrrp.Master {
		v.term++
		w.look(n, v, v.term, cloudObserve)
	}
}

// look plans the claimant's next look at who has the addresses. It goes on
// for as long as the router is MASTER without a break.
func (w *World) look(n *node, v *view, term int, within time.Duration) {
	at := max(w.t+w.upTo(within), n.stalled)
	w.plan(at, occurrence{kind: newsArrives, node: n.index, life: n.life, news: func() { w.looked(n, v, term) }})
}

func (w *World) looked(n *node, v *view, term int) {
	switch {
	case n.stalled > w.t:
		w.look(n, v, term, 0)
	case mayClaim(v, term):
		if w.cloudDown == 0 && w.claims[v.domain] != n.Name {
			w.claim(n, v)
		}
		w.look(n, v, term, cloudRecheck)
	}
}

// mayClaim is the fence: who was MASTER once does not claim.
func mayClaim(v *view, term int) bool { return v.state == vrrp.Master && v.term == term }

// claim begins a write; once begun it lands, whatever becomes of the node.
func (w *World) claim(n *node, v *view) {
	if v.state != vrrp.Master {
		w.violated(n, "claims-as-master", "%s claims its addresses in %v", v.cfg.Name, v.state)
	}
	d := v.domain
	w.plan(w.t+w.upTo(cloudWrite), occurrence{kind: worldActs, node: n.index, news: func() {
		if w.cloudDown > 0 {
			return // lost on its way
		}
		w.claims[d] = n.Name
		w.tell(n, "cloud", "%v: now has the addresses", d)
	}})
}

// checkCloud: in the end the cloud sends traffic to the MASTER.
func (w *World) checkCloud() {
	if !w.setup.Cloud || w.cloudDown > 0 {
		return
	}
	for _, d := range w.domains {
		var masters []*view
		for _, v := range w.members(d) {
			if v.state == vrrp.Master {
				masters = append(masters, v)
			}
		}
		if len(masters) != 1 {
			continue // a divided segment: whoever looked last
		}
		if has := w.claims[d]; has != masters[0].node.Name {
			w.violated(masters[0].node, "cloud-follows-master", "%v: the cloud sends traffic to %q", d, has)
		}
	}
}
