// SPDX-License-Identifier: Apache-2.0

package syncgroup

import (
	"fmt"
	"slices"

	"github.com/govrrp/vrrpd/vrrp"
)

// Fold returns the verdict on the votes of a group.
func Fold(votes []vrrp.Vote) vrrp.Verdict {
	claims := 0
	for _, v := range votes {
		switch v {
		case vrrp.VoteUnable:
			return vrrp.VerdictFault
		case vrrp.VoteClaim:
			claims++
		case vrrp.VoteYield:
		}
	}
	if len(votes) > 0 && claims == len(votes) {
		return vrrp.VerdictMaster
	}
	return vrrp.VerdictBackup
}

// Group remembers the last vote of each member and the verdict. The zero
// value is not usable.
type Group struct {
	members []vrrp.ID
	votes   []vrrp.Vote
	verdict vrrp.Verdict
}

// New returns a group whose members have yet to vote: all Yield, verdict
// BACKUP. Members must be unique.
func New(members ...vrrp.ID) *Group {
	g := &Group{members: slices.Clone(members), votes: make([]vrrp.Vote, len(members)), verdict: vrrp.VerdictBackup}
	for i := range g.votes {
		g.votes[i] = vrrp.VoteYield
		if slices.Contains(members[:i], members[i]) {
			panic(fmt.Sprintf("syncgroup: member %v given twice", members[i]))
		}
	}
	return g
}

// Members returns the members in the order given to New.
func (g *Group) Members() []vrrp.ID { return slices.Clone(g.members) }

// Verdict returns the verdict in force.
func (g *Group) Verdict() vrrp.Verdict { return g.verdict }

// Vote returns the last vote of member m.
func (g *Group) Vote(m vrrp.ID) (v vrrp.Vote, member bool) {
	i := slices.Index(g.members, m)
	if i < 0 {
		return 0, false
	}
	return g.votes[i], true
}

// Cast records that m votes v, and returns the verdict and whether it
// changed. It panics when m is not a member.
func (g *Group) Cast(m vrrp.ID, v vrrp.Vote) (verdict vrrp.Verdict, changed bool) {
	i := slices.Index(g.members, m)
	if i < 0 {
		panic(fmt.Sprintf("syncgroup: %v is not a member", m))
	}
	g.votes[i] = v
	verdict = Fold(g.votes)
	changed = verdict != g.verdict
	g.verdict = verdict
	return verdict, changed
}
