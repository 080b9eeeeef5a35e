// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/internal/config/diag"
	"github.com/govrrp/vrrpd/internal/config/syntax"
)

func (b *builder) zeroAddr() netip.Addr { return netip.Addr{} }

// strict resets what the RFC does not allow, each with a message.
func (b *builder) strict(v *Instance) {
	at := v.At("strict_mode")
	drop := func(keyword, what, why string) {
		b.add(v.At(keyword), diag.Warning, "strict-drops", "strict mode drops "+what, why, "no strict mode, or without "+keyword)
	}
	if v.Has("state") && (v.InitialState == StateMaster) != v.Owner() {
		drop("state", "the state "+v.InitialState.String(), "only the address owner (priority 255) may start as MASTER")
		v.InitialState = StateBackup
		if v.Owner() {
			v.InitialState = StateMaster
		}
	}
	if v.Auth.Type != AuthNone {
		drop("authentication", "authentication", "the peers do not understand each other unless all drop it: both become MASTER")
		v.Auth = Auth{}
	}
	if v.PreemptDelay != 0 {
		drop("preempt_delay", "preempt_delay", "the RFC has none")
		v.PreemptDelay = 0
	}
	if v.DownTimerAdverts != 3 {
		drop("down_timer_adverts", "down_timer_adverts", "the RFC has 3")
		v.DownTimerAdverts = 3
	}
	if v.VMAC != nil && v.VMAC.MAC != nil {
		drop("use_vmac", "the MAC address of use_vmac", "the RFC gives the address")
		v.VMAC.MAC = nil
	}
	if v.VMACXmitBase {
		drop("vmac_xmit_base", "vmac_xmit_base", "adverts leave from the virtual MAC")
		v.VMACXmitBase = false
	}
	v.Garp.LowerPrioRepeat, v.Garp.LowerPrioDelay = 0, 0
	v.LowerPrioNoAdvert, v.HigherPrioSendAdvert = true, false
	if v.acceptSet && v.Accept && !v.Owner() {
		drop("accept", "accept", "only the address owner receives packets to the VIPs")
	}
	v.Accept = v.Owner()
	if !v.Accept {
		b.add(at, diag.Warning, "strict-drops-traffic", "strict mode makes the VIPs of "+v.Name+" unreachable", "a MASTER that is not the address owner (priority 255) drops every packet to the VIP; copied from keepalived's sample file this is a common outage", "no vrrp_strict, or strict_mode off in the instance")
	}
	if v.Unicast {
		b.add(at, diag.Warning, "strict-unicast", "strict mode and unicast exclude each other", "keepalived refuses this from 2.4.0 on", "no strict mode")
	}
}

// maxMTU is the packet size that addresses are fitted into; the real MTU is known at run time only.
const maxMTU = 1500

// addresses checks the address list.
func (b *builder) addresses(v *Instance) {
	if len(v.Addresses) == 0 {
		b.noAddresses(v)
	}
	// keepalived keeps 24 bytes for an authentication header whether there is one or not; both ends must cut at the same place.
	size, head := 4, 20+24+8
	if v.Family == IPv6 {
		size, head = 16, 40+24+8
	}
	if v.HMAC != nil {
		head += 28
	}
	if fit := min((maxMTU-head)/size, 255); len(v.Addresses) > fit {
		b.add(v.Addresses[fit].Pos, diag.Warning, "packet-full", fmt.Sprintf("%d addresses do not fit into an advert, %d do", len(v.Addresses), fit), "the others are moved to virtual_ipaddress_excluded, as keepalived does", "virtual_ipaddress_excluded { … }")
		v.Excluded = append(slices.Clone(v.Addresses[fit:]), v.Excluded...)
		v.Addresses = v.Addresses[:fit]
	}
	seen := make(map[netip.Addr]syntax.Pos)
	for _, a := range slices.Concat(v.Addresses, v.Excluded) {
		if p, ok := seen[a.Prefix.Addr()]; ok {
			b.add(a.Pos, diag.Warning, "duplicate-vip", fmt.Sprintf("%s is already on line %d", a.Prefix.Addr(), p.Line()), "the count in adverts must be the same on both routers; keepalived before 2.3.3 says nothing", "one line")
			continue
		}
		seen[a.Prefix.Addr()] = a.Pos
	}
	if v.Family == IPv6 && len(v.Addresses) > 0 && !v.Addresses[0].Prefix.Addr().IsLinkLocalUnicast() {
		b.add(v.Addresses[0].Pos, diag.Warning, "ipv6-first", "the first IPv6 address is not link-local", "RFC 9568 §5.2.9 wants it first; keepalived runs with a log line", "a fe80:: address before the others")
	}
}

