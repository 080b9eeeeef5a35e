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

// causes sorts outages by what happened last before each.
type causes []cause

type cause struct {
	after  string
	times  Distribution
	judged int     // nothing else happened meanwhile: the protocol bounds it
	share  float64 // of the time that the protocol allows, the most one of these took
}

func (c *causes) add(s world.Spell) {
	i := slices.IndexFunc(*c, func(o cause) bool { return o.after == s.After })
	if i < 0 {
		i = len(*c)
		*c = append(*c, cause{after: s.After})
	}
	one := &(*c)[i]
	one.times.add(s.For)
	if s.Allowed > 0 {
		one.judged++
		one.share = max(one.share, float64(s.For)/float64(s.Allowed))
	}
}

// write writes a table, the most frequent first.
func (c causes) write(w io.Writer) error {
	if len(c) == 0 {
		return nil
	}
	slices.SortStableFunc(c, func(a, b cause) int { return cmp.Compare(b.times.Count(), a.times.Count()) })
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\nafter\ttimes\thalf within\t99% within\tlongest\tundisturbed\tof the time allowed\t\n")
	r := func(t time.Duration) time.Duration { return t.Round(time.Millisecond) }
	for i := range c {
		one := &c[i]
		share := "-"
		if one.judged > 0 {
			share = fmt.Sprintf("%.0f%% at most", 100*one.share)
		}
		d := &one.times
		fmt.Fprintf(t, "%s\t%d\t%v\t%v\t%v\t%d\t%s\t\n", one.after, d.Count(), r(d.Percentile(50)), r(d.Percentile(99)), r(d.Percentile(100)), one.judged, share)
	}
	return t.Flush()
}
