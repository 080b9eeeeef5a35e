// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"

	"github.com/govrrp/vrrpd/internal/config/diag"
	"github.com/govrrp/vrrpd/internal/config/syntax"
)

// lint looks at the finished model for what works and is still a mistake.
func (b *builder) lint() {
	b.lintSecurity()
	b.lintReload()
	for _, v := range b.cfg.Instances {
		b.lintAuth(v)
		b.lintUnicast(v)
		b.lintPrefixes(v)
		b.lintWeights(v)
		b.lintClaims(v.Claims, []*Instance{v}, v.At("cloud_claim"))
	}
	b.lintClaimBlocks()
	for _, g := range b.cfg.SyncGroups {
		b.lintGroup(g)
		var members []*Instance
		for _, name := range g.Members {
			members = append(members, b.names[name])
		}
		b.lintClaims(g.Claims, members, g.At("cloud_claim"))
	}
	for _, f := range b.cfg.TrackFiles {
		if f.Path == "" {
			b.add(f.Pos, diag.Warning, "no-file", "track_file "+f.Name+" has no file line", "keepalived drops it", "file /path")
			continue
		}
		b.add(f.Pos, diag.Hint, "track-file-missing", "a missing or non-numeric file is a fault in vrrpd", "keepalived counts it as 0, which is healthy", "init_file 0, if the file may be absent at start")
	}
	for _, s := range b.cfg.Scripts {
		if s.InitFail {
			b.add(s.At("init_fail"), diag.Hint, "init-fail", "init_fail works in vrrpd", "keepalived reads it and starts the script as good all the same", "")
		}
		if s.Timeout > s.Interval {
			b.add(s.At("timeout"), diag.Warning, "timeout-interval", fmt.Sprintf("the timeout of %s is longer than its interval", s.Name), "keepalived counts a run that is still going at the next tick as failed; vrrpd skips the tick and lets it end", "timeout "+formatSeconds(s.Interval))
		}
	}
}

// lintSecurity is keepalived's "SECURITY VIOLATION", with a line number.
func (b *builder) lintSecurity() {
	g := &b.cfg.Global
	first := b.firstCommand()
	if first.IsZero() || g.ScriptSecurity {
		return
	}
	if g.ScriptUser == "" {
		b.add(first, diag.Warning, "scripts-as-root", "scripts run as root, whoever can write to them", "neither script_user nor enable_script_security is set; the user keepalived_script is taken if it exists", "enable_script_security and script_user in global_defs")
		return
	}
	b.add(first, diag.Hint, "script-security", "enable_script_security is not set", "a script that others can write to is run all the same; keepalived -t returns 6", "enable_script_security in global_defs")
}

func (b *builder) firstCommand() syntax.Pos {
	for _, s := range b.cfg.Scripts {
		if len(s.Command.Argv) > 0 {
			return s.Command.Pos
		}
	}
	var lists []*Notify
	for _, v := range b.cfg.Instances {
		lists = append(lists, &v.Notify)
	}
	for _, v := range b.cfg.SyncGroups {
		lists = append(lists, &v.Notify)
	}
	for _, n := range lists {
		for _, c := range []*Command{n.Master, n.Backup, n.Fault, n.Stop, n.Any, n.MasterRxLowerPri, n.Deleted} {
			if c != nil {
				return c.Pos
			}
		}
	}
	return syntax.Pos{}
}

func (b *builder) lintReload() {
	if p, ok := b.lines[string(scopeGlobal)]; ok && !b.cfg.Global.ReloadCheckConfig {
		b.add(p, diag.Hint, "reload-check", "reload_check_config is not set", "a reload with a broken file ends keepalived and leaves the VIP on the interface; vrrpd always validates first and keeps the old configuration", "reload_check_config, for keepalived")
	}
}

func (b *builder) lintAuth(v *Instance) {
	if v.Auth.Type == AuthPass {
		b.add(v.At("authentication"), diag.Hint, "pass-clear", "PASS sends the password in clear text", "who can listen can also speak; it guards against mistakes, not against people", "auth_hmac { … } on both routers, from keepalived 2.4.2 on")
	}
}

