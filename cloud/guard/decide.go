// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"strings"

	"github.com/govrrp/vrrpd/cloud"
)

// side sums up the probes of one side.
type side struct {
	asked, alive  bool
	master, other bool // an authenticated status said so
}

// Decide turns evidence into a verdict. It is pure; the first row that matches
// decides:
//
//	gateway and metadata both asked and both silent    → cut off: this node is the one
//	a witness answers with a state                     → majority of this node, peer, witness
//	peer status: MASTER and healthy                    → hold
//	peer answers, says something else or nothing       → claim; the advert path is broken
//	peer silent (or not asked)                         → claim
//
// The cloud's API being silent changes nothing here: the claim stays pending
// and is retried by the reconciler; a node must not leave MASTER for it.
func Decide(found []Finding) cloud.Verdict {
	var s [Witness + 1]side
	for _, f := range found {
		if f.Side > Witness {
			continue
		}
		d := &s[f.Side]
		d.asked = true
		d.alive = d.alive || f.Answer.Alive
		d.master = d.master || f.Answer.State == PeerMaster
		d.other = d.other || f.Answer.State == PeerStandby
	}
	cut := s[Gateway].asked && s[Metadata].asked && !s[Gateway].alive && !s[Metadata].alive
	if cut {
		return verdict(cloud.CutOff, "gateway and metadata service are silent: this node is cut off", found)
	}
	if w := s[Witness]; w.alive && (w.master || w.other) {
		return byWitness(s[Peer], w, found)
	}
	switch p := s[Peer]; {
	case p.master:
		return verdict(cloud.Hold, "the peer says it is MASTER and well: adverts are being lost", found)
	case p.alive && p.other:
		return verdict(cloud.ClaimNow, "the peer is alive and not MASTER: the advert path is broken", found)
	case p.alive:
		return verdict(cloud.ClaimNow, "the peer answers, but tells no state: the advert path is broken", found)
	case !p.asked:
		return verdict(cloud.ClaimNow, "no probe of the peer is configured", found)
	default:
		return verdict(cloud.ClaimNow, "the peer is silent on every probe", found)
	}
}

// byWitness takes the majority of three voices on "the old MASTER is well":
// this node, which heard no adverts, says no; the peer's own status; and the
// witness. A peer that says nothing has no voice, and then the witness decides,
// being the only one that saw anything.
func byWitness(peer, witness side, found []Finding) cloud.Verdict {
	switch {
	case witness.master && (peer.master || !peer.other):
		return verdict(cloud.Hold, "the witness sees the peer as MASTER", found)
	case witness.master:
		return verdict(cloud.ClaimNow, "the witness sees the peer as MASTER, the peer itself denies it", found)
	default:
		return verdict(cloud.ClaimNow, "the witness does not see the peer as MASTER", found)
	}
}

func verdict(d cloud.Decision, why string, found []Finding) cloud.Verdict {
	var b strings.Builder
	b.WriteString(why)
	for i, f := range found {
		b.WriteString([]string{" (", ", "}[min(i, 1)])
		b.WriteString(f.Name)
		switch {
		case f.Answer.State == PeerMaster:
			b.WriteString(": master")
		case f.Answer.State == PeerStandby:
			b.WriteString(": standby")
		case f.Answer.Alive:
			b.WriteString(": alive")
		default:
			b.WriteString(": silent")
		}
	}
	if len(found) > 0 {
		b.WriteString(")")
	}
	return cloud.Verdict{Decision: d, Reason: b.String()}
}
