// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/cloudprovider"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/vrrp"
)

// claims runs the cloud claims of a configuration: one for each instance or
// group that names a cloud_claim.
type claims struct {
	stateDir string
	audit    *cloud.AuditLog // nil: not opened yet, or nowhere to write to
	auditing io.Closer
	opts     Options
	provider func(context.Context, cloudprovider.Options) (cloud.Provider, error)
	clock    func() time.Duration      // nil: since boot
	postTo   func(engine.TrackChanged) // nil: the loop does not run yet

	configuring sync.Mutex // one configure at a time; it may wait for a cloud
	limiters    map[string]*cloud.Limiter
	peers       peerServers

	mu   sync.Mutex // taken by the loop: never held while anything waits
	runs map[claimKey]*claimRun
	told map[notify.Subject]told // what each was told last, for claims to come
	// moved is closed and made anew when somebody is told.
	moved   chan struct{}
	local   map[netip.Addr]string // the kernel's addresses, and where they are
	routers map[vrrp.ID][]notify.Subject
}

// told is what an instance or group has become, for its claims.
type told struct {
	wanted     cloud.Wanted
	state      vrrp.State
	at         time.Time
	peerMaster bool // BACKUP because a MASTER is heard
}

func newClaims(o Options) *claims {
	c := &claims{
		stateDir: o.StateDir, opts: o, provider: cloudprovider.New, limiters: map[string]*cloud.Limiter{},
		runs: map[claimKey]*claimRun{}, told: map[notify.Subject]told{}, moved: make(chan struct{}), local: map[netip.Addr]string{},
	}
	c.peers.answer = c.report
	c.peers.log = o.Log
	return c
}

// postLevels tells the engine what every claim thinks, once it listens.
func (c *claims) postLevels(post func(engine.TrackChanged)) {
	c.mu.Lock()
	c.postTo = post
	c.mu.Unlock()
	for _, run := range c.all() {
		run.postLevel()
	}
}

func (c *claims) post(t engine.TrackChanged) {
	c.mu.Lock()
	post := c.postTo
	c.mu.Unlock()
	if post != nil {
		post(t)
	}
}

// configure starts, replaces and ends claims until they are those of specs. A
// claim that ends releases nothing; one that starts is told what its instance
// or group is now.
func (c *claims) configure(ctx context.Context, specs []claimSpec) error {
	c.configuring.Lock()
	defer c.configuring.Unlock()
	named := map[claimKey]bool{}
	var errs []error
	if err := c.openAudit(len(specs)); err != nil {
		c.opts.Log.Warn("cloud claims: writes leave no audit log", "err", err)
	}
	for _, s := range specs {
		named[s.key] = true
		old := c.all()[s.key]
		if old != nil && old.text == s.text() {
			continue
		}
		run, err := c.make(ctx, s)
		if err != nil {
			errs = append(errs, fmt.Errorf("cloud_claim %s: %w", s.key.name, err))
			continue
		}
		if old != nil {
			c.end(s.key, old)
		}
		c.begin(ctx, run)
	}
	for key, run := range c.all() {
		if !named[key] {
			c.end(key, run)
		}
	}
	c.peers.configure(specs)
	return errors.Join(errs...)
}

// openAudit opens the log of every write and change of ownership, once there is
// a claim.
func (c *claims) openAudit(specs int) (err error) {
	if specs == 0 || c.stateDir == "" || c.audit != nil {
		return nil
	}
	if err := os.MkdirAll(c.stateDir, 0o700); err != nil {
		return err
	}
	c.audit, c.auditing, err = cloud.OpenAuditLog(filepath.Join(c.stateDir, "claims.audit.jsonl"))
	return err
}

// all returns a copy of the running claims.
func (c *claims) all() map[claimKey]*claimRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.runs)
}

// end waits for the claim, which may be waiting for a cloud.
func (c *claims) end(key claimKey, run *claimRun) {
	c.mu.Lock()
	delete(c.runs, key)
	c.mu.Unlock()
	run.cancel()
	<-run.done
}

func (c *claims) begin(ctx context.Context, run *claimRun) {
	run.start(ctx)
	c.mu.Lock()
	c.runs[run.spec.key] = run
	if t, known := c.told[run.spec.key.who]; known {
		run.tell(t)
	}
	c.mu.Unlock()
	// Before anybody is tracked by it: what is not known would be a fault.
	run.postLevel()
}

// transition tells the claims of an instance or group what it has become. A
// claim ends its work at once, but begins it when [claims.proceed] says so. It
// runs on the loop's goroutine: SetWanted does not wait.
func (c *claims) transition(who notify.Subject, to vrrp.State, cause vrrp.Cause, priority uint8) {
	aside := cause.Code == vrrp.CauseStepAside || vrrp.CauseCode(cause.Detail) == vrrp.CauseStepAside
	t := told{state: to, at: time.Now(), peerMaster: to == vrrp.Backup && !aside, wanted: cloud.Wanted{
		Master: to == vrrp.Master, Cause: claimCause(cause), Reason: cause.String(),
		Self: cloud.Rank{Priority: priority},
	}}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told[who] = t
	close(c.moved)
	c.moved = make(chan struct{})
	if !t.wanted.Master {
		c.tell(who, t)
	}
}

// proceed lets the claims of an instance or group that is MASTER begin: its
// addresses are in place.
func (c *claims) proceed(who notify.Subject) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.told[who]; t.wanted.Master {
		c.tell(who, t)
	}
}

// tell hands news to the claims of an instance or group. The caller holds mu.
func (c *claims) tell(who notify.Subject, t told) {
	for key, run := range c.runs {
		if key.who == who {
			run.tell(t)
		}
	}
}

// forget drops what is known of instances and groups that are no more: one
// that comes back under the name begins anew.
func (c *claims) forget(known func(notify.Subject) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.told, func(who notify.Subject, _ told) bool { return !known(who) })
}

// claimCause says whether the old MASTER fell silent, which the guard doubts.
func claimCause(c vrrp.Cause) cloud.Cause {
	code := c.Code
	if code == vrrp.CauseGroup {
		code = vrrp.CauseCode(c.Detail)
	}
	switch code {
	case vrrp.CauseMasterResigned:
		return cloud.CausePriorityZero
	case vrrp.CausePreempted, vrrp.CauseOwner:
		return cloud.CausePreempt
	}
	return cloud.CauseMasterDown
}

// tick is the loop's sign of life.
func (c *claims) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, run := range c.runs {
		run.claim.Tick()
	}
}

// held waits until every claim of a subject is held, for what comes after it.
func (c *claims) held(ctx context.Context, who notify.Subject) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		pending := ""
		c.mu.Lock()
		for key, run := range c.runs {
			if s := run.claim.Status(); key.who == who && s.State != cloud.StateHeld && s.Mode == cloud.ModeEnforce {
				pending = s.Name + " is " + s.State.String()
			}
		}
		c.mu.Unlock()
		if pending == "" {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", pending, ctx.Err())
		}
	}
}

// close ends every claim.
func (c *claims) close() {
	c.configuring.Lock()
	defer c.configuring.Unlock()
	for key, run := range c.all() {
		c.end(key, run)
	}
	c.peers.close()
	if c.auditing != nil {
		_ = c.auditing.Close()
		c.audit, c.auditing = nil, nil
	}
}
