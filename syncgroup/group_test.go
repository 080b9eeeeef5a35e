// SPDX-License-Identifier: Apache-2.0

package syncgroup_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/govrrp/vrrpd/syncgroup"
	"github.com/govrrp/vrrpd/vrrp"
)

func ids(n int) (all []vrrp.ID) {
	for i := range n {
		all = append(all, vrrp.ID{Interface: fmt.Sprintf("eth%d", i), VRID: 1, Family: vrrp.IPv4})
	}
	return all
}

var votes = []vrrp.Vote{vrrp.VoteUnable, vrrp.VoteYield, vrrp.VoteClaim}

// rule is the three lines of the package comment, in other words than Fold's.
func rule(cast []vrrp.Vote) vrrp.Verdict {
	switch {
	case slices.Contains(cast, vrrp.VoteUnable):
		return vrrp.VerdictFault
	case slices.Contains(cast, vrrp.VoteYield), len(cast) == 0:
		return vrrp.VerdictBackup
	}
	return vrrp.VerdictMaster
}

// TestEveryState visits every reachable state of groups of one to four
// members, and from each casts every vote of every member.
func TestEveryState(t *testing.T) {
	total := 0
	for n := 1; n <= 4; n++ {
		members := ids(n)
		first := make([]vrrp.Vote, n)
		for i := range first {
			first[i] = vrrp.VoteYield
		}
		seen := map[string]bool{}
		queue := [][]vrrp.Vote{first}
		for len(queue) > 0 {
			state := queue[0]
			queue = queue[1:]
			if seen[fmt.Sprint(state)] {
				continue
			}
			seen[fmt.Sprint(state)] = true
			for i := range members {
				for _, v := range votes {
					queue = append(queue, castFrom(t, members, state, i, v))
				}
			}
		}
		want := 1
		for range n {
			want *= len(votes)
		}
		if len(seen) != want {
			t.Errorf("%d members: %d states, want %d", n, len(seen), want)
		}
		total += len(seen)
	}
	t.Logf("%d states", total)
}

// castFrom brings a new group into the state, casts one vote and checks all
// that the group says.
func castFrom(t *testing.T, members []vrrp.ID, state []vrrp.Vote, i int, v vrrp.Vote) []vrrp.Vote {
	t.Helper()
	g := syncgroup.New(members...)
	for j, m := range members {
		g.Cast(m, state[j])
	}
	before := g.Verdict()
	if before != rule(state) {
		t.Errorf("%v: verdict %v, want %v", state, before, rule(state))
	}
	after := slices.Clone(state)
	after[i] = v
	verdict, changed := g.Cast(members[i], v)
	if verdict != rule(after) || g.Verdict() != verdict || changed != (verdict != before) {
		t.Errorf("%v to %v: verdict %v changed %v, was %v", state, after, verdict, changed, before)
	}
	if _, again := g.Cast(members[i], v); again {
		t.Errorf("%v: the same vote again changes the verdict", after)
	}
	for j, m := range members {
		if got, ok := g.Vote(m); !ok || got != after[j] {
			t.Errorf("%v: vote %v of member %d", after, got, j)
		}
	}
	return after
}

func TestFold(t *testing.T) {
	if v := syncgroup.Fold(nil); v != vrrp.VerdictBackup {
		t.Errorf("nobody: %v", v)
	}
}

func TestNew(t *testing.T) {
	members := ids(3)
	g := syncgroup.New(members...)
	if g.Verdict() != vrrp.VerdictBackup {
		t.Errorf("verdict %v", g.Verdict())
	}
	got := g.Members()
	if !slices.Equal(got, members) {
		t.Errorf("members %v", got)
	}
	got[0] = vrrp.ID{}
	members[1] = vrrp.ID{}
	if !slices.Equal(g.Members(), ids(3)) {
		t.Error("the group shares its members")
	}
	if _, ok := g.Vote(vrrp.ID{}); ok {
		t.Error("a stranger has a vote")
	}
	panics(t, "a stranger votes", func() { g.Cast(vrrp.ID{}, vrrp.VoteClaim) })
	panics(t, "a member twice", func() { syncgroup.New(ids(1)[0], ids(1)[0]) })
}

func panics(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", what)
		}
	}()
	f()
}
