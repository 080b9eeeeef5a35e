// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"slices"

	"github.com/govrrp/vrrpd/internal/sim/world"
)

// shrinkRuns bounds the work of one shrinking.
const shrinkRuns = 400

// Shrink finds few faults under which a run still breaks the rule that r, a
// run of o, broke first: delta debugging. It returns the run with them.
func Shrink(o Options, r Result) (Result, error) {
	if len(r.Violations) == 0 {
		return r, nil
	}
	rule := r.Violations[0].Rule
	o.Log = nil
	runs := 0
	breaks := func(faults []world.Fault) (Result, bool) {
		runs++
		o := o
		o.Faults, o.Calm = faults, true
		got, err := Run(o)
		return got, err == nil && len(got.Violations) > 0 && got.Violations[0].Rule == rule
	}
	at := r.Violations[0].At
	faults := slices.DeleteFunc(slices.Clone(r.Faults), func(f world.Fault) bool { return f.At > at })
	best, ok := breaks(faults)
	if !ok {
		return r, nil // it does not depend on the faults alone
	}
	for chunk := (len(faults) + 1) / 2; chunk > 0 && runs < shrinkRuns; {
		removed := false
		for i := 0; i < len(faults) && runs < shrinkRuns; {
			fewer := slices.Delete(slices.Clone(faults), i, min(i+chunk, len(faults)))
			if got, ok := breaks(fewer); ok {
				faults, best, removed = fewer, got, true
			} else {
				i += chunk
			}
		}
		if !removed || chunk > 1 {
			chunk /= 2
		}
	}
	return best, nil
}
