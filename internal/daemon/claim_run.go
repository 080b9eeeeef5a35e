// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/azure"
	"github.com/govrrp/vrrpd/cloud/capture"
	"github.com/govrrp/vrrpd/cloud/guard"
	"github.com/govrrp/vrrpd/engine"
)

// claimRun is one claim at work, with what belongs to it.
type claimRun struct {
	owner   *claims
	spec    claimSpec
	text    string // what it was made from: a changed one is made anew
	limiter *cloud.Limiter

	claim  *cloud.Claim
	guard  *guard.Guard    // nil: none
	self   *guard.Guard    // the part of guard that asks about this node
	key    cloud.Secret    // signs answers
	keeper *capture.Keeper // nil: no routes are looked for
	probe  *azure.Probe    // nil: no port

	changes chan cloud.Status // the newest one
	cancel  context.CancelFunc
	done    chan struct{}

	mu     sync.Mutex
	fault  string // why this node must not be MASTER
	differ string // how the peer's configuration differs
	strays []stray
}

// Periods of what a claim does beside the reconciler.
const (
	selfCheckEvery = 5 * time.Second // is this node still cut off?
	yieldFault     = 5 * time.Minute // as long as the claim would give way
	peerEvery      = time.Minute     // is the peer configured alike?
	strayEvery     = 10 * time.Second
)

// start runs all parts until cancel.
func (r *claimRun) start(ctx context.Context) {
	ctx, r.cancel = context.WithCancel(ctx)
	r.done = make(chan struct{})
	var parts sync.WaitGroup
	parts.Go(func() {
		if err := r.claim.Run(ctx); err != nil && ctx.Err() == nil {
			r.owner.opts.Log.Error("cloud claim ended", "claim", r.spec.key.String(), "err", err)
		}
	})
	parts.Go(func() { r.watch(ctx) })
	if r.keeper != nil {
		parts.Go(func() { _ = r.keeper.Run(cloud.WithLimiter(ctx, r.limiter)) })
	}
	if k := r.spec.conf.Guard; k != nil && k.Status != "" {
		parts.Go(func() { r.comparePeer(ctx) })
	}
	go func() {
		defer close(r.done)
		parts.Wait()
		if r.probe != nil {
			r.probe.Close()
		}
	}()
}

// tell passes on what VRRP says. It runs on the loop's goroutine: nothing here
// waits. The routes come first: the claim must know what it is to take.
func (r *claimRun) tell(t told) {
	if r.keeper != nil {
		r.keeper.SetState(capture.State{Master: t.wanted.Master, PeerMaster: t.peerMaster})
	}
	r.claim.SetWanted(t.wanted)
}

// changed is called by the claim with each new status.
func (r *claimRun) changed(s cloud.Status) {
	if r.probe != nil {
		r.probe.Set(s.State.Acting())
	}
	select {
	case <-r.changes:
	default:
	}
	r.changes <- s
}

// watch turns states of the claim into faults of the router, and back.
func (r *claimRun) watch(ctx context.Context) {
	var again <-chan time.Time
	last := cloud.StateIdle
	look := time.NewTicker(strayEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			r.lookForStrays()
		case s := <-r.changes:
			if s.State != last {
				last = s.State
				r.log(s)
			}
			switch {
			case s.State == cloud.StateCutOff && r.setFault("cut off: "+s.Guard):
				again = time.After(selfCheckEvery)
			case s.State == cloud.StateYielded && r.spec.conf.OnYield == "fault" && r.setFault("gave way to another claimant for "+yieldFault.String()):
				again = time.After(yieldFault)
			}
		case <-again:
			if again = nil; last == cloud.StateYielded || r.reconnected(ctx) {
				r.setFault("")
			} else {
				again = time.After(selfCheckEvery)
			}
		}
	}
}

// reconnected asks whether this node reaches its own network again. Only the
// fault of a guard is lifted by it; that of a yield has had its time.
func (r *claimRun) reconnected(ctx context.Context) bool {
	if r.self == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, r.spec.conf.Guard.Budget)
	defer cancel()
	return r.self.Run(ctx).Decision != cloud.CutOff
}

// setFault tells the engine; "" lifts the fault. It reports whether that is news.
func (r *claimRun) setFault(detail string) bool {
	r.mu.Lock()
	news := r.fault != detail
	r.fault = detail
	r.mu.Unlock()
	if news {
		r.postLevel()
	}
	return news
}

// postLevel tells the engine whether this node may be MASTER.
func (r *claimRun) postLevel() {
	r.mu.Lock()
	level := engine.Level{Known: true, Good: r.fault == "", Detail: r.fault}
	r.mu.Unlock()
	r.owner.post(engine.TrackChanged{Track: r.spec.key.track(), Level: level})
}

// log says what a person should hear of.
func (r *claimRun) log(s cloud.Status) {
	log := r.owner.opts.Log.Info
	switch s.State {
	case cloud.StateSuspect, cloud.StateCutOff, cloud.StateDegraded, cloud.StateYielded:
		log = r.owner.opts.Log.Warn
	default:
	}
	args := []any{"claim", s.Name, "state", s.State.String()}
	if s.Guard != "" && (s.State == cloud.StateSuspect || s.State == cloud.StateCutOff) {
		args = append(args, "guard", s.Guard)
	}
	if s.LastError != "" {
		args = append(args, "error", s.LastError)
	}
	log("cloud claim", args...)
}
