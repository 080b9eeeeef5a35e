// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"testing"
	"time"
)

// A claim without items, whose routes are yet to be found, has nothing to look
// at and must not be woken for it at once, again and again.
func TestClaimWithoutItemsRests(t *testing.T) {
	for _, master := range []bool{false, true} {
		m := newMachine(0, nil, Timing{}.withDefaults(), nil, func() float64 { return 0.5 })
		now := time.Second
		m.step(now, event{kind: evWanted, gen: 1, want: Wanted{Master: master, Cause: CauseOperator}})
		m.step(now, event{kind: evDiscovered})
		wakes := 0
		for end := now + time.Hour; now < end; wakes++ {
			if next := m.deadline(); next > now {
				now = next
			}
			for _, o := range m.step(now, event{}) {
				if o.kind == doDiscover {
					m.step(now, event{kind: evDiscovered})
				}
			}
			if wakes > 1000 {
				t.Fatalf("master %v: woken %d times within %v", master, wakes, now)
			}
		}
	}
}
