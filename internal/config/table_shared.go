// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

// parts is what instances and groups have in common.
type parts struct {
	notify                                        *Notify
	interfaces, scripts, files, procs, bfd, check *[]Track
	priorityChanges                               *bool
	claims                                        *[]string
	ipsec                                         **IPsec
	conntrack                                     **Conntrack
}

func (c *call) parts() parts {
	switch t := c.target.(type) {
	case *Instance:
		return parts{&t.Notify, &t.TrackInterfaces, &t.TrackScripts, &t.TrackFiles, &t.TrackProcesses, &t.TrackBFD, &t.TrackChecks, &t.NotifyPriorityChanges, &t.Claims, &t.IPsec, &t.Conntrack}
	case *SyncGroup:
		return parts{&t.Notify, &t.TrackInterfaces, &t.TrackScripts, &t.TrackFiles, &t.TrackProcesses, &t.TrackBFD, &t.TrackChecks, &t.NotifyPriorityChanges, &t.Claims, &t.IPsec, &t.Conntrack}
	}
	panic(fmt.Sprintf("keyword %s is in a scope that has no notify", c.kw.Name)) // a fault of the table, found by its test
}

// maxClaims is how many claims one instance or group may name; more is a mistake, and duplicates are searched in a list.
const maxClaims = 64

// sharedTable has the keywords of instances and groups.
func sharedTable() []Keyword {
	both := []Scope{scopeInstance, scopeGroup}
	i := []Scope{scopeInstance}
	const cmd = "CMD [USER] [GROUP] ..."
	return []Keyword{
		{Name: "track_interface", Scopes: both, Args: "{", Doc: "one a line: IF [weight -253-253 [reverse]]; without weight, down is FAULT", set: setTracks(253, func(p parts) *[]Track { return p.interfaces })},
		{Name: "track_script", Scopes: both, Args: "{", Doc: "one a line: NAME [weight -253-253 [reverse|noreverse]]; default weight: the script's", set: setTracks(253, func(p parts) *[]Track { return p.scripts })},
		{Name: "track_file", Aliases: []string{"vrrp_track_file"}, Scopes: both, Args: "{", Doc: "one a line: NAME [weight -254-254 [reverse|noreverse]]", set: setTracks(254, func(p parts) *[]Track { return p.files })},
		{Name: "track_process", Scopes: both, Args: "{", Doc: "one a line: NAME [weight -254-254 [reverse|noreverse]]", set: setTracks(254, func(p parts) *[]Track { return p.procs })},
		{Name: "track_bfd", Scopes: both, Args: "{", Doc: "one a line: NAME [weight -253-253 [reverse|noreverse]]", set: setTracks(253, func(p parts) *[]Track { return p.bfd })},
		{Name: "track_check", Scopes: both, Args: "{", Doc: "one a line: NAME of a vrrp_check [weight -253-253 [reverse|noreverse]]", Since: "vrrpd", set: setTracks(253, func(p parts) *[]Track { return p.check })},
		{Name: "notify_master", Scopes: both, Args: cmd, Doc: "run on becoming MASTER", set: setNotify(func(n *Notify) **Command { return &n.Master })},
		{Name: "notify_backup", Scopes: both, Args: cmd, Doc: "run on becoming BACKUP, at start too", set: setNotify(func(n *Notify) **Command { return &n.Backup })},
		{Name: "notify_fault", Scopes: both, Args: cmd, Doc: "run on FAULT", set: setNotify(func(n *Notify) **Command { return &n.Fault })},
		{Name: "notify_stop", Scopes: both, Args: cmd, Doc: "run at stop", set: setNotify(func(n *Notify) **Command { return &n.Stop })},
		{Name: "notify", Scopes: both, Args: cmd, Doc: "run on every state, with INSTANCE|GROUP, name, state and priority as arguments", set: setNotify(func(n *Notify) **Command { return &n.Any })},
		{Name: "notify_master_rx_lower_pri", Scopes: i, Args: cmd, Doc: "run when a MASTER hears a lower priority", set: setNotify(func(n *Notify) **Command { return &n.MasterRxLowerPri })},
		{Name: "notify_deleted", Scopes: i, Args: "[CMD] [USER] [GROUP] ...", Doc: "removal by reload is DELETED and not FAULT; run then", set: func(c *call) {
			c.inst().Notify.DeletedState = true
			if len(c.args) > 0 {
				setNotify(func(n *Notify) **Command { return &n.Deleted })(c)
			}
		}},
		{Name: "notify_priority_changes", Scopes: both, Args: "[BOOL]", Default: "vrrp_notify_priority_changes", Doc: "FIFO lines on priority changes", set: setPriorityChanges},
		{Name: "smtp_alert", Scopes: both, Args: "[BOOL]", Default: "smtp_alert_vrrp", Doc: "mail on state changes", set: func(c *call) {
			if v, ok := onOff(c); ok {
				c.parts().notify.SMTPAlert = v
			}
		}},
		{Name: "notify_timeout", Scopes: both, Args: "SECONDS", Default: "60", Doc: "limit of each notify script, from 0.001", Since: "vrrpd", set: func(c *call) {
			if v, ok := decimalSeconds(time.Millisecond, time.Hour)(c); ok {
				c.parts().notify.Timeout = v
			}
		}},
		{Name: "cloud_claim", Scopes: both, Args: "NAME ...", Doc: "cloud claims that follow the MASTER", Since: "vrrpd", set: func(c *call) {
			p := c.parts().claims
			for _, w := range c.args {
				if len(*p) < maxClaims && !slices.Contains(*p, w.Text) {
					*p = append(*p, w.Text)
				}
			}
		}},
		{Name: "notify_ipsec", Scopes: both, Args: "{", Doc: "IPsec tunnels that follow the MASTER", Since: "vrrpd", set: setIPsec},
		{Name: "conntrack_sync", Scopes: both, Args: "{", Doc: "connection tracking that follows the MASTER, by conntrackd", Since: "vrrpd", set: setConntrack},
	}
}

