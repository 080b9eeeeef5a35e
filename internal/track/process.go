// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/track/procwatch"
)

// processRetry is the pause after processes could not be counted.
const processRetry = time.Second

// Process is a number of processes that must run (vrrp_track_process).
type Process struct {
	Name  string
	Match procwatch.Match
	// Quorum is how many must run at least; 0 means 1, or none if MustNotRun.
	Quorum int
	// QuorumMax is how many may run at most; 0 means any number.
	QuorumMax int
	// Presence MustNotRun is quorum_max 0: a process that runs is the fault.
	Presence Presence
	// ForkDelay is how long the quorum must be there before that counts, and
	// TerminateDelay how long it must be missing.
	ForkDelay, TerminateDelay time.Duration
}

// Presence says whether a [Process] has to run at all.
type Presence int

// The choices.
const (
	MustRun Presence = iota
	MustNotRun
)

// Track implements [Spec].
func (p Process) Track() engine.Track {
	return engine.Track{Kind: engine.TrackProcess, Name: p.Name}
}

// quorum returns the least and the greatest good number; most is -1 without a limit.
func (p Process) quorum() (least, most int) {
	if p.Presence == MustNotRun {
		return 0, 0
	}
	least, most = max(p.Quorum, 1), p.QuorumMax
	if most == 0 {
		most = -1
	}
	return least, most
}

func (p Process) validate() error {
	var errs []error
	if p.Match.Command == "" {
		errs = append(errs, errors.New("needs a process to look for"))
	}
	if p.Presence == MustNotRun && (p.Quorum > 0 || p.QuorumMax > 0) {
		errs = append(errs, errors.New("must not run, and yet has a quorum"))
	}
	if least, most := p.quorum(); most >= 0 && most < least {
		errs = append(errs, fmt.Errorf("quorum_max %d is below quorum %d", most, least))
	}
	if p.Quorum < 0 || p.QuorumMax < 0 {
		errs = append(errs, errors.New("quorum and quorum_max cannot be negative"))
	}
	if p.ForkDelay < 0 || p.TerminateDelay < 0 {
		errs = append(errs, errors.New("delays cannot be negative"))
	}
	return errors.Join(errs...)
}

func (p Process) watch(ctx context.Context, t *tracker) {
	counts, failed, stop := p.census(ctx, t)
	defer stop()
	h := hold{up: p.ForkDelay, down: p.TerminateDelay}
	wake := time.NewTimer(0)
	wake.Stop()
	defer wake.Stop()
	for {
		var r Result
		select {
		case <-ctx.Done():
			return
		case err := <-failed:
			r := Result{At: time.Now(), Detail: err.Error()}
			t.observe(r, 0)
			t.tell(ctx, engine.Level{Known: true, Detail: r.Detail})
			continue
		case n := <-counts:
			r = p.result(n)
			h.set(r.At, r.Good)
		case now := <-wake.C:
			r = t.snapshot().Last
			h.settle(now)
		}
		pending := 0
		if at, held := h.deadline(); held {
			pending = 1
			wake.Reset(time.Until(at))
		}
		t.observe(r, pending)
		t.judged(ctx, h.out, r)
	}
}

func (p Process) result(n int) Result {
	least, most := p.quorum()
	r := Result{At: time.Now(), Good: n >= least && (most < 0 || n <= most), Detail: strconv.Itoa(n) + " running"}
	switch {
	case r.Good:
	case most == 0:
		r.Detail += ", none allowed"
	case n < least:
		r.Detail += fmt.Sprintf(", quorum %d", least)
	default:
		r.Detail += fmt.Sprintf(", at most %d allowed", most)
	}
	return r
}

// census starts counting. Of counts that were not yet taken, only the last is kept.
func (p Process) census(ctx context.Context, t *tracker) (counts chan int, failed chan error, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	counts, failed = make(chan int, 1), make(chan error)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for ctx.Err() == nil {
			err := t.owner.edge.watchProcesses(ctx, p.Match, func(c procwatch.Census) {
				t.watchedBy(c.Source)
				select {
				case <-counts:
				default:
				}
				counts <- len(c.PIDs)
			})
			if err == nil {
				return
			}
			select {
			case failed <- err:
			case <-ctx.Done():
			}
			select {
			case <-time.After(processRetry):
			case <-ctx.Done():
			}
		}
	}()
	return counts, failed, func() { cancel(); <-gone }
}
