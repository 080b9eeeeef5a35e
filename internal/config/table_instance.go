// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"time"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

func instanceTable() []Keyword {
	i := []Scope{scopeInstance}
	return []Keyword{
		{Name: "state", Scopes: i, Args: "MASTER|BACKUP", Default: "by priority", Doc: "a hint: elections decide, except that priority 255 with MASTER starts as MASTER", set: setState},
		{Name: "interface", Scopes: i, Args: "IF", Doc: "where adverts are sent and heard", set: setInterface},
		{Name: "virtual_router_id", Scopes: i, Args: "VRID", Doc: "1-255, required", set: setVRID},
		{Name: "priority", Scopes: i, Args: "PRIORITY", Default: "100, or 255 with state MASTER", Doc: "1-255; 255 is the address owner", set: setPriority},
		{Name: "advert_int", Scopes: i, Args: "SECONDS", Default: "1", Doc: "version 2: whole seconds; version 3: 0.01-40.95", set: setAdvertInterval},
		{Name: "virtual_ipaddress", Scopes: i, Args: "{", Doc: "addresses of the MASTER, advertised, of one family", set: setAddresses},
		{Name: "virtual_ipaddress_excluded", Scopes: i, Args: "{", Doc: "addresses of the MASTER, not advertised, of any family", set: setExcluded},
		{Name: "no_virtual_ipaddress", Scopes: i, Doc: "the instance has no addresses on purpose", Since: "2.2.8"},
		{Name: "authentication", Scopes: i, Args: "{", Doc: "version 2 authentication", set: func(c *call) { c.b.block(scopeAuth, c.target, c.node.Children) }},
		{Name: "auth_type", Scopes: []Scope{scopeAuth}, Args: "PASS|AH", Doc: "PASS: a word in clear text; AH: HMAC-MD5", set: setAuthType},
		{Name: "auth_pass", Scopes: []Scope{scopeAuth}, Args: "WORD", Doc: "at most 8 bytes count", set: setAuthPass},
		{Name: "version", Aliases: []string{"vrrp_version"}, Scopes: i, Args: "2|3", Default: "vrrp_version; IPv6: 3", Doc: "VRRP version", set: setVersion},
		{Name: "nopreempt", Scopes: i, Doc: "do not take over from a live master of lower priority", set: func(c *call) { v := c.inst(); v.Preempt, v.preemptSet = false, true }},
		{Name: "preempt", Scopes: i, Doc: "undo nopreempt", set: func(c *call) { v := c.inst(); v.Preempt, v.preemptSet = true, true }},
		{Name: "preempt_delay", Scopes: i, Args: "SECONDS", Default: "0", Doc: "wait before preemption, 0-1000", set: field(func(v *Instance) *time.Duration { return &v.PreemptDelay }, decimalSeconds(0, 1000*time.Second))},
		{Name: "start_delay", Scopes: i, Args: "SECONDS", Default: "0", Doc: "stay in INIT after start and after link recovery, 0-600", Since: "vrrpd", set: field(func(v *Instance) *time.Duration { return &v.StartDelay }, decimalSeconds(0, 600*time.Second))},
		{Name: "native_ipv6", Scopes: i, Doc: "deprecated: IPv6 and version 3", set: func(c *call) {
			c.warn(-1, "deprecated", "native_ipv6 is deprecated", "the first address says the family", "nothing; IPv6 addresses are enough")
			c.inst().Family = IPv6
		}},
		{Name: "down_timer_adverts", Scopes: i, Args: "COUNT", Default: "3", Doc: "adverts missed before the master counts as down, 1-100", set: field(func(v *Instance) *int { return &v.DownTimerAdverts }, number(1, 100))},
		{Name: "accept", Scopes: i, Default: "accept, in strict mode no_accept", Doc: "receive packets to the VIPs", set: func(c *call) { v := c.inst(); v.Accept, v.acceptSet = true, true }},
		{Name: "no_accept", Scopes: i, Doc: "drop packets to the VIPs unless address owner", set: func(c *call) { v := c.inst(); v.Accept, v.acceptSet = false, true }},
		{Name: "strict_mode", Scopes: i, Args: "[BOOL]", Default: "vrrp_strict", Doc: "the RFC to the letter", set: func(c *call) {
			if v, ok := onOff(c); ok {
				c.inst().Strict, c.inst().strictSet = v, true
			}
		}},
		{Name: "skip_check_adv_addr", Scopes: i, Args: "[BOOL]", Default: "vrrp_skip_check_adv_addr", Doc: "do not compare the address list of adverts from the known master", set: alwaysOn(func(v *Instance) *bool { return &v.SkipCheckAdvAddr })},
		{Name: "promote_secondaries", Scopes: i, Doc: "keep the other addresses of a subnet when one is removed", set: present(func(v *Instance) *bool { return &v.PromoteSecondaries }, true)},
		{Name: "owner_ignore_adverts", Scopes: i, Args: "[BOOL]", Default: "vrrp_owner_ignore_adverts", Doc: "an address owner ignores adverts", Since: "2.3.3", set: field(func(v *Instance) *bool { return &v.OwnerIgnoreAdverts }, onOff)},
		{Name: "timer_expired_backup", Aliases: []string{"thread_timer_expired"}, Scopes: i, Args: "[PRIORITY]", Default: "off", Doc: "step down after a stall", Since: "2.2.8", set: setTimerExpired},
		{Name: "debug", Scopes: i, Args: "[LEVEL]", Default: "0", Doc: "0-4; no effect in keepalived either", set: func(c *call) {
			if len(c.args) > 0 {
				if v, ok := c.number(0, 0, 4); ok {
					c.inst().Debug = v
				}
			}
		}},
		{Name: "kernel_rx_buf_size", Scopes: i, Args: "BYTES", Doc: "receive buffer of the sockets", set: field(func(v *Instance) *int { return &v.KernelRxBuf }, number(0, 1<<30))},
		{Name: "vrf", Scopes: i, Args: "IF", Doc: "VRF of an instance without interface", set: field(func(v *Instance) *string { return &v.VRF }, str)},
		{Name: "linkbeat_use_polling", Scopes: []Scope{scopeInstance}, Status: NoEffect, Why: "link state comes from the kernel as it changes", Doc: "deprecated"},
		{Name: "dont_track_primary", Scopes: i, Doc: "the own interface may go down without FAULT", set: present(func(v *Instance) *bool { return &v.TrackPrimary }, false)},
		{Name: "track_src_ip", Scopes: i, Doc: "FAULT while the configured source address is missing", set: present(func(v *Instance) *bool { return &v.TrackSource }, true)},
		{Name: "source_address", Scopes: i, Args: "vip|own", Default: "own", Doc: "the address this host uses for its own traffic while MASTER", Since: "vrrpd", set: setSourceAddress},
		{Name: "auth_hmac", Scopes: i, Args: "{", Doc: "signed adverts", Since: "2.4.0", set: setHMAC},
	}
}