func setPriorityChanges(c *call) {
	v, ok := onOff(c)
	if !ok {
		return
	}
	*c.parts().priorityChanges = v
	if g, isGroup := c.target.(*SyncGroup); isGroup {
		g.prioritySet = true
	}
}

func setNotify(get func(*Notify) **Command) func(*call) {
	return func(c *call) {
		p := get(c.parts().notify)
		if *p != nil {
			c.warn(-1, "repeated", c.kw.Name+" stands here a second time", "keepalived keeps the first, and so does vrrpd", "one of them")
			return
		}
		*p = c.command()
	}
}

// inheritWeight marks a track whose weight comes from the tracked thing's own definition.
const inheritWeight = 1 << 20

// setTracks makes a setter of a track block. Weights of ±254 are cut to the limit, as keepalived does.
func setTracks(limit int, get func(parts) *[]Track) func(*call) {
	return func(c *call) {
		list := get(c.parts())
		seen := make(map[string]bool, len(*list))
		for _, t := range *list {
			seen[t.Name] = true
		}
		for _, n := range c.node.Children {
			if len(n.Words) == 0 {
				continue
			}
			t, ok := parseTrack(c, n.Words, limit)
			if !ok {
				continue
			}
			if seen[t.Name] {
				c.b.add(t.Pos, diag.Warning, "duplicate-track", t.Name+" is tracked twice", "keepalived keeps the first, and so does vrrpd", "one line")
				continue
			}
			seen[t.Name] = true
			*list = append(*list, t)
		}
	}
}

