// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/internal/cloudprovider"
	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/vrrp"
)

// claims runs the cloud claims of a configuration: one for each instance or
// group that names a cloud_claim.
type claims struct {
	stateDir string
	limiter  *cloud.Limiter
	audit    *cloud.AuditLog
	opts     Options

	configuring sync.Mutex // one configure at a time; it may wait for a cloud

	mu     sync.Mutex // taken by the loop: never held while anything waits
	runs   map[claimKey]*claimRun
	wanted map[notify.Subject]cloud.Wanted // what each was told last, for claims to come
}

type claimKey struct {
	who  notify.Subject
	name string
}

// claimRun is one claim at work.
type claimRun struct {
	claim  *cloud.Claim
	spec   string // what it was made from: a changed one is made anew
	cancel context.CancelFunc
	done   chan struct{}
}

// claimSpec is what a claim is made from.
type claimSpec struct {
	key   claimKey
	conf  *config.CloudClaim
	items []cloud.Item
	lease time.Duration
	// source is where requests leave from when the kernel would pick a VIP;
	// else the kernel knows the way best.
	source netip.Addr
}

func newClaims(o Options) *claims {
	return &claims{stateDir: o.StateDir, limiter: cloud.NewLimiter(nil), opts: o, runs: map[claimKey]*claimRun{}, wanted: map[notify.Subject]cloud.Wanted{}}
}

// claimSpecs translates the claims of a configuration.
func claimSpecs(c *config.Config) ([]claimSpec, error) {
	var specs []claimSpec
	var errs []error
	add := func(who notify.Subject, names []string, vips []netip.Addr, interval time.Duration, source netip.Addr) {
		for _, name := range names {
			i := slices.IndexFunc(c.Claims, func(k *config.CloudClaim) bool { return k.Name == name })
			if i < 0 {
				errs = append(errs, fmt.Errorf("%s: there is no cloud_claim %q", who.Name, name))
				continue
			}
			specs = append(specs, claimSpec{
				key: claimKey{who, name}, conf: c.Claims[i], items: claimItems(c.Claims[i], vips), lease: 3 * interval, source: source,
			})
		}
	}
	for _, i := range c.Instances {
		add(notify.Subject{Kind: notify.Instance, Name: i.Name}, i.Claims, advertised(i), i.AdvertInterval, claimSource(i))
	}
	for _, g := range c.SyncGroups {
		var vips []netip.Addr
		interval := time.Duration(0)
		source := netip.Addr{}
		for _, m := range g.Members {
			if i := c.Instance(m); i != nil {
				vips = append(vips, advertised(i)...)
				interval = max(interval, i.AdvertInterval)
				source = claimSource(i)
			}
		}
		add(notify.Subject{Kind: notify.Group, Name: g.Name}, g.Claims, vips, interval, source)
	}
	return specs, errors.Join(errs...)
}

func claimSource(i *config.Instance) netip.Addr {
	if i.SourceAddress == config.SourceVIP {
		return i.Source
	}
	return netip.Addr{}
}

// claimItems is what a claim wants to own: its own VIPs or, without any, those
// of the instance or group that names it.
func claimItems(k *config.CloudClaim, vips []netip.Addr) []cloud.Item {
	if len(k.VIPs) > 0 {
		vips = k.VIPs
	}
	nic := k.NIC
	if nic == "" {
		nic = k.Interface
	}
	var items []cloud.Item
	for _, a := range vips {
		it := cloud.VIP(a)
		it.NIC = nic
		items = append(items, it)
	}
	for n, text := range k.PublicIPs {
		it := cloud.Item{Kind: cloud.PublicIP, NIC: nic}
		it.Addr, _ = netip.ParseAddr(text) // validated when it was read
		if n < len(vips) {
			it.Target = vips[n]
		}
		items = append(items, it)
	}
	for _, r := range k.Routes {
		items = append(items, cloud.Item{Kind: cloud.Route, Table: r.Table, Dest: r.Destination, NIC: nic})
	}
	return items
}

// text is what a claim is made from, for comparison, wherever it was written.
func (s claimSpec) text() string {
	k, g := *s.conf, config.Guard{}
	if k.Guard != nil {
		g = *k.Guard
	}
	k.Place, k.Guard, g.Place = config.Place{}, nil, config.Place{}
	return fmt.Sprintf("%+v %+v %+v %v %v", k, g, s.items, s.lease, s.source)
}

