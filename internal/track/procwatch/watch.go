// SPDX-License-Identifier: Apache-2.0

package procwatch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	// pollEvery is how often /proc is read where the kernel tells nothing.
	pollEvery = time.Second
	// healEvery is how often it is read where the kernel does.
	healEvery = 10 * time.Second
)

var (
	// errLost says that the kernel dropped events: what is known is out of date.
	errLost = errors.New("events lost")
	errList = errors.New("list processes")
)

// Census is who matches.
type Census struct {
	PIDs   []int  // sorted
	Source string // "kernel events", or "polling every 1s: " and why
}

// change is one event of the kernel that concerns a whole process.
type change struct {
	kind   changeKind
	pid    int
	parent int // of a fork
}

type changeKind int

const (
	forked  changeKind = iota + 1
	renamed            // exec, or a new name
	exited
)

// source delivers changes until ctx is done or it fails. It calls ready once it
// misses nothing any more, and returns errLost when it did.
type source func(ctx context.Context, ready func(), yield func([]change)) error

// Watch calls yield with the first census and then whenever the set of matching
// processes, or the way it is found, has changed. It returns nil when ctx is
// done, and an error when /proc cannot be read.
func Watch(ctx context.Context, m Match, yield func(Census)) error {
	return watch(ctx, m, "/proc", connector, yield)
}

func watch(ctx context.Context, m Match, proc procfs, events source, yield func(Census)) error {
	c := &counter{match: m, proc: proc, yield: yield}
	for ctx.Err() == nil {
		c.source = "kernel events"
		err := c.follow(ctx, events)
		if errors.Is(err, errLost) {
			continue
		}
		if ctx.Err() != nil {
			break
		}
		if errors.Is(err, errList) {
			return err
		}
		c.source = fmt.Sprintf("polling every %v: %v", pollEvery, err)
		if err := c.poll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// counter keeps the set of matching processes.
type counter struct {
	match  Match
	proc   procfs
	source string
	yield  func(Census)

	pids    map[int]bool
	told    Census
	hasTold bool
}

// follow keeps the set by events. It owns the goroutine that reads them.
func (c *counter) follow(ctx context.Context, events source) error {
	ctx, cancel := context.WithCancel(ctx)
	ready := make(chan struct{})
	batches := make(chan []change, 16) // full: the kernel's own buffer holds the rest
	gone := make(chan struct{})
	var failure error // of events; read after gone
	go func() {
		defer close(gone)
		failure = events(ctx, func() { close(ready) }, func(batch []change) {
			select {
			case batches <- batch:
			case <-ctx.Done():
			}
		})
	}()
	defer func() { cancel(); <-gone }()

	heal := time.NewTicker(healEvery)
	defer heal.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-gone:
			return failure
		case <-ready:
			ready = nil
			if err := c.scan(); err != nil {
				return err
			}
		case <-heal.C:
			if err := c.scan(); err != nil {
				return err
			}
		case batch := <-batches:
			c.apply(batch)
		}
	}
}

func (c *counter) poll(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if err := c.scan(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c *counter) scan() error {
	all, err := c.proc.pids()
	if err != nil {
		return fmt.Errorf("%w: %w", errList, err)
	}
	c.pids = map[int]bool{}
	for _, pid := range all {
		c.look(pid)
	}
	c.tell()
	return nil
}

func (c *counter) look(pid int) {
	if c.proc.matches(pid, c.match) {
		c.pids[pid] = true
	} else {
		delete(c.pids, pid)
	}
}

// apply follows a batch of changes. A fork is only looked at if the parent
// matches: until it execs, the child is called what the parent is.
func (c *counter) apply(batch []change) {
	if c.pids == nil {
		return // the scan is still to come
	}
	for _, ch := range batch {
		switch {
		case ch.kind == exited:
			delete(c.pids, ch.pid)
		case ch.kind == renamed, c.pids[ch.parent]:
			c.look(ch.pid)
		}
	}
	c.tell()
}

func (c *counter) tell() {
	now := Census{PIDs: slices.Sorted(maps.Keys(c.pids)), Source: c.source}
	if c.hasTold && now.Source == c.told.Source && slices.Equal(now.PIDs, c.told.PIDs) {
		return
	}
	c.told, c.hasTold = now, true
	c.yield(now)
}