func (b *builder) noAddresses(v *Instance) {
	at := v.At("virtual_ipaddress")
	switch {
	case len(v.Claims) > 0 || v.Has("no_virtual_ipaddress"):
	case v.Version == 3 || v.Strict:
		v.fatal = true
		b.add(at, diag.Error, "no-vip", "instance "+v.Name+" has no virtual_ipaddress", "version 3 and strict mode need one; keepalived refuses to run", "virtual_ipaddress { … }; or cloud_claim NAME, no_virtual_ipaddress (keepalived 2.2.8), or version 2")
	default:
		b.add(at, diag.Warning, "no-vip", "instance "+v.Name+" has no virtual_ipaddress", "it elects a MASTER and owns no address: right when a notify script or a cloud_claim moves the address", "no_virtual_ipaddress, to say that it is meant (keepalived 2.2.8 and later)")
	}
}

// lowerDefaults fills what defaults to other announcement values.
func (g *Garp) lowerDefaults() {
	if g.LowerPrioDelay < 0 {
		g.LowerPrioDelay = g.MasterDelay
	}
	if g.LowerPrioRepeat < 0 {
		g.LowerPrioRepeat = g.MasterRepeat
	}
}

// vmac applies what belongs to virtual MAC interfaces.
func (b *builder) vmac(v *Instance) {
	if v.VMAC == nil {
		if v.VMACXmitBase {
			b.add(v.At("vmac_xmit_base"), diag.Warning, "vmac-missing", "vmac_xmit_base without use_vmac does nothing", "", "use_vmac")
			v.VMACXmitBase = false
		}
		return
	}
	if v.IPVLAN != nil {
		b.add(v.At("use_ipvlan"), diag.Warning, "vmac-ipvlan", "use_vmac and use_ipvlan exclude each other", "use_ipvlan is ignored", "one of them")
		v.IPVLAN = nil
	}
	if v.VMAC.addVRID {
		v.VMAC.MAC[5] = v.VRID
	}
	if v.Unicast && !v.VMACXmitBase {
		v.VMACXmitBase = true
		b.add(v.At("use_vmac"), diag.Hint, "vmac-unicast", "unicast adverts leave from the base interface", "vmac_xmit_base is on with unicast, as in keepalived", "vmac_xmit_base")
	}
}

// resolveGroups ties groups to their members.
func (b *builder) resolveGroups() {
	for _, g := range b.cfg.SyncGroups {
		for _, w := range g.members {
			v := b.names[w.Text]
			switch {
			case v == nil:
				near := nearestOf(w.Text, func(yield func(string) bool) {
					for _, i := range b.cfg.Instances[:min(len(b.cfg.Instances), 300)] {
						if !yield(i.Name) {
							return
						}
					}
				})
				b.add(w.Pos, diag.Warning, "unknown-member", "there is no instance "+w.Text, "keepalived skips it, and so does vrrpd", near)
			case v.SyncGroup == g.Name:
				b.add(w.Pos, diag.Warning, "duplicate-member", w.Text+" stands twice in this group", "it counts once", "one of them")
			case v.SyncGroup != "":
				b.add(w.Pos, diag.Warning, "two-groups", w.Text+" is already in the group "+v.SyncGroup, "an instance can be in one group; it stays there", "")
			default:
				v.SyncGroup = g.Name
				g.Members = append(g.Members, v.Name)
				if g.prioritySet && !v.Has("notify_priority_changes") {
					v.NotifyPriorityChanges = g.NotifyPriorityChanges
				}
			}
		}
		if len(g.Members) < 2 {
			b.add(g.Pos, diag.Warning, "small-group", fmt.Sprintf("the sync-group %s has %d member(s)", g.Name, len(g.Members)), "a group of one moves nothing together", "two or more instances in group { … }")
		}
	}
}

// tracked is what the definitions say of a name.
type tracked struct {
	weight  int
	reverse bool
	pos     syntax.Pos
	ok      bool
}

// groupTracks resolves the tracks of a group itself.
func (b *builder) groupTracks(g *SyncGroup) {
	g.TrackInterfaces = b.resolveTracks(g.Name, "track_interface", g.TrackInterfaces, "")
	g.TrackScripts = b.resolveTracks(g.Name, "track_script", g.TrackScripts, "vrrp_script")
	g.TrackFiles = b.resolveTracks(g.Name, "track_file", g.TrackFiles, "track_file")
	g.TrackProcesses = b.resolveTracks(g.Name, "track_process", g.TrackProcesses, "vrrp_track_process")
	g.TrackBFD = b.resolveTracks(g.Name, "track_bfd", g.TrackBFD, "bfd_instance")
	g.TrackChecks = b.resolveTracks(g.Name, "track_check", g.TrackChecks, "vrrp_check")
}