func (b *builder) lintUnicast(v *Instance) {
	if !v.Unicast {
		return
	}
	if !v.CheckUnicastSource {
		b.add(v.At("unicast_accept_any_src"), diag.Warning, "any-source", "adverts are accepted from any address", "whoever reaches this host can make it BACKUP", "without unicast_accept_any_src")
	} else if !v.Has("check_unicast_src") && !b.cfg.Global.CheckUnicastSource {
		b.add(v.At("unicast_peer"), diag.Hint, "source-check", "vrrpd accepts adverts from these peers only", "keepalived accepts them from anyone unless check_unicast_src is set", "check_unicast_src")
	}
	for _, p := range v.UnicastPeers {
		if p.Addr == v.Source {
			b.add(p.Pos, diag.Warning, "peer-is-self", "the peer "+p.Addr.String()+" is this router's own unicast_src_ip", "adverts would go to itself: copied from the other node?", "the address of the other router")
		}
		if p.MinTTL > p.MaxTTL {
			b.add(p.Pos, diag.Warning, "ttl-range", "min_ttl is above max_ttl", "no advert of this peer is ever accepted", "min_ttl at most max_ttl")
		}
	}
}

func (b *builder) lintPrefixes(v *Instance) {
	other := make(map[netip.Addr]bool)
	for _, p := range v.UnicastPeers {
		other[p.Addr] = true
	}
	for _, a := range v.Addresses {
		switch ip := a.Prefix.Addr(); {
		case ip == v.Source && v.Source.IsValid() && !v.Owner():
			b.add(a.Pos, diag.Warning, "vip-is-source", ip.String()+" is both VIP and source address", "a BACKUP does not have the address it should send from", "the interface's own address as source")
		case other[ip]:
			b.add(a.Pos, diag.Warning, "vip-is-peer", ip.String()+" is both VIP and a peer", "the peer's own address cannot move", "the peer's primary address in unicast_peer")
		case a.Bare && ip.Is4() && !a.Peer.IsValid():
			b.add(a.Pos, diag.Hint, "bare-address", ip.String()+" without length is a /32", "legal and often right; with a length the kernel also makes a route to the subnet", ip.String()+"/32, to say that it is meant")
		}
	}
}

// lintWeights finds weights that are cut by the range of priorities.
func (b *builder) lintWeights(v *Instance) {
	up, down := int(v.Priority), int(v.Priority)
	var at syntax.Pos
	for _, list := range [][]Track{v.TrackInterfaces, v.TrackScripts, v.TrackProcesses, v.TrackBFD, v.TrackChecks} {
		for _, t := range list {
			if t.Weight == 0 {
				continue
			}
			at = t.Pos
			if w := t.Weight; w > 0 {
				up += w
			} else {
				down += w
			}
		}
	}
	if at.IsZero() || v.Owner() {
		return
	}
	if up > 254 || down < 1 {
		b.add(at, diag.Hint, "weight-clamped", fmt.Sprintf("the weights take the priority of %s to %d…%d", v.Name, down, up), "it is cut to 1…254, so some steps make no difference", "smaller weights, or a priority nearer to the middle")
	}
}

func (b *builder) lintGroup(g *SyncGroup) {
	var first *Instance
	for _, name := range g.Members {
		v := b.names[name]
		switch {
		case first == nil:
			first = v
		case v.Priority != first.Priority:
			b.add(v.At("priority"), diag.Hint, "group-priority", fmt.Sprintf("%s has priority %d and %s of the same group has %d", v.Name, v.Priority, first.Name, first.Priority), "the group moves only when all members can: with different priorities it follows the slowest", "one priority for all members")
		case v.Preempt != first.Preempt:
			b.add(v.Pos, diag.Warning, "group-preempt", fmt.Sprintf("%s and %s of one group differ in nopreempt", v.Name, first.Name), "the group then preempts or not depending on which member speaks first", "nopreempt in all members or in none")
		}
	}
}
