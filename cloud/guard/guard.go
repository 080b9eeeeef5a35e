// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"time"

	"github.com/govrrp/vrrpd/cloud"
)

// Side says whom a probe asks.
type Side uint8

// The sides.
const (
	Peer     Side = iota // the other node, by whatever answers there
	Gateway              // this node's way out
	Metadata             // the cloud's metadata service, on this host
	API                  // the cloud's API
	Witness              // a third party that sees both nodes
)

// String returns the word used in reasons.
func (s Side) String() string {
	return [...]string{"peer", "gateway", "metadata", "api", "witness"}[min(s, Witness)]
}

// PeerState is what the peer (or a witness, about the peer) says of itself.
type PeerState uint8

// The states. Only a status that was authenticated counts.
const (
	NoStatus    PeerState = iota // nothing was said, or it could not be believed
	PeerMaster                   // MASTER and healthy
	PeerStandby                  // BACKUP, FAULT, INIT, or MASTER but not healthy
)

// Answer is what one probe found.
type Answer struct {
	Alive bool
	State PeerState
}

// Probe asks one thing, once. Ask returns when ctx ends at the latest.
type Probe interface {
	// Name names the probe in reasons.
	Name() string
	// Side says whom it asks.
	Side() Side
	// Ask asks; an error is an answer too: it was silent.
	Ask(ctx context.Context) (Answer, error)
}

// Finding is the evidence of one probe.
type Finding struct {
	Name   string
	Side   Side
	Answer Answer
	Err    error // why there was no answer
}

// Guard implements [cloud.Guard] with a set of probes.
type Guard struct {
	Probes []Probe
	// Hold is how long a claim is held back at most; zero: the claim's own limit.
	Hold time.Duration
	// OnEvidence, if not nil, receives what was found, for logs and status.
	OnEvidence func([]Finding, cloud.Verdict)
}

// Run asks all probes at once and decides when all have answered or ctx ends,
// whichever comes first. A probe that ignores ctx is left behind as silent.
func (g *Guard) Run(ctx context.Context) cloud.Verdict {
	type reply struct {
		i int
		f Finding
	}
	replies := make(chan reply, len(g.Probes))
	found := make([]Finding, len(g.Probes))
	for i, p := range g.Probes {
		found[i] = Finding{Name: p.Name(), Side: p.Side(), Err: context.DeadlineExceeded}
		go func() {
			a, err := p.Ask(ctx)
			if err != nil {
				a = Answer{}
			}
			replies <- reply{i, Finding{Name: p.Name(), Side: p.Side(), Answer: a, Err: err}}
		}()
	}
	for range g.Probes {
		select {
		case r := <-replies:
			found[r.i] = r.f
			continue
		case <-ctx.Done():
		}
		break
	}
	v := Decide(found)
	v.For = g.Hold
	if g.OnEvidence != nil {
		g.OnEvidence(found, v)
	}
	return v
}
