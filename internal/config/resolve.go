// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/internal/config/diag"
	"github.com/govrrp/vrrpd/internal/config/syntax"
)

// resolve applies the rules that need whole instances and names.
func (b *builder) resolve() {
	b.orderOfGlobals()
	for _, s := range b.cfg.Scripts {
		b.script(s)
	}
	b.resolveGroups()
	for _, v := range b.cfg.Instances {
		b.instance(v)
	}
	b.duplicateRouters()
	for _, g := range b.cfg.SyncGroups {
		b.groupTracks(g)
	}
	b.inheritUsers()
}

// orderOfGlobals warns when instances above global_defs missed its defaults.
func (b *builder) orderOfGlobals() {
	g, ok := b.lines[string(scopeGlobal)]
	if ok && len(b.cfg.Instances) > 0 && before(b.cfg.Instances[0].Pos, g) {
		b.add(g, diag.Warning, "globals-late", "global_defs stands below an instance", "instances copy its defaults where they begin, so those above have none of them", "global_defs at the head of the file")
	}
}

// before reports whether p stands above q in one file.
func before(p, q syntax.Pos) bool { return p.File() == q.File() && p.Line() < q.Line() }

func (b *builder) script(s *Script) {
	if len(s.Command.Argv) == 0 && s.TestFile == "" {
		b.add(s.Pos, diag.Warning, "no-script", "vrrp_script "+s.Name+" has no script line", "keepalived drops it, and instances that track it run untracked", `script "/path/to/program"`)
	}
	if s.Timeout == 0 {
		s.Timeout = s.Interval
	}
}

// instance applies the rules of one instance, in keepalived's order.
func (b *builder) instance(v *Instance) {
	b.identity(v)
	b.version(v)
	b.priority(v)
	b.unicast(v)
	if v.Strict {
		b.strict(v)
	}
	b.preemption(v)
	b.authentication(v)
	b.interval(v)
	b.addresses(v)
	b.vmac(v)
	b.tracks(v)
	if v.HMAC != nil && v.HMAC.Window == 0 {
		v.HMAC.Window = max(3*v.AdvertInterval, 5*time.Second).Truncate(time.Second)
	}
}

// identity reports what an instance cannot be without.
func (b *builder) identity(v *Instance) {
	if v.VRID == 0 {
		v.fatal = true
		b.add(v.At("virtual_router_id"), diag.Error, "no-vrid", "instance "+v.Name+" has no virtual_router_id", "keepalived refuses to run", "virtual_router_id 1…255, the same on both routers")
	}
	if v.Interface == "" && !v.fatal {
		v.fatal = true
		b.add(v.At("interface"), diag.Error, "no-interface", "instance "+v.Name+" has no interface", "keepalived refuses to run (\"Unknown interface!\")", "interface eth0")
	}
}

// version settles family and version.
func (b *builder) version(v *Instance) {
	if v.Family == 0 {
		switch {
		case len(v.UnicastPeers) > 0:
			v.Family = familyOf(v.UnicastPeers[0].Addr)
		case v.Source.IsValid():
			v.Family = familyOf(v.Source)
		case v.McastGroup.IsValid():
			v.Family = familyOf(v.McastGroup)
		default:
			v.Family = IPv4
		}
	}
	if v.Version == 0 {
		v.Version = b.cfg.Global.Version
		if v.Family == IPv6 {
			v.Version = 3
		}
	}
	if v.Version == 2 && v.Family == IPv6 {
		b.add(v.At("version"), diag.Warning, "v2-ipv6", "VRRP version 2 over IPv6 is no standard", "keepalived does it although its manual says it does not; other routers do not understand it", "version 3")
	}
}

// priority applies the default, which the state changes.
func (b *builder) priority(v *Instance) {
	if v.Priority == 0 {
		v.Priority = 100
		if v.InitialState == StateMaster {
			v.Priority = 255
			b.add(v.At("state"), diag.Warning, "master-is-255", "state MASTER without priority means priority 255", "the instance is the address owner: it starts as MASTER at once and always wins, and weights do nothing", "priority 150")
		}
	}
	if v.InitialState == StateUnset {
		v.InitialState = StateBackup
		if v.Owner() {
			v.InitialState = StateMaster
		}
	}
}

// StartsAsMaster reports whether the instance skips the first election: the address owner that wants to.
func (i *Instance) StartsAsMaster() bool { return i.Owner() && i.InitialState == StateMaster }