// resolveTracks finds the definitions in blocks of that keyword, takes their weights, and drops names that are nowhere.
// Interfaces have no definition: block is then empty.
func (b *builder) resolveTracks(owner, keyword string, list []Track, block string) []Track {
	out := list[:0]
	for _, t := range list {
		def := tracked{ok: block == ""}
		if find := b.defs[[2]string{block, t.Name}]; find != nil {
			def = find()
		}
		if !def.ok {
			b.add(t.Pos, diag.Warning, "track-missing", keyword+" "+t.Name+" is not defined", owner+" runs untracked: keepalived logs a line and becomes MASTER whatever its state", "a definition of "+t.Name+" above, or no "+keyword)
			continue
		}
		if before(t.Pos, def.pos) {
			b.add(t.Pos, diag.Warning, "track-forward", t.Name+" is defined below its use", fmt.Sprintf("keepalived reads top down, finds nothing and leaves %s untracked; vrrpd tracks it", owner), fmt.Sprintf("the definition of line %d above this block", def.pos.Line()))
		}
		if t.Weight == inheritWeight {
			t.Weight = def.weight
			if !t.Has("reverse") {
				t.Reverse = def.reverse
			}
		}
		out = append(out, t)
	}
	return out
}

// tracks resolves the tracks of an instance and drops what its role does not allow.
func (b *builder) tracks(v *Instance) {
	v.TrackInterfaces = slices.DeleteFunc(v.TrackInterfaces, func(t Track) bool {
		own := t.Name == v.Interface
		if own {
			b.add(t.Pos, diag.Hint, "tracks-itself", v.Name+" tracks its own interface", "that is always so; keepalived ignores the line", "nothing; dont_track_primary turns it off")
		}
		return own
	})
	grouped := v.SyncGroup != "" && !b.groups[v.SyncGroup].MemberWeights
	one := func(keyword string, list []Track, block string) []Track {
		list = b.resolveTracks(v.Name, keyword, list, block)
		return slices.DeleteFunc(list, func(t Track) bool { return b.dropWeighted(v, keyword, t, grouped) })
	}
	v.TrackInterfaces = one("track_interface", v.TrackInterfaces, "")
	v.TrackScripts = one("track_script", v.TrackScripts, "vrrp_script")
	v.TrackFiles = one("track_file", v.TrackFiles, "track_file")
	v.TrackProcesses = one("track_process", v.TrackProcesses, "vrrp_track_process")
	v.TrackBFD = one("track_bfd", v.TrackBFD, "bfd_instance")
	v.TrackChecks = one("track_check", v.TrackChecks, "vrrp_check")
	if grouped {
		for _, list := range [][]Track{v.TrackInterfaces, v.TrackFiles} {
			for i := range list {
				list[i].Weight = 0
			}
		}
	}
}

// dropWeighted reports weighted tracks that keepalived drops: on an address owner, and in members of a group.
func (b *builder) dropWeighted(v *Instance, keyword string, t Track, grouped bool) bool {
	if t.Weight == 0 {
		return false
	}
	if v.Owner() {
		b.add(t.Pos, diag.Warning, "weight-owner", "a weight does nothing at priority 255", "the priority of an address owner is fixed; keepalived drops this "+keyword, "a priority up to 254")
		return true
	}
	if !grouped || keyword == "track_process" {
		return false
	}
	switch keyword {
	case "track_interface":
		b.add(t.Pos, diag.Warning, "weight-grouped", "the weight is set to 0 in a member of a sync-group", "down is then FAULT of the whole group, as in keepalived", "sync_group_tracking_weight in the group")
		return false
	case "track_file":
		b.add(t.Pos, diag.Warning, "weight-grouped", "the weight is set to 0 in a member of a sync-group", "any value other than 0 is then FAULT of the whole group, as in keepalived", "sync_group_tracking_weight in the group")
		return false
	}
	b.add(t.Pos, diag.Warning, "weight-grouped", "a weighted "+keyword+" does nothing in a member of a sync-group", "keepalived drops it: the member is untracked", "sync_group_tracking_weight in the group, or weight 0")
	return true
}

// inheritUsers gives commands without user that of script_user.
func (b *builder) inheritUsers() {
	g := &b.cfg.Global
	each := func(cmds ...*Command) {
		for _, c := range cmds {
			if c != nil && c.User == "" {
				c.User, c.Group = g.ScriptUser, g.ScriptGroup
			}
		}
	}
	of := func(n *Notify) { each(n.Master, n.Backup, n.Fault, n.Stop, n.MasterRxLowerPri, n.Deleted, n.Any) }
	for _, v := range b.cfg.Instances {
		of(&v.Notify)
	}
	for _, v := range b.cfg.SyncGroups {
		of(&v.Notify)
	}
	for _, s := range b.cfg.Scripts {
		each(&s.Command)
	}
	each(g.NotifyFIFO.Script, g.VRRPNotifyFIFO.Script, g.StartupScript, g.ShutdownScript)
	g.Garp.lowerDefaults()
	if g.Email.ConnectTimeout == 0 {
		g.Email.ConnectTimeout = time.Second
	}
}