func (c *call) inst() *Instance { return c.target.(*Instance) }

// openInstance starts an instance with the defaults that global_defs has set so far.
func openInstance(c *call) {
	name := c.arg(0)
	if old := c.b.names[name]; old != nil {
		c.warn(0, "duplicate-name", "the instance "+name+" is already defined", fmt.Sprintf("on line %d; keepalived skips this block, and so does vrrpd", old.Pos.Line()), "another name")
		return
	}
	g := &c.b.cfg.Global
	v := &Instance{
		Place: Place{Pos: c.args[0].Pos}, Name: name, AdvertInterval: time.Second, Preempt: true, DownTimerAdverts: g.DownTimerAdverts, Accept: true,
		TrackPrimary: true, Strict: g.Strict, SkipCheckAdvAddr: g.SkipCheckAdvAddr, CheckUnicastSource: true, ChecksumAsV2: g.ChecksumAsV2,
		OwnerIgnoreAdverts: g.OwnerIgnoreAdverts, LowerPrioNoAdvert: g.LowerPrioNoAdvert, HigherPrioSendAdvert: g.HigherPrioSend, Garp: g.Garp,
		NotifyPriorityChanges: g.NotifyPriorityChanges,
	}
	if g.MinGarp {
		v.Garp = minGarp(v.Garp)
	}
	v.Garp.lowerDefaults() // those of global_defs: the instance's own words come later
	v.Notify.SMTPAlert = g.SMTPAlert
	if g.vrrpAlertSet {
		v.Notify.SMTPAlert = g.SMTPAlertVRRP
	}
	c.b.names[name] = v
	c.b.cfg.Instances = append(c.b.cfg.Instances, v)
	c.b.block(scopeInstance, v, c.node.Children)
}

// minGarp is vrrp_min_garp: it touches only what still has its default.
func minGarp(g Garp) Garp {
	d := defaultGlobal().Garp
	if g.MasterDelay == d.MasterDelay {
		g.MasterDelay = 0
	}
	if g.MasterRepeat == d.MasterRepeat {
		g.MasterRepeat = 1
	}
	return g
}

