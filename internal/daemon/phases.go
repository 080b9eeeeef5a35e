// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/notify/conntrack"
	"github.com/govrrp/vrrpd/runner"
	"github.com/govrrp/vrrpd/vrrp"
)

// Limits of the phases that the host lanes carry out.
const (
	// commitTime is how long the addresses wait for connection tracking.
	commitTime = 2 * time.Second
	// addressTime is how long what comes after the addresses waits for them. It
	// is longer than a host call may take, so that such a call ends first.
	addressTime = 35 * time.Second
	// announceTime is how long it then waits for the announcements, which are
	// paced when garp_interval says so.
	announceTime = time.Second
)

var errUnsettled = fmt.Errorf("not settled in %v, what comes next did not wait", addressTime)

// phases carries out the first steps of what follows a transition, and lets
// the later ones wait for them:
//
//	conntrack commit → addresses → announcement → claim → IPsec → scripts
//
// It is the runner's host: a host lane of each router, so no advert waits.
// What is waited for is a level, the state of the addresses, and not an event:
// whoever comes late or twice sees what is.
type phases struct {
	host runner.Host

	mu      sync.Mutex
	routers map[vrrp.ID]*ownership
	commits map[notify.Subject]*commit
}

// ownership is what was carried out for a router, or is being carried out.
type ownership struct {
	own       runner.Ownership
	busy      bool
	announced bool // since it owns
	err       error
	changed   chan struct{} // closed and made anew with each change
}

// commit is what one instance or group does before its addresses come, once
// for all of its routers and for each time they come.
type commit struct {
	routers []vrrp.ID
	run     func(context.Context) notify.Outcome
	begun   bool          // since a router released
	done    chan struct{} // closed: outcome is there
	outcome notify.Outcome
}

func newPhases() *phases {
	return &phases{routers: map[vrrp.ID]*ownership{}, commits: map[notify.Subject]*commit{}}
}

// configure sets who has a conntrack_sync. What is under way goes on.
func (p *phases) configure(c *config.Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.commits
	p.commits = map[notify.Subject]*commit{}
	add := func(who notify.Subject, sync *config.Conntrack, routers []vrrp.ID) {
		if sync == nil {
			return
		}
		k := before[who]
		if k == nil {
			k = &commit{done: make(chan struct{})}
		}
		k.routers, k.run = routers, conntrackTarget(sync).Commit
		p.commits[who] = k
	}
	for _, i := range c.Instances {
		add(notify.Subject{Kind: notify.Instance, Name: i.Name}, i.Conntrack, []vrrp.ID{routerID(i)})
	}
	for _, g := range c.SyncGroups {
		add(notify.Subject{Kind: notify.Group, Name: g.Name}, g.Conntrack, groupRouters(c, g))
	}
	maps.DeleteFunc(p.routers, func(id vrrp.ID, o *ownership) bool {
		gone := !slices.ContainsFunc(c.Instances, func(i *config.Instance) bool { return routerID(i) == id })
		return gone && o.own == runner.Release && !o.busy
	})
}

func conntrackTarget(c *config.Conntrack) *conntrack.Target {
	return conntrack.New(conntrack.Config{Program: c.Command, File: c.ConfigFile, StepTimeout: c.Timeout, Early: true})
}

func groupRouters(c *config.Config, g *config.SyncGroup) []vrrp.ID {
	var all []vrrp.ID
	for _, m := range g.Members {
		if i := c.Instance(m); i != nil {
			all = append(all, routerID(i))
		}
	}
	return all
}

// router returns what is known of a router. The caller holds the lock.
func (p *phases) router(id vrrp.ID) *ownership {
	o := p.routers[id]
	if o == nil {
		o = &ownership{changed: make(chan struct{})}
		p.routers[id] = o
	}
	return o
}

// set changes what is known of a router.
func (p *phases) set(id vrrp.ID, change func(*ownership)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.router(id)
	change(o)
	close(o.changed)
	o.changed = make(chan struct{})
}

// Apply implements runner.Host.
func (p *phases) Apply(ctx context.Context, id vrrp.ID, own runner.Ownership) error {
	p.set(id, func(o *ownership) {
		if o.own != own {
			*o = ownership{own: own, busy: true, changed: o.changed}
		}
	})
	for _, done := range p.begin(id, own) {
		select {
		case <-done:
		case <-time.After(commitTime): // a program that cannot even be ended
		case <-ctx.Done():
		}
	}
	err := p.host.Apply(ctx, id, own)
	p.set(id, func(o *ownership) { o.busy, o.err = false, err })
	return err
}

