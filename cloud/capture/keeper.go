// SPDX-License-Identifier: Apache-2.0

package capture

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/internal/statefile"
)

// Home says which of the two nodes the routes point at in normal operation.
type Home uint8

// The home node. Without one nothing is learned.
const (
	NoHome Home = iota
	SelfIsHome
	PeerIsHome
)

// State is what VRRP says, as a level.
type State struct {
	Master     bool // this node is MASTER
	PeerMaster bool // the peer's adverts are heard
}

// Config configures a [Keeper]. Lister, Discover and Apply are required; with
// a home node, Self, Peer and File too.
type Config struct {
	Lister   cloud.RouteLister
	Discover func(context.Context) (cloud.Node, error)
	// Scopes choose the route tables: those that are in any of them.
	Scopes []cloud.RouteScope
	// Dests are wanted in every table in scope that has them, whoever they
	// point at.
	Dests []netip.Prefix
	// Self and Peer are the two nodes' private addresses that routes point at.
	// Routes that are taken point at Self.
	Self, Peer netip.Addr
	Home       Home
	// File keeps what was learned across restarts; "": only in memory.
	File string
	// Static are the claim's other items; Apply replaces the claim's items,
	// usually [cloud.Claim.SetItems].
	Static []cloud.Item
	Apply  func([]cloud.Item) error
	// NoAdopt leaves routes alone that point at the home node but were not
	// learned yet; by default they are taken too.
	NoAdopt bool
	Log     *slog.Logger
	// Every is the period of listings, Steady how long nothing must have
	// changed before one is learned from. Defaults: 60 s and 120 s.
	Every, Steady time.Duration
}

// Keeper learns routes and hands them to a claim.
type Keeper struct {
	cfg  Config
	wake chan struct{}

	mu       sync.Mutex
	state    State
	since    time.Time
	stored   Stored
	spread   []cloud.Item // Dests in the tables that have them
	findings []cloud.Finding
	loadErr  error
}

// New loads what was learned before. A file that is damaged is reported by
// [Keeper.Findings] and otherwise ignored.
func New(cfg Config) (*Keeper, error) {
	if cfg.Lister == nil || cfg.Discover == nil || cfg.Apply == nil {
		return nil, errors.New("capture: lister, discover and apply are required")
	}
	if cfg.Home != NoHome && (!cfg.Self.IsValid() || !cfg.Peer.IsValid()) {
		return nil, errors.New("capture: both addresses are required to learn")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Every == 0 {
		cfg.Every = time.Minute
	}
	if cfg.Steady == 0 {
		cfg.Steady = 2 * time.Minute
	}
	k := &Keeper{cfg: cfg, wake: make(chan struct{}, 1), since: time.Now()}
	if !k.learns() || cfg.File == "" {
		return k, nil
	}
	if err := statefile.Read(cfg.File, &k.stored); err != nil && !statefile.Absent(err) {
		k.loadErr = err
		k.findings = []cloud.Finding{k.damaged()}
		cfg.Log.Warn("learned routes cannot be read, using live routes only", "error", err)
	}
	return k, nil
}

func (k *Keeper) learns() bool { return k.cfg.Home != NoHome }

func (k *Keeper) damaged() cloud.Finding {
	return cloud.Finding{
		Severity: cloud.SeverityWarn, Check: "capture", Text: k.loadErr.Error() + "; using live routes only",
		Fix: "it is replaced as soon as routes have been learned again",
	}
}

// SetState tells what VRRP says. When this node becomes MASTER, what was
// learned is handed to the claim before SetState returns, without any I/O.
func (k *Keeper) SetState(s State) {
	k.mu.Lock()
	changed := s != k.state
	if changed {
		k.state, k.since = s, time.Now()
	}
	stored, spread := k.stored, k.spread
	k.mu.Unlock()
	if !changed {
		return
	}
	if s.Master {
		items, _ := wanted(stored, nil, k.other(stored), false)
		k.apply(spread, items)
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// other returns the holder of the node that routes are taken from.
func (k *Keeper) other(s Stored) string {
	if k.cfg.Home == PeerIsHome {
		return s.Home
	}
	return s.Away
}

// apply hands over the static items, the destinations and the learned routes.
// What is wanted whoever holds it is not wanted from one holder only as well.
func (k *Keeper) apply(spread, routes []cloud.Item) {
	items := slices.Concat(k.cfg.Static, spread)
	for _, it := range routes {
		if !slices.ContainsFunc(items, func(o cloud.Item) bool { return o.Key() == it.Key() }) {
			it.Target = k.cfg.Self
			items = append(items, it)
		}
	}
	if err := k.cfg.Apply(items); err != nil {
		k.cfg.Log.Error("captured routes were refused", "error", err)
	}
}

// Findings returns what a person should know about the captured routes.
func (k *Keeper) Findings() []cloud.Finding {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]cloud.Finding{}, k.findings...)
}

// Stored returns what has been learned.
func (k *Keeper) Stored() Stored {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stored
}

// Run lists and learns until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	var learn learner
	wait := time.Duration(0)
	for {
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		case <-k.wake:
			t.Stop()
		case <-t.C:
		}
		wait = k.cfg.Every
		if err := k.look(ctx, &learn); err != nil {
			k.cfg.Log.Warn("routes cannot be listed", "error", err)
			wait = min(5*time.Second, k.cfg.Every)
		}
	}
}