func setState(c *call) {
	v := c.inst()
	switch s := c.arg(0); {
	case s == "MASTER":
		v.InitialState = StateMaster
	case s == "BACKUP" && v.InitialState == StateMaster:
		c.warn(0, "state-twice", "state BACKUP after state MASTER is ignored", "the first line counts", "one state line")
	case s == "BACKUP":
		v.InitialState = StateBackup
	default:
		instead := "state MASTER or state BACKUP"
		if s == "master" || s == "backup" || s == "Master" || s == "Backup" {
			instead += ", in capitals"
		}
		c.warn(0, "bad-state", s+" is not a state", "keepalived reports it and takes BACKUP", instead)
		if v.InitialState == StateUnset {
			v.InitialState = StateBackup
		}
	}
}

const maxIfName = 15

func (c *call) interfaceName(n int) (string, bool) {
	s := c.arg(n)
	if len(s) > maxIfName || s == "" {
		c.warn(n, "bad-interface", s+" cannot be an interface name", "Linux allows 15 letters; the line is ignored", "")
		return "", false
	}
	return s, true
}

func setInterface(c *call) {
	s, ok := c.interfaceName(0)
	if !ok {
		return
	}
	if s == "lo" {
		c.add(0, diag.Error, "loopback", "VRRP cannot run on the loopback interface", "keepalived ignores the line and then refuses to run without interface", "interface eth0")
		c.inst().fatal = true
		return
	}
	c.inst().Interface = s
}

func setVRID(c *call) {
	if v, ok := c.strictNumber(0, 1, 255, "the line is ignored, and without VRID the instance cannot run"); ok {
		c.inst().VRID = uint8(v)
	}
}

func setPriority(c *call) {
	v, ok := c.strictNumber(0, 1, 255, "keepalived takes 100")
	if !ok {
		v = 100
	}
	c.inst().Priority = uint8(v)
}

func setAdvertInterval(c *call) {
	if d, ok := c.seconds(0, 10*time.Millisecond, 255*time.Second); ok {
		c.inst().AdvertInterval = d
	}
}

func setAuthType(c *call) {
	v := c.inst()
	switch c.arg(0) {
	case "PASS":
		v.Auth.Type = AuthPass
	case "AH":
		v.Auth.Type = AuthAH
	default:
		v.Auth.Type = AuthNone
		c.warn(0, "bad-auth-type", c.arg(0)+" is not an authentication type", "keepalived runs without authentication", "auth_type PASS")
	}
}

func setAuthPass(c *call) {
	s := c.arg(0)
	if len(s) > 8 {
		c.warn(0, "auth-pass-long", fmt.Sprintf("this password has %d bytes and only the first 8 count", len(s)), "VRRP version 2 has no room for more", "a password of at most 8 bytes, or auth_hmac")
		s = s[:8]
	}
	c.inst().Auth.Password = NewSecret(s)
}

// setVersion refuses a second, different version; IPv6 addresses above have set 3.
func setVersion(c *call) {
	v, ok := c.strictNumber(0, 2, 3, "the line is ignored")
	inst := c.inst()
	switch {
	case !ok:
	case inst.Version != 0 && int(inst.Version) != v:
		c.warn(0, "version-conflict", fmt.Sprintf("version %d comes after version %d was settled", v, inst.Version), "an earlier version line, or IPv6 addresses above, decide; this line is ignored", fmt.Sprintf("version %d before the addresses", v))
	default:
		inst.Version = uint8(v)
	}
}

// alwaysOn is for keywords that keepalived documents as [BOOL] and that turn on whatever the word.
func alwaysOn(get func(*Instance) *bool) func(*call) {
	return func(c *call) {
		if len(c.args) > 0 {
			c.booleanFlag(c.args[0])
		}
		*get(c.inst()) = true
	}
}

func setTimerExpired(c *call) {
	v := c.inst()
	if len(c.args) > 0 {
		p, ok := c.number(0, 1, 254)
		if !ok {
			return
		}
		v.TimerExpiredPriority = uint8(p)
	}
	v.TimerExpiredBackup = true
}

func setSourceAddress(c *call) {
	switch c.arg(0) {
	case "vip":
		c.inst().SourceAddress = SourceVIP
	case "own":
		c.inst().SourceAddress = SourceOwn
	default:
		c.warn(0, "bad-word", c.arg(0)+" is neither vip nor own", "the line is ignored", "source_address vip")
	}
}
