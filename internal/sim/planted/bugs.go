// SPDX-License-Identifier: Apache-2.0

package main

// bug is a change of one file that must be found.
type bug struct {
	name     string
	file     string // below the module's root
	old, new string // old occurs exactly once
}

var bugs = []bug{
	{
		"skew-truncated", "vrrp/timers.go",
		"return time.Duration(256-int(priority)) * interval / 256",
		"return (time.Duration(256-int(priority)) * interval / 256).Truncate(time.Second)",
	},
	{
		"skew-doubled", "vrrp/timers.go",
		"return time.Duration(256-int(priority)) * interval / 256",
		"return time.Duration(256-int(priority)) * interval / 128",
	},
	{
		"one-advert-more-missed", "vrrp/timers.go",
		"return time.Duration(adverts)*interval +", "return time.Duration(adverts+1)*interval +",
	},
	{
		"resignation-ignored-by-backup", "vrrp/backup.go",
		"\tif at := r.now.Add(r.skew()); at.Before(r.timers[timerMasterDown]) {", "\tif at := r.now.Add(r.skew()); false {",
	},
	{
		"resignation-ignored-by-master", "vrrp/master.go",
		"case a.Priority == PriorityResign:\n\t\tr.sendAdvert(r.priority())\n",
		"case a.Priority == PriorityResign:\n",
	},
	{
		"tie-break-inverted", "vrrp/master.go",
		"src.Compare(r.source()) > 0", "src.Compare(r.source()) < 0",
	},
	{
		"claim-not-fenced", "internal/sim/world/cloud.go",
		"return v.state == vrrp.Master && v.term == term", "return v.term == term",
	},
	{
		"group-vote-dropped", "engine/engine.go",
		"func (e *Engine) vote(n *node, v vrrp.Vote) {\n\tif n.group == nil {",
		"func (e *Engine) vote(n *node, v vrrp.Vote) {\n\tif n.group == nil || v == vrrp.VoteYield {",
	},
	{
		"advert-timer-kept-at-reload", "vrrp/transition.go",
		"\tr.timers.bringForward(timerAdvert, r.now.Add(r.cfg.Interval))\n", "",
	},
	{
		"ownership-never-retried", "vrrp/ownership.go",
		"\tr.timers[timerRetry] = r.now.Add(o.ownBackoff)\n", "",
	},
	{
		"interval-not-learnt", "vrrp/backup.go",
		"if r.cfg.Version == V3 && r.interval != a.Interval {", "if false && r.interval != a.Interval {",
	},
	{
		"nopreempt-ignored", "vrrp/router.go",
		"(!r.cfg.NoPreempt || r.priority() == PriorityOwner)", "true",
	},
	{
		"equal-priority-not-accepted", "vrrp/backup.go",
		"lower := a.Priority < r.priority()", "lower := a.Priority <= r.priority()",
	},
	{
		"weights-ignored", "engine/priority.go",
		"sum += t.Delta", "_ = t.Delta",
	},
	{
		"fault-never-left", "vrrp/transition.go",
		"case !faulty && r.state == Fault:", "case false:",
	},
	{
		"strangers-heard", "vrrp/receive.go",
		"\treturn RefusedSource\n", "\treturn 0\n",
	},
	{
		"checksum-not-checked", "vrrp/checksum.go",
		"\treturn ChecksumUnknown, false\n", "\treturn ChecksumMessage, true\n",
	},
	{
		"addresses-not-released", "vrrp/ownership.go",
		"\tr.do(SetOwnership{ID: r.ownership.id, Own: own})", "\tif own {\n\t\tr.do(SetOwnership{ID: r.ownership.id, Own: own})\n\t}",
	},
	{
		"release-of-removed-router-not-retried", "engine/reload.go",
		"\t\treturn e.retired[i]\n", "\t\treturn nil\n",
	},
	{
		"removed-address-not-restored", "vrrp/transition.go",
		"func (r *Router) restoreOwnership(detail string) {\n\tif r.state != Master {",
		"func (r *Router) restoreOwnership(detail string) {\n\tif r.state != Backup {",
	},
	{
		"master-not-silent-after-stall", "vrrp/master.go",
		"return late, late > r.ownDownInterval()", "return late, late > 1000*r.ownDownInterval()",
	},
	{
		"master-answers-before-it-leaves", "vrrp/master.go",
		"\tif late, asleep := r.overslept(); asleep {\n\t\tr.advertDue(late)\n", "\tif late, asleep := r.overslept(); false && asleep {\n\t\tr.advertDue(late)\n",
	},
	{
		"suspension-unnoticed", "vrrp/backup.go",
		"\tr.timers.forward(d)\n", "",
	},
	{
		"replays-heard", "vrrp/hmac.go",
		"\tif !h.accept(src, seq, now) {", "\tif h.accept(src, seq, now); false {",
	},
}