// unicast settles whether peers or a group are spoken to.
func (b *builder) unicast(v *Instance) {
	v.UnicastPeers = slices.DeleteFunc(v.UnicastPeers, func(p Peer) bool {
		wrong := familyOf(p.Addr) != v.Family
		if wrong {
			b.add(p.Pos, diag.Warning, "wrong-family", "the peer "+p.Addr.String()+" is not "+v.Family.String(), "keepalived skips it, and so does vrrpd", "a peer address of the instance's family")
		}
		return wrong
	})
	if v.Source.IsValid() && familyOf(v.Source) != v.Family {
		b.add(v.At("unicast_src_ip"), diag.Warning, "wrong-family", "the source address "+v.Source.String()+" is not "+v.Family.String(), "it is ignored", "")
		v.Source = b.zeroAddr()
	}
	v.Unicast = len(v.UnicastPeers) > 0
	ttl := v.UnicastTTL
	switch {
	case v.Unicast && ttl == 0 && v.Family == IPv4:
		v.UnicastTTL = 255
	case !v.Unicast && v.Has("unicast_ttl"):
		b.add(v.At("unicast_ttl"), diag.Warning, "ttl-multicast", "unicast_ttl stands in an instance without peers", "keepalived then sends its multicast adverts with TTL 0, nobody hears them and both routers are MASTER; vrrpd ignores the line", "unicast_peer { … }, or no unicast_ttl")
		v.UnicastTTL = 0
	}
	if v.McastGroup.IsValid() && familyOf(v.McastGroup) != v.Family || !v.McastGroup.IsValid() {
		if v.McastGroup.IsValid() {
			b.add(v.At("mcast_dst_ip"), diag.Warning, "wrong-family", "the group "+v.McastGroup.String()+" is not "+v.Family.String(), "the default group is used", "")
		}
		v.McastGroup = b.cfg.Global.McastGroup4
		if v.Family == IPv6 {
			v.McastGroup = b.cfg.Global.McastGroup6
		}
	}
	if v.unicastMeant && !v.Unicast && !v.UnicastFaultNoPeer {
		b.add(v.Pos, diag.Warning, "unicast-no-peer", "instance "+v.Name+" has unicast keywords and no usable peer", "it runs multicast, as in keepalived; a cloud drops that and both routers become MASTER", "unicast_peer { ADDRESS }, or unicast_fault_no_peer")
	}
	v.CheckUnicastSource = v.CheckUnicastSource && v.Unicast
}

// preemption applies what cancels nopreempt and preempt_delay.
func (b *builder) preemption(v *Instance) {
	asks := v.InitialState == StateMaster && v.Has("state")
	switch {
	case !v.Preempt && asks:
		v.Preempt = true
		b.add(v.At("nopreempt"), diag.Warning, "nopreempt-cancelled", "nopreempt is cancelled by state MASTER", "keepalived drops it: this router takes over whenever its priority is higher", "state BACKUP on both routers")
	case !v.Preempt && v.Owner():
		v.Preempt = true
		b.add(v.At("nopreempt"), diag.Warning, "nopreempt-cancelled", "nopreempt is cancelled by priority 255", "the address owner always takes over", "a priority up to 254")
	}
	if v.PreemptDelay == 0 {
		return
	}
	switch at := v.At("preempt_delay"); {
	case asks:
		b.add(at, diag.Warning, "preempt-delay-cancelled", "preempt_delay is cancelled by state MASTER", "keepalived sets it to 0", "state BACKUP")
		v.PreemptDelay = 0
	case !v.Preempt:
		b.add(at, diag.Warning, "preempt-delay-cancelled", "preempt_delay has no meaning with nopreempt", "keepalived sets it to 0", "one of the two")
		v.PreemptDelay = 0
	}
}

// authentication applies what drops it.
func (b *builder) authentication(v *Instance) {
	if v.HMAC != nil && v.Auth.Type != AuthNone {
		b.add(v.At("authentication"), diag.Error, "auth-and-hmac", "authentication and auth_hmac exclude each other", "an advert can carry one of them", "auth_hmac alone")
	}
	switch {
	case v.Auth.Type == AuthNone && v.Auth.Password != (Secret{}):
		b.add(v.At("auth_pass"), diag.Warning, "auth-no-type", "auth_pass without auth_type does nothing", "keepalived says nothing and runs without authentication", "auth_type PASS on the line before")
	case v.Auth.Type == AuthNone:
	case v.Auth.Password == (Secret{}):
		b.add(v.At("authentication"), diag.Warning, "auth-no-pass", "there is no password", "keepalived runs without authentication", "auth_pass WORD")
	case v.Version == 3:
		b.add(v.At("authentication"), diag.Warning, "auth-v3", "version 3 has no authentication", "keepalived drops it, and so does vrrpd", "auth_hmac { … }, which works in both versions")
	case v.Family == IPv6:
		b.add(v.At("authentication"), diag.Warning, "auth-ipv6", "there is no authentication over IPv6", "it is dropped", "auth_hmac { … }")
	default:
		return
	}
	v.Auth = Auth{}
}

// interval rounds to what the version can carry.
func (b *builder) interval(v *Instance) {
	d, at := v.AdvertInterval, v.At("advert_int")
	switch v.Version {
	case 2:
		r := max(d.Round(time.Second), time.Second)
		if r != d {
			b.add(at, diag.Warning, "v2-interval", "version 2 sends whole seconds: "+formatSeconds(d)+" s becomes "+formatSeconds(r)+" s", "both routers must agree on the interval, or both become MASTER", "advert_int "+formatSeconds(r)+", or version 3")
		}
		v.AdvertInterval = r
	default:
		const most = 40950 * time.Millisecond
		r := min(d.Round(10*time.Millisecond), most)
		if r != d {
			b.add(at, diag.Warning, "v3-interval", "version 3 sends hundredths of a second up to 40.95: "+formatSeconds(d)+" s becomes "+formatSeconds(r)+" s", "", "advert_int "+formatSeconds(r))
		}
		v.AdvertInterval = r
	}
}

// duplicateRouters finds two instances that would be one virtual router.
func (b *builder) duplicateRouters() {
	seen := make(map[Identity]*Instance)
	for _, v := range b.cfg.Instances {
		if v.fatal {
			continue
		}
		id := v.Identity()
		if o := seen[id]; o != nil {
			b.add(v.At("virtual_router_id"), diag.Error, "duplicate-vrid", fmt.Sprintf("%s and %s both use VRID %d with %s on %s", o.Name, v.Name, v.VRID, v.Family, v.Interface), "keepalived refuses to run", "another virtual_router_id")
			continue
		}
		seen[id] = v
	}
}