// look lists once, learns if that is due, and refines what a MASTER wants.
func (k *Keeper) look(ctx context.Context, learn *learner) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	k.mu.Lock()
	before := k.since
	k.mu.Unlock()
	live, home, away, err := k.list(ctx)
	if err != nil {
		return err
	}
	k.mu.Lock()
	state, steady := k.state, k.since.Equal(before) && time.Since(k.since) >= k.cfg.Steady
	stored := k.stored
	k.spread = spread(live, k.cfg.Dests)
	everywhere := k.spread
	k.mu.Unlock()
	if steady && k.homeIsMaster(state) {
		if read := routesOf(live, home); learn.next(stored.Routes, read) {
			stored.Routes, stored.At = read, time.Now()
			stored.Home, stored.Away = home, away
			k.remember(stored)
		}
	}
	if !state.Master {
		return nil
	}
	var items []cloud.Item
	var told []cloud.Finding
	if k.learns() {
		stored.Home, stored.Away = home, away
		items, told = wanted(stored, live, k.other(stored), !k.cfg.NoAdopt)
	}
	k.mu.Lock()
	if k.loadErr != nil {
		told = append(told, k.damaged())
	}
	k.findings = told
	still := k.state == state
	k.mu.Unlock()
	if still {
		k.apply(everywhere, items)
	}
	return nil
}

func (k *Keeper) homeIsMaster(s State) bool {
	switch k.cfg.Home {
	case SelfIsHome:
		return s.Master && !s.PeerMaster
	case PeerIsHome:
		return s.PeerMaster && !s.Master
	default:
		return false
	}
}

func (k *Keeper) remember(s Stored) {
	k.mu.Lock()
	k.stored, k.loadErr, k.findings = s, nil, nil
	k.mu.Unlock()
	if k.cfg.File == "" {
		return
	}
	if err := statefile.Write(k.cfg.File, s); err != nil {
		k.cfg.Log.Warn("learned routes cannot be saved", "error", err)
	}
}

// list reads the tables in scope and, to learn, the two nodes' holders.
func (k *Keeper) list(ctx context.Context) (live []cloud.RouteEntry, home, away string, err error) {
	node, err := k.cfg.Discover(ctx)
	if err != nil {
		return nil, "", "", fmt.Errorf("capture: %w", err)
	}
	if live, err = k.tables(ctx, node); err != nil || !k.learns() {
		return live, "", "", err
	}
	var holders [2]string
	for i, addr := range []netip.Addr{k.cfg.Self, k.cfg.Peer} {
		if holders[i], err = k.cfg.Lister.HolderOf(ctx, node, addr); err != nil {
			return nil, "", "", fmt.Errorf("capture: %s: %w", addr, err)
		}
	}
	if k.cfg.Home == PeerIsHome {
		return live, holders[1], holders[0], nil
	}
	return live, holders[0], holders[1], nil
}

// tables lists the entries of the tables that are in any scope, each once.
func (k *Keeper) tables(ctx context.Context, node cloud.Node) ([]cloud.RouteEntry, error) {
	all := []cloud.RouteEntry{} // not nil: nothing was found is not the same as nobody looked
	seen := map[string]bool{}
	for _, scope := range k.cfg.Scopes {
		entries, err := k.cfg.Lister.Routes(ctx, node, scope)
		if err != nil {
			return nil, fmt.Errorf("capture: %w", err)
		}
		fresh := map[string]bool{}
		for _, e := range entries {
			if !seen[e.Table] {
				fresh[e.Table] = true
				all = append(all, e)
			}
		}
		maps.Copy(seen, fresh)
	}
	return all, nil
}