// Announce implements runner.Host.
func (p *phases) Announce(ctx context.Context, id vrrp.ID, a vrrp.Announce) error {
	err := p.host.Announce(ctx, id, a)
	p.set(id, func(o *ownership) { o.announced = true })
	return err
}

// begin starts the commits that must end before a router gets its addresses,
// or makes them necessary again when it releases them.
func (p *phases) begin(id vrrp.ID, own runner.Ownership) (wait []chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.commits {
		switch {
		case !slices.Contains(k.routers, id):
			continue
		case own == runner.Release:
			if k.begun {
				k.begun, k.done = false, make(chan struct{})
			}
			continue
		case !k.begun:
			k.begun = true
			go p.commit(k, k.run, k.done)
		}
		wait = append(wait, k.done)
	}
	return wait
}

func (p *phases) commit(k *commit, run func(context.Context) notify.Outcome, done chan struct{}) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), commitTime, fmt.Errorf("not done in %v, the addresses did not wait", commitTime))
	defer cancel()
	outcome := run(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if k.done == done {
		k.outcome = outcome
	}
	close(done)
}

// wait returns once there is nothing to wait for: blocked, called with the
// lock held, returns what is closed when it should look again.
func (p *phases) wait(ctx context.Context, blocked func() <-chan struct{}) error {
	for {
		p.mu.Lock()
		changed := blocked()
		p.mu.Unlock()
		if changed == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// every is for wait: until something holds for all of some routers.
func (p *phases) every(routers []vrrp.ID, holds func(*ownership) bool) func() <-chan struct{} {
	return func() <-chan struct{} {
		for _, id := range routers {
			if o := p.router(id); !holds(o) {
				return o.changed
			}
		}
		return nil
	}
}

// committed tells what became of an instance's or group's commit.
func (p *phases) committed(who notify.Subject) notify.Hook {
	return notify.Hook{On: []notify.State{notify.Master}, Yields: true, Target: commitTarget{p, who}}
}

type commitTarget struct {
	phases *phases
	who    notify.Subject
}

func (t commitTarget) Name() string { return "conntrack_commit" }

func (t commitTarget) Notify(ctx context.Context, _ notify.Event) (out notify.Outcome) {
	ctx, cancel := context.WithTimeout(ctx, addressTime)
	defer cancel()
	err := t.phases.wait(ctx, func() <-chan struct{} {
		k := t.phases.commits[t.who]
		if k == nil {
			return nil // a reload took it away
		}
		select {
		case <-k.done:
			out = k.outcome
			return nil
		default:
			return k.done
		}
	})
	if err != nil {
		return notify.Outcome{Exit: -1, Err: err}
	}
	return out
}

// settled waits until the addresses of routers are as a state wants them: in
// place and announced on MASTER, gone otherwise. Addresses that cannot be added
// make the router leave MASTER, which ends the wait; what could not be removed
// is reported.
func (p *phases) settled(routers []vrrp.ID) notify.Hook {
	target := notify.Func("addresses", func(ctx context.Context, e notify.Event) error {
		switch e.State {
		case notify.Stop:
			return nil // the runner has ended, and waited
		case notify.Master:
			return p.owned(ctx, routers)
		}
		return p.released(ctx, routers)
	})
	return notify.Hook{Target: target, Yields: true}
}

func (p *phases) owned(ctx context.Context, routers []vrrp.ID) error {
	placing, cancel := context.WithTimeoutCause(ctx, addressTime, errUnsettled)
	defer cancel()
	placed := func(o *ownership) bool { return o.own == runner.Own && !o.busy && o.err == nil }
	if err := p.wait(placing, p.every(routers, placed)); err != nil {
		return err
	}
	announcing, cancel := context.WithTimeout(ctx, announceTime)
	defer cancel()
	_ = p.wait(announcing, p.every(routers, func(o *ownership) bool { return o.announced })) // the rest goes out meanwhile
	return nil
}

func (p *phases) released(ctx context.Context, routers []vrrp.ID) error {
	ctx, cancel := context.WithTimeoutCause(ctx, addressTime, errUnsettled)
	defer cancel()
	if err := p.wait(ctx, p.every(routers, func(o *ownership) bool { return o.own == runner.Release && !o.busy })); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var failed []error
	for _, id := range routers {
		failed = append(failed, p.router(id).err)
	}
	return errors.Join(failed...)
}
