// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/govrrp/vrrpd/internal/sim/world"
)

// spells are how long something took, and what happened last before.
type spells struct {
	Distribution
	causes []cause
}

type cause struct {
	after  string
	times  Distribution
	judged int     // nothing else happened meanwhile: the protocol bounds it
	share  float64 // of the time that the protocol allows, the most one of these took
}

func (s *spells) add(one world.Spell) {
	s.Distribution.add(one.For)
	i := slices.IndexFunc(s.causes, func(c cause) bool { return c.after == one.After })
	if i < 0 {
		i = len(s.causes)
		s.causes = append(s.causes, cause{after: one.After})
	}
	c := &s.causes[i]
	c.times.add(one.For)
	if one.Allowed > 0 {
		c.judged++
		c.share = max(c.share, float64(one.For)/float64(one.Allowed))
	}
}

// write writes a histogram and a table of causes, the most frequent first.
func (s *spells) write(w io.Writer, what string) error {
	if _, err := fmt.Fprintf(w, "\n%s: %v\n", what, &s.Distribution); err != nil {
		return err
	}
	if err := s.Histogram(w); err != nil || len(s.causes) == 0 {
		return err
	}
	slices.SortStableFunc(s.causes, func(a, b cause) int { return cmp.Compare(b.times.Count(), a.times.Count()) })
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\nafter\ttimes\thalf within\t99% within\tlongest\tundisturbed\tof the time allowed\t\n")
	r := func(t time.Duration) time.Duration { return t.Round(time.Millisecond) }
	for i := range s.causes {
		c := &s.causes[i]
		share := "-"
		if c.judged > 0 {
			share = fmt.Sprintf("%.0f%% at most", 100*c.share)
		}
		d := &c.times
		fmt.Fprintf(t, "%s\t%d\t%v\t%v\t%v\t%d\t%s\t\n", c.after, d.Count(), r(d.Percentile(50)), r(d.Percentile(99)), r(d.Percentile(100)), c.judged, share)
	}
	return t.Flush()
}
