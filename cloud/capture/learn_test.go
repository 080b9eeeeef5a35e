// SPDX-License-Identifier: Apache-2.0

package capture

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/govrrp/vrrpd/cloud"
)

func some(n int) []Route {
	out := make([]Route, n)
	for i := range out {
		out[i] = Route{Table: "t", Dest: netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", i))}
	}
	return out
}

func TestLearner(t *testing.T) {
	for _, tc := range []struct {
		name   string
		stored int
		reads  []int
		learn  []bool
	}{
		{"first", 0, []int{5}, []bool{true}},
		{"nothing at first", 0, []int{0}, []bool{false}},
		{"same", 5, []int{5, 5}, []bool{false, false}},
		{"grows", 5, []int{9}, []bool{true}},
		{"shrinks to half", 6, []int{3}, []bool{true}},
		{"shrinks to less, three times", 6, []int{2, 2, 2}, []bool{false, false, true}},
		{"to nothing, three times", 6, []int{0, 0, 0}, []bool{false, false, true}},
		{"unequal small readings start again", 6, []int{2, 1, 2, 2}, []bool{false, false, false, false}},
		{"a full reading clears the doubt", 6, []int{0, 0, 6, 0}, []bool{false, false, false, false}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var l learner
			for i, n := range tc.reads {
				if got := l.next(some(tc.stored), some(n)); got != tc.learn[i] {
					t.Errorf("reading %d (%d routes): learned %v", i, n, got)
				}
			}
		})
	}
}

func TestRoutesOf(t *testing.T) {
	d := netip.MustParsePrefix("10.0.0.0/8")
	entries := []cloud.RouteEntry{
		{Table: "b", Dest: d, Holder: "home"},
		{Table: "a", Dest: d, Holder: "home", Blackhole: true},
		{Table: "a", Dest: d, Holder: "home", Local: true},
		{Table: "c", Dest: d, Holder: "other"},
		{Table: "d", Dest: d},
	}
	got := routesOf(entries, "home")
	if len(got) != 2 || got[0].Table != "a" || got[1].Table != "b" {
		t.Errorf("%+v", got)
	}
	if got := routesOf(entries, ""); got != nil {
		t.Errorf("routes of nobody: %+v", got)
	}
}
