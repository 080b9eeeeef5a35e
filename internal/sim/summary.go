// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/internal/sim/world"
)

// Summary adds up runs.
type Summary struct {
	Runs    int
	Virtual time.Duration // lived through, in all
	Faults  int
	world.Counts
	Outages spells   // times without a MASTER though one could be: take-over times
	Dual    spells   // times with two MASTERs that hear each other
	Failed  []Result // runs that broke a rule
}

// Distribution is how long something took, each time.
type Distribution struct {
	all    []time.Duration
	sorted bool
}

// Add adds a run that lived for d.
func (s *Summary) Add(r Result, d time.Duration) {
	s.Runs++
	s.Virtual += d
	for _, f := range r.Faults {
		if f.At <= d {
			s.Faults++
		}
	}
	s.Steps += r.Counts.Steps
	s.Frames += r.Counts.Frames
	s.Lost += r.Counts.Lost
	s.Transitions += r.Counts.Transitions
	s.Judgements += r.Counts.Judgements
	for _, spell := range r.Spells {
		if spell.Kind == world.NoMaster {
			s.Outages.add(spell)
		} else {
			s.Dual.add(spell)
		}
	}
	if len(r.Violations) > 0 {
		s.Failed = append(s.Failed, r)
	}
}

func (d *Distribution) add(t time.Duration) { d.all, d.sorted = append(d.all, t), false }

// Count returns how often it happened.
func (d *Distribution) Count() int { return len(d.all) }

// Total returns how long it took in all.
func (d *Distribution) Total() (sum time.Duration) {
	for _, t := range d.all {
		sum += t
	}
	return sum
}

// Percentile returns the time that p percent of all do not exceed, 0 < p ≤ 100.
func (d *Distribution) Percentile(p int) time.Duration {
	if len(d.all) == 0 {
		return 0
	}
	if !d.sorted {
		slices.Sort(d.all)
		d.sorted = true
	}
	return d.all[max(0, (len(d.all)*p+99)/100-1)]
}

func (d *Distribution) String() string {
	if len(d.all) == 0 {
		return "none"
	}
	r := func(t time.Duration) time.Duration { return t.Round(time.Millisecond) }
	return fmt.Sprintf("%d times, %v in all; half within %v, 90%% within %v, 99%% within %v, longest %v",
		d.Count(), r(d.Total()), r(d.Percentile(50)), r(d.Percentile(90)), r(d.Percentile(99)), r(d.Percentile(100)))
}

// bounds of the histogram's rows; the last row is open.
var bounds = []time.Duration{
	10 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
}

// barWidth is the longest bar of a histogram, in characters.
const barWidth = 50

// Histogram draws the distribution for a terminal, from its shortest to its
// longest.
func (d *Distribution) Histogram(w io.Writer) error {
	rows := make([]int, len(bounds)+1)
	most := 1
	for _, t := range d.all {
		i := slices.IndexFunc(bounds, func(b time.Duration) bool { return t <= b })
		if i < 0 {
			i = len(bounds)
		}
		rows[i]++
		most = max(most, rows[i])
	}
	first := slices.IndexFunc(rows, func(n int) bool { return n > 0 })
	last := len(rows) - 1
	for last > 0 && rows[last] == 0 {
		last--
	}
	for i, n := range rows {
		if first < 0 || i < first || i > last {
			continue
		}
		label := "longer"
		if i < len(bounds) {
			label = "≤ " + bounds[i].String()
		}
		bar := strings.Repeat("█", n*barWidth/most)
		if n > 0 && bar == "" {
			bar = "▏"
		}
		if _, err := fmt.Fprintf(w, "  %8s %7d %s\n", label, n, bar); err != nil {
			return err
		}
	}
	return nil
}

// Write writes the summary for people.
func (s *Summary) Write(w io.Writer) error {
	_, err := fmt.Fprintf(w, `%d runs, %v of virtual time, %d faults
%d steps, %d frames delivered, %d lost, %d changes of state
%d quiet windows, after each of which the right router had to be MASTER
runs that broke a rule: %d
`, s.Runs, s.Virtual.Round(time.Second), s.Faults, s.Steps, s.Frames, s.Lost, s.Transitions, s.Judgements, len(s.Failed))
	if err != nil {
		return err
	}
	if err := s.Outages.write(w, "without a MASTER"); err != nil {
		return err
	}
	return s.Dual.write(w, "with two MASTERs that hear each other")
}