func parseTrack(c *call, words []word, limit int) (Track, bool) {
	line := &call{b: c.b, kw: c.kw, scope: c.scope, node: c.node, args: words}
	t := Track{Place: Place{Pos: words[0].Pos}, Name: words[0].Text, Weight: inheritWeight}
	if len(words) == 1 {
		return t, true
	}
	if words[1].Text != "weight" {
		line.warn(1, "two-statements", words[1].Text+" is not read", "a line tracks one thing: NAME [weight N]; keepalived ignores the rest", words[1].Text+" on a line of its own")
		return t, true
	}
	if len(words) < 3 {
		line.warn(1, "missing-argument", "weight needs a number", "the weight is ignored", "weight -20")
		return t, true
	}
	w, ok := line.number(2, -254, 254)
	if !ok {
		return t, true
	}
	if w > limit || w < -limit {
		line.warn(2, "weight-cut", fmt.Sprintf("weight %d is cut to %d", w, limit*sign(w)), "a weight may not be that of FAULT", fmt.Sprintf("weight %d", limit*sign(w)))
		w = limit * sign(w)
	}
	t.Weight = w
	if len(words) > 3 {
		switch words[3].Text {
		case "reverse":
			t.Reverse = true
		case "noreverse":
		default:
			line.warn(3, "extra-words", words[3].Text+" is not known after the weight", "it is ignored", "reverse")
		}
		t.mark("reverse", words[3].Pos)
	}
	return t, true
}

func sign(n int) int {
	if n < 0 {
		return -1
	}
	return 1
}

func setIPsec(c *call) {
	v := &IPsec{Place: Place{Pos: c.pos()}, Stack: "auto", Wait: 15 * time.Second, Timeout: 60 * time.Second}
	*c.parts().ipsec = v
	c.b.block(scopeIPsec, v, c.node.Children)
}

func setConntrack(c *call) {
	v := &Conntrack{Place: Place{Pos: c.pos()}, Timeout: 10 * time.Second}
	*c.parts().conntrack = v
	c.b.block(scopeConn, v, c.node.Children)
}

// groupTable has the keywords of groups alone.
func groupTable() []Keyword {
	g := []Scope{scopeGroup}
	return []Keyword{
		{Name: "group", Scopes: g, Args: "{", Doc: "names of the instances, any number on a line", set: func(c *call) {
			v := c.target.(*SyncGroup)
			for _, n := range c.node.Children {
				v.members = append(v.members, n.Words...)
			}
		}},
		{Name: "sync_group_tracking_weight", Scopes: g, Doc: "members keep their weighted tracks", set: present(func(v *SyncGroup) *bool { return &v.MemberWeights }, true)},
		{Name: "global_tracking", Scopes: g, Doc: "deprecated: sync_group_tracking_weight", set: func(c *call) {
			c.warn(-1, "deprecated", "global_tracking is deprecated", "it means sync_group_tracking_weight", "sync_group_tracking_weight")
			c.target.(*SyncGroup).MemberWeights = true
		}},
		{Name: "group_takeover", Scopes: g, Args: "fast|slowest", Default: "fast", Doc: "fast: the whole group takes over when a member hears the master resign; slowest: keepalived's rule", Since: "vrrpd", set: func(c *call) {
			switch c.arg(0) {
			case "fast", "slowest":
				c.target.(*SyncGroup).SlowTakeover = c.arg(0) == "slowest"
			default:
				c.warn(0, "bad-word", c.arg(0)+" is neither fast nor slowest", "the line is ignored", "group_takeover slowest")
			}
		}},
	}
}

func openGroup(c *call) {
	if !c.define(noWeight) {
		return
	}
	g := &c.b.cfg.Global
	v := &SyncGroup{Place: Place{Pos: c.args[0].Pos}, Name: c.arg(0), NotifyPriorityChanges: g.NotifyPriorityChanges}
	v.Notify.SMTPAlert = g.SMTPAlert
	if g.vrrpAlertSet {
		v.Notify.SMTPAlert = g.SMTPAlertVRRP
	}
	c.b.cfg.SyncGroups = append(c.b.cfg.SyncGroups, v)
	c.b.groups[v.Name] = v
	c.b.block(scopeGroup, v, c.node.Children)
}
