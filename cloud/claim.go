// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Mode says how serious a claim is.
type Mode uint8

// The modes.
const (
	ModeEnforce Mode = iota // observe and write
	ModeDryRun              // everything but the writes themselves
	ModeOff                 // nothing at all
)

// String returns the word used in configuration and status.
func (m Mode) String() string {
	return [...]string{"enforce", "dry_run", "off"}[min(m, ModeOff)]
}

// MarshalText implements encoding.TextMarshaler with the word of [Mode.String].
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Suspicion says what happens when a peer still claims to be MASTER and well
// at the end of [Timing.Hold].
type Suspicion uint8

// The answers to a suspicion.
const (
	SuspectClaim Suspicion = iota // claim anyway
	SuspectHold                   // go on holding back, and ask again
)

// Cause says why this node became MASTER. It decides whether the guard runs.
type Cause uint8

// The causes.
const (
	CauseMasterDown   Cause = iota // adverts stopped arriving: the guard runs
	CausePriorityZero              // the old MASTER resigned
	CausePreempt                   // a live MASTER of lower priority was preempted
	CauseOperator                  // a person or a script said so
)

// String returns the word used in logs.
func (c Cause) String() string {
	return [...]string{"master down", "priority zero", "preempt", "operator"}[min(c, CauseOperator)]
}

// Wanted is what the VRRP side wants from a claim, as a level: calling
// [Claim.SetWanted] again with the same Master is not a new transition.
type Wanted struct {
	Master bool
	Cause  Cause
	Reason string // for people: status and audit log
	// Self and Peer rank this node against the sender of the last advert, for
	// the case that two nodes believe they are MASTER and fight. A claim that
	// gave way goes on when it is told that its peer is the lower one.
	Self, Peer Rank
}

// Rank orders nodes as VRRP does: by priority, then by address.
type Rank struct {
	Priority uint8
	Addr     netip.Addr // invalid: not known
}

// Guard looks whether the old MASTER is really gone; see package cloud/guard.
type Guard interface {
	// Run gathers evidence and decides. It ends when ctx does, with a verdict.
	Run(ctx context.Context) Verdict
}

// Verdict is the decision of a [Guard].
type Verdict struct {
	Decision Decision
	Reason   string
	For      time.Duration // Hold: how long at most
}

// Decision is what a guard decided.
type Decision uint8

// The decisions.
const (
	ClaimNow Decision = iota // the old MASTER is gone, or cannot be asked
	Hold                     // the old MASTER says it is well: wait
	CutOff                   // this node is the one that lost its network
)

// String returns the word used in the audit log.
func (d Decision) String() string {
	return [...]string{"claim", "hold", "cut_off"}[min(d, CutOff)]
}

// Generations persists the claim's generation, so that it grows across
// restarts. [FileGenerations] is the one for daemons.
type Generations interface {
	// Load returns the last saved generation, zero if there is none.
	Load() (uint64, error)
	// Save replaces it.
	Save(uint64) error
}

// Config configures a claim. Name and Provider are required.
type Config struct {
	Name     string
	Provider Provider
	Items    []Item
	Mode     Mode

	// Lease is how long the fence stays open after a [Claim.Tick]: three times
	// the advertisement interval. Zero: no lease, for programs without a loop.
	Lease time.Duration
	// Guard runs before a claim whose cause is CauseMasterDown; nil: none.
	Guard     Guard
	OnSuspect Suspicion
	Timing    Timing

	// Generations persists the generation; nil: in memory only.
	Generations Generations
	// Limiter is shared by the claims of one account; nil: an own one.
	Limiter *Limiter
	// Audit receives mutations and ownership changes; nil: none.
	Audit *AuditLog
	// Log receives what a person should know; nil: discarded.
	Log *slog.Logger
	// OnChange is called with each changed status, in order, from the claim's
	// goroutine: it must return at once. nil: not called.
	OnChange func(Status)

	// Clock counts time including suspension; nil: [BootTime]. It must never
	// go back. Random is the source of jitter in [0,1); nil: math/rand.
	Clock  func() time.Duration
	Random func() float64
}

// Claim keeps one group of items where they belong. All methods are safe for
// concurrent use; SetWanted, Tick, SetItems and Status never wait for the
// network or a disk.
type Claim struct {
	cfg  Config
	gate *gate
	wake chan struct{}

	running atomic.Bool

	mu     sync.Mutex
	want   Wanted
	gen    uint64
	dirty  bool
	kick   bool
	items  []Item // new items, nil if unchanged
	status Status
}

// ErrConfig is wrapped by the errors of [New].
var ErrConfig = errors.New("cloud claim")

// New checks the configuration and returns a claim that waits for [Claim.Run].
// Its errors wrap [ErrConfig] and name everything that is wrong.
func New(cfg Config) (*Claim, error) {
	if cfg.Name == "" || cfg.Provider == nil {
		return nil, fmt.Errorf("%w: name and provider are required", ErrConfig)
	}
	if err := checkItems(cfg.Items); err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrConfig, cfg.Name, err)
	}
	cfg.Timing = cfg.Timing.withDefaults()
	if cfg.Clock == nil {
		cfg.Clock = BootTime
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	if cfg.Limiter == nil {
		cfg.Limiter = NewLimiter(cfg.Clock)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &Claim{
		cfg:  cfg,
		gate: &gate{clock: cfg.Clock, lease: cfg.Lease, dry: cfg.Mode == ModeDryRun},
		wake: make(chan struct{}, 1),
	}
	c.status = Status{Name: cfg.Name, Mode: cfg.Mode, Owner: Unknown.String(), Since: time.Now(), Items: []ItemStatus{}}
	return c, nil
}

func checkItems(items []Item) error {
	var errs []error
	seen := map[string]bool{}
	for _, it := range items {
		if err := it.Validate(); err != nil {
			errs = append(errs, err)
			continue
		}
		if seen[it.Key()] {
			errs = append(errs, fmt.Errorf("%s is given twice", it.Key()))
		}
		seen[it.Key()] = true
	}
	return errors.Join(errs...)
}

// SetWanted tells what VRRP wants. When mastership changes, the fence of the
// previous generation is shut before SetWanted returns. It counts as a [Claim.Tick].
func (c *Claim) SetWanted(w Wanted) {
	c.mu.Lock()
	if w.Master != c.want.Master || (c.gen == 0 && w.Master) {
		c.gen = c.gate.setMaster(w.Master)
	} else {
		w.Cause, w.Reason = c.want.Cause, c.want.Reason
	}
	c.want, c.dirty = w, true
	c.mu.Unlock()
	c.poke()
}

// Tick is the sign of life of the VRRP loop. Call it each time the loop has
// dealt with what it had received, and after SetWanted if that is due: a loop
// that ticks first and reads its mail later defeats the lease.
func (c *Claim) Tick() { c.gate.tickNow() }

// SetItems replaces the wanted items, keeping what is known of those that
// stay. An item that is dropped is left where it is.
func (c *Claim) SetItems(items []Item) error {
	if err := checkItems(items); err != nil {
		return fmt.Errorf("%w %s: %w", ErrConfig, c.cfg.Name, err)
	}
	c.mu.Lock()
	c.items = append([]Item{}, items...)
	c.mu.Unlock()
	c.poke()
	return nil
}

// Kick asks for a look at everything now.
func (c *Claim) Kick() {
	c.mu.Lock()
	c.kick = true
	c.mu.Unlock()
	c.poke()
}

// Status returns a copy of what is known.
func (c *Claim) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

func (c *Claim) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}