// configure starts, replaces and ends claims until they are those of specs. A
// claim that ends releases nothing; one that starts is told what its instance
// or group is now.
func (c *claims) configure(ctx context.Context, specs []claimSpec) error {
	c.configuring.Lock()
	defer c.configuring.Unlock()
	named := map[claimKey]bool{}
	var errs []error
	for _, s := range specs {
		named[s.key] = true
		text := s.text()
		old := c.all()[s.key]
		if old != nil && old.spec == text {
			continue
		}
		claim, err := c.make(ctx, s)
		if err != nil {
			errs = append(errs, fmt.Errorf("cloud_claim %s: %w", s.key.name, err))
			continue
		}
		if old != nil {
			c.end(s.key, old)
		}
		c.begin(ctx, s.key, claim, text)
	}
	for key, run := range c.all() {
		if !named[key] {
			c.end(key, run)
		}
	}
	return errors.Join(errs...)
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

func (c *claims) begin(ctx context.Context, key claimKey, claim *cloud.Claim, text string) {
	ctx, cancel := context.WithCancel(ctx)
	run := &claimRun{claim: claim, spec: text, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(run.done)
		if err := claim.Run(ctx); err != nil && ctx.Err() == nil {
			c.opts.Log.Error("cloud claim ended", "claim", key.who.Name+"/"+key.name, "err", err)
		}
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs[key] = run
	if w, known := c.wanted[key.who]; known {
		claim.SetWanted(w)
	}
}

// make builds a claim; it may ask the machine which cloud this is.
func (c *claims) make(ctx context.Context, s claimSpec) (*cloud.Claim, error) {
	k := s.conf
	var peers []string
	if k.PeerNIC != "" {
		peers = []string{k.PeerNIC}
	}
	provider, err := cloudprovider.New(ctx, cloudprovider.Options{
		PeerNICs: peers,
		Provider: k.Provider, Endpoint: k.Endpoint, MetadataEndpoint: k.MetadataEndpoint,
		Region: k.Region, Profile: k.Profile, CredentialsFile: k.CredentialsFile,
		Subscription: k.Subscription, ResourceGroup: k.ResourceGroup, Timeout: k.Timeout, Source: s.source,
	})
	if err != nil {
		return nil, err
	}
	conf := cloud.Config{
		Name: s.key.who.Name + "/" + k.Name, Provider: provider, Items: s.items, Mode: claimMode(k.Mode),
		Lease: s.lease, Limiter: c.limiter, Audit: c.audit, Log: c.opts.Log, Timing: cloud.Timing{Drift: k.CheckInterval},
	}
	if c.stateDir != "" {
		conf.Generations = cloud.FileGenerations(filepath.Join(c.stateDir, s.key.who.Name+"-"+k.Name+".generation"))
	}
	if k.Guard != nil {
		conf.Guard, conf.OnSuspect = claimGuard(k.Guard), suspicion(k.Guard)
		conf.Timing.GuardBudget = k.Guard.Budget
	}
	return cloud.New(conf)
}

func claimMode(m config.ClaimMode) cloud.Mode {
	switch m {
	case config.ClaimDryRun:
		return cloud.ModeDryRun
	case config.ClaimOff:
		return cloud.ModeOff
	}
	return cloud.ModeEnforce
}

// transition tells the claims of an instance or group what it has become. A
// claim ends its work at once, but begins it when [claims.proceed] says so. It
// runs on the loop's goroutine: SetWanted does not wait.
func (c *claims) transition(who notify.Subject, to vrrp.State, cause vrrp.Cause, priority uint8) {
	wanted := cloud.Wanted{
		Master: to == vrrp.Master, Cause: claimCause(cause), Reason: cause.String(),
		Self: cloud.Rank{Priority: priority},
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted[who] = wanted
	if !wanted.Master {
		c.tell(who, wanted)
	}
}

// proceed lets the claims of an instance or group that is MASTER begin: its
// addresses are in place.
func (c *claims) proceed(who notify.Subject) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.wanted[who]; w.Master {
		c.tell(who, w)
	}
}

// tell hands a wish to the claims of an instance or group. The caller holds mu.
func (c *claims) tell(who notify.Subject, wanted cloud.Wanted) {
	for key, run := range c.runs {
		if key.who == who {
			run.claim.SetWanted(wanted)
		}
	}
}

// forget drops what is known of instances and groups that are no more: one
// that comes back under the name begins anew.
func (c *claims) forget(known func(notify.Subject) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.wanted, func(who notify.Subject, _ cloud.Wanted) bool { return !known(who) })
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

// status returns the claims of a subject as the status shows them, or nil.
func (c *claims) status(who notify.Subject) json.RawMessage {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []cloud.Status
	for key, run := range c.runs {
		if key.who == who {
			all = append(all, run.claim.Status())
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b cloud.Status) int { return strings.Compare(a.Name, b.Name) })
	text, err := json.Marshal(all)
	if err != nil {
		return nil // Status holds nothing that JSON cannot express
	}
	return text
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
}
