// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

func defaultGlobal() Global {
	return Global{
		Version: 2, DownTimerAdverts: 3, DefaultInterface: "eth0", VMACPrefix: "vrrp", VMACAddrPrefix: "vrrp",
		Garp:           Garp{MasterDelay: 5 * time.Second, MasterRepeat: 5, RefreshRepeat: 1, LowerPrioDelay: -1, LowerPrioRepeat: -1},
		McastGroup4:    netip.MustParseAddr("224.0.0.18"),
		McastGroup6:    netip.MustParseAddr("ff02::12"),
		StartupTimeout: 10 * time.Second, ShutdownTimeout: 10 * time.Second,
		Email: Email{Port: 25, ConnectTimeout: 30 * time.Second, TLS: "off"}, NFTablesTable: "keepalived", NFTablesPriority: -1, Umask: -1, JSONVersion: 1,
	}
}

// global makes a setter of a Global field.
func global[V any](get func(*Global) *V, parse func(*call) (V, bool)) func(*call) {
	return field(get, parse)
}

func globalTable() []Keyword {
	g := []Scope{scopeGlobal}
	const day = 86400
	return []Keyword{
		{Name: "router_id", Scopes: g, Args: "STRING", Default: "host name", Doc: "label in mails; not on the wire", set: global(func(g *Global) *string { return &g.RouterID }, str)},
		{Name: "vrrp_version", Scopes: g, Args: "2|3", Default: "2", Doc: "VRRP version of IPv4 instances", set: setGlobalVersion},
		{Name: "vrrp_garp_master_delay", Scopes: g, Args: "SECONDS", Default: "5", Doc: "second announcement burst after becoming MASTER; 0: none", set: global(func(g *Global) *time.Duration { return &g.Garp.MasterDelay }, wholeSeconds(0, day))},
		{Name: "vrrp_garp_master_repeat", Scopes: g, Args: "COUNT", Default: "5", Doc: "packets per burst and address", set: global(func(g *Global) *int { return &g.Garp.MasterRepeat }, atLeastOne)},
		{Name: "vrrp_garp_master_refresh", Scopes: g, Args: "SECONDS", Default: "0", Doc: "periodic announcement while MASTER; 0: none", set: global(func(g *Global) *time.Duration { return &g.Garp.Refresh }, wholeSeconds(0, day))},
		{Name: "vrrp_garp_master_refresh_repeat", Scopes: g, Args: "COUNT", Default: "1", Doc: "packets per refresh", set: global(func(g *Global) *int { return &g.Garp.RefreshRepeat }, atLeastOne)},
		{Name: "vrrp_garp_lower_prio_delay", Scopes: g, Args: "SECONDS", Default: "vrrp_garp_master_delay", Doc: "second burst after a lower advert", set: global(func(g *Global) *time.Duration { return &g.Garp.LowerPrioDelay }, wholeSeconds(0, day))},
		{Name: "vrrp_garp_lower_prio_repeat", Scopes: g, Args: "COUNT", Default: "vrrp_garp_master_repeat", Doc: "burst after a lower advert; 0: none", set: global(func(g *Global) *int { return &g.Garp.LowerPrioRepeat }, number(0, 1000))},
		{Name: "vrrp_garp_interval", Scopes: g, Args: "SECONDS", Default: "none", Doc: "gap between ARP announcements on an interface, 0.000001-4294", set: global(func(g *Global) *time.Duration { return &g.Garp.Interval }, paceSeconds)},
		{Name: "vrrp_gna_interval", Scopes: g, Args: "SECONDS", Default: "none", Doc: "gap between Neighbour Advertisements on an interface, 0.000001-4294", set: global(func(g *Global) *time.Duration { return &g.Garp.NAInterval }, paceSeconds)},
		{Name: "vrrp_min_garp", Scopes: g, Args: "[BOOL]", Default: "off", Doc: "one announcement and no second burst, where nothing else is set", set: global(func(g *Global) *bool { return &g.MinGarp }, onOff)},
		{Name: "vrrp_garp_extra_if", Aliases: []string{"vrrp_vmac_garp_intvl"}, Scopes: g, Args: "[all] SECONDS", Default: "off", Doc: "periodic announcement on VIP interfaces other than the instance's, 1-86400", set: setGarpExtra},
		{Name: "vrrp_down_timer_adverts", Scopes: g, Args: "COUNT", Default: "3", Doc: "adverts missed before the master counts as down, 1-100", set: global(func(g *Global) *int { return &g.DownTimerAdverts }, number(1, 100))},
		{Name: "vrrp_lower_prio_no_advert", Scopes: g, Args: "[BOOL]", Default: "off", Doc: "do not answer a lower advert with an advert", set: global(func(g *Global) *bool { return &g.LowerPrioNoAdvert }, onOff)},
		{Name: "vrrp_higher_prio_send_advert", Scopes: g, Args: "[BOOL]", Default: "off", Doc: "one last advert before yielding to a higher one", set: global(func(g *Global) *bool { return &g.HigherPrioSend }, onOff)},
		{Name: "vrrp_check_unicast_src", Scopes: g, Default: "off; in vrrpd on for every unicast instance", Doc: "refuse adverts from addresses that are not peers", set: present(func(g *Global) *bool { return &g.CheckUnicastSource }, true)},
		{Name: "vrrp_skip_check_adv_addr", Scopes: g, Default: "off", Doc: "do not compare the address list of adverts from the known master", set: present(func(g *Global) *bool { return &g.SkipCheckAdvAddr }, true)},
		{Name: "vrrp_strict", Scopes: g, Default: "off", Doc: "strict mode for all instances", set: present(func(g *Global) *bool { return &g.Strict }, true)},
		{Name: "v3_checksum_as_v2", Scopes: append(g, scopeInstance), Args: "[BOOL]", Default: "off", Doc: "version 3 checksum over IPv4 without pseudo-header, as RFC 9568 has it", Since: "2.2.8", set: setChecksumAsV2},
		{Name: "vrrp_owner_ignore_adverts", Scopes: g, Args: "[BOOL]", Default: "off", Doc: "an address owner ignores adverts", Since: "2.3.3", set: global(func(g *Global) *bool { return &g.OwnerIgnoreAdverts }, onOff)},
		{Name: "vrrp_mcast_group4", Scopes: g, Args: "ADDRESS", Default: "224.0.0.18", Doc: "group for IPv4", set: global(func(g *Global) *netip.Addr { return &g.McastGroup4 }, group(IPv4))},
		{Name: "vrrp_mcast_group6", Scopes: g, Args: "ADDRESS", Default: "ff02::12", Doc: "group for IPv6", set: global(func(g *Global) *netip.Addr { return &g.McastGroup6 }, group(IPv6))},
		{Name: "vrrp_startup_delay", Scopes: g, Args: "SECONDS", Default: "0", Doc: "hold all instances down after start, not after reload", set: global(func(g *Global) *time.Duration { return &g.StartupDelay }, decimalSeconds(time.Millisecond, 24*time.Hour))},
		{Name: "vrrp_delay_after_boot", Scopes: g, Args: "SECONDS", Default: "0", Doc: "hold all instances down until that long after boot", Since: "2.4.0", set: global(func(g *Global) *time.Duration { return &g.DelayAfterBoot }, decimalSeconds(0, 24*time.Hour))},
		{Name: "default_interface", Scopes: g, Args: "IF", Default: "eth0", Doc: "interface of static addresses without dev", set: global(func(g *Global) *string { return &g.DefaultInterface }, str)},
		{Name: "dynamic_interfaces", Scopes: g, Args: "[allow_if_changes]", Default: "off", Doc: "interfaces may be missing: the instance is then FAULT", set: present(func(g *Global) *bool { return &g.DynamicInterfaces }, true)},
		{Name: "vrrp_notify_priority_changes", Scopes: g, Args: "[BOOL]", Default: "off", Doc: "FIFO lines on priority changes", set: global(func(g *Global) *bool { return &g.NotifyPriorityChanges }, onOff)},
		{Name: "vmac_prefix", Scopes: g, Args: "STRING", Default: "vrrp", Doc: "names of virtual MAC interfaces", set: setVMACPrefix},
		{Name: "vmac_addr_prefix", Scopes: g, Args: "STRING", Default: "vmac_prefix", Doc: "names of virtual MAC interfaces of addresses", set: setVMACPrefix},
		{Name: "log_unknown_vrids", Scopes: g, Doc: "log adverts of VRIDs that are not configured", set: present(func(g *Global) *bool { return &g.LogUnknownVRIDs }, true)},
		{Name: "no_email_faults", Scopes: g, Doc: "no mail for FAULT", set: present(func(g *Global) *bool { return &g.NoEmailFaults }, true)},
		{Name: "disable_local_igmp", Scopes: g, Doc: "no IGMP reports for the link-local group", set: present(func(g *Global) *bool { return &g.DisableLocalIGMP }, true)},
		{Name: "script_user", Scopes: g, Args: "USER [GROUP]", Default: "keepalived_script if it exists, else the daemon's user", Doc: "who runs scripts", set: setScriptUser},
		{Name: "enable_script_security", Scopes: g, Doc: "refuse scripts run as root that others can write to", set: present(func(g *Global) *bool { return &g.ScriptSecurity }, true)},
		{Name: "notify_fifo", Scopes: g, Args: "PATH [USER] [GROUP]", Doc: "pipe for all transitions", set: setFIFO(func(g *Global) *FIFO { return &g.NotifyFIFO })},
		{Name: "vrrp_notify_fifo", Scopes: g, Args: "PATH [USER] [GROUP]", Doc: "pipe for VRRP transitions", set: setFIFO(func(g *Global) *FIFO { return &g.VRRPNotifyFIFO })},
		{Name: "notify_fifo_script", Scopes: g, Args: "CMD [USER] [GROUP] ...", Doc: "reader of notify_fifo, started once", set: setCommand(func(g *Global) **Command { return &g.NotifyFIFO.Script })},
		{Name: "vrrp_notify_fifo_script", Scopes: g, Args: "CMD [USER] [GROUP] ...", Doc: "reader of vrrp_notify_fifo, started once", set: setCommand(func(g *Global) **Command { return &g.VRRPNotifyFIFO.Script })},
		{Name: "fifo_write_vrrp_states_on_reload", Scopes: g, Doc: "write the states to the pipes after a reload", set: present(func(g *Global) *bool { return &g.FIFOWriteOnReload }, true)},
		{Name: "startup_script", Scopes: g, Args: "CMD [USER] [GROUP] ...", Doc: "run before the routers start", set: setCommand(func(g *Global) **Command { return &g.StartupScript })},
		{Name: "shutdown_script", Scopes: g, Args: "CMD [USER] [GROUP] ...", Doc: "run after the routers ended", set: setCommand(func(g *Global) **Command { return &g.ShutdownScript })},
		{Name: "startup_script_timeout", Scopes: g, Args: "SECONDS", Default: "10", Doc: "1-1000", set: global(func(g *Global) *time.Duration { return &g.StartupTimeout }, wholeSeconds(1, 1000))},
		{Name: "shutdown_script_timeout", Scopes: g, Args: "SECONDS", Default: "10", Doc: "1-1000", set: global(func(g *Global) *time.Duration { return &g.ShutdownTimeout }, wholeSeconds(1, 1000))},
		{Name: "notification_email", Scopes: g, Args: "{", Doc: "mail recipients", set: setRecipients},
		{Name: "notification_email_from", Scopes: g, Args: "ADDRESS", Default: "user@host", Doc: "mail sender", set: global(func(g *Global) *string { return &g.Email.From }, str)},
		{Name: "smtp_server", Scopes: g, Args: "HOST [PORT]", Default: "port 25", Doc: "mail server", set: setSMTPServer},
		{Name: "smtp_helo_name", Scopes: g, Args: "STRING", Default: "host name", Doc: "name given to the mail server", set: global(func(g *Global) *string { return &g.Email.HeloName }, str)},
		{Name: "smtp_tls", Scopes: g, Args: "off|starttls|tls", Default: "off", Doc: "encrypt mail; the server's certificate must be valid for its name", Since: "vrrpd", set: setMailTLS},
		{Name: "smtp_connect_timeout", Scopes: g, Args: "SECONDS", Default: "30", Doc: "limit for the connection to the mail server", set: global(func(g *Global) *time.Duration { return &g.Email.ConnectTimeout }, wholeSeconds(0, day))},
		{Name: "smtp_alert", Scopes: g, Args: "[BOOL]", Default: "off", Doc: "mail for everything", set: setGlobalAlert},
		{Name: "smtp_alert_vrrp", Scopes: g, Args: "[BOOL]", Default: "smtp_alert", Doc: "mail for VRRP", set: setGlobalAlert},
	}
}

func atLeastOne(c *call) (int, bool) {
	v, ok := c.number(0, 0, 100000)
	if ok && v == 0 {
		c.warn(0, "zero-repeat", c.kw.Name+" 0 means 1", "keepalived reads 0 as 1 here", c.kw.Name+" 1")
	}
	return max(v, 1), ok
}

// paceSeconds accepts the 0 of keepalived's own sample file, which keepalived reports and ignores.
func paceSeconds(c *call) (time.Duration, bool) {
	if d, err := parseSeconds(c.arg(0)); err == nil && d == 0 {
		c.add(0, diag.Hint, "zero-interval", c.kw.Name+" 0 means no gap", "keepalived -t calls it an error although its own sample file has it; it is the default", "nothing: the line can go")
		return 0, true
	}
	return c.seconds(0, time.Microsecond, 4294*time.Second)
}

func group(f Family) func(*call) (netip.Addr, bool) {
	return func(c *call) (netip.Addr, bool) {
		a, ok := c.addr(0)
		if ok && (!a.IsMulticast() || a.Is4() != (f == IPv4)) {
			c.warn(0, "bad-group", a.String()+" is not an "+f.String()+" multicast address", "the line is ignored", "")
			return netip.Addr{}, false
		}
		return a, ok
	}
}

func setGlobalVersion(c *call) {
	if v, ok := c.strictNumber(0, 2, 3, "the line is ignored"); ok {
		c.target.(*Global).Version = uint8(v)
	}
}

func setVMACPrefix(c *call) {
	g := c.target.(*Global)
	if c.kw.Name == "vmac_addr_prefix" {
		g.VMACAddrPrefix, g.vmacPrefixSet = c.arg(0), true
		return
	}
	g.VMACPrefix = c.arg(0)
	if !g.vmacPrefixSet {
		g.VMACAddrPrefix = c.arg(0)
	}
}

func setScriptUser(c *call) {
	g := c.target.(*Global)
	g.ScriptUser, g.ScriptGroup = c.arg(0), c.arg(1)
}

func setFIFO(get func(*Global) *FIFO) func(*call) {
	return func(c *call) {
		f := get(c.target.(*Global))
		f.Path, f.User, f.Group = c.arg(0), c.arg(1), c.arg(2)
	}
}

// setCommand makes a setter of a command; a repeated keyword keeps the first.
func setCommand[T any](get func(*T) **Command) func(*call) {
	return func(c *call) {
		p := get(c.target.(*T))
		if *p != nil {
			c.warn(-1, "repeated", c.kw.Name+" stands here a second time", "keepalived keeps the first, and so does vrrpd", "one of them")
			return
		}
		*p = c.command()
	}
}

func setRecipients(c *call) {
	g := c.target.(*Global)
	for _, n := range c.node.Children {
		for _, w := range n.Words {
			g.Email.To = append(g.Email.To, w.Text)
		}
	}
}

func setSMTPServer(c *call) {
	g := c.target.(*Global)
	g.Email.Server = c.arg(0)
	if len(c.args) > 1 {
		if p, ok := c.number(1, 1, 65535); ok {
			g.Email.Port = p
		}
	}
}

func setGlobalAlert(c *call) {
	g := c.target.(*Global)
	v, ok := onOff(c)
	switch {
	case !ok:
	case c.kw.Name == "smtp_alert_vrrp":
		g.SMTPAlertVRRP, g.vrrpAlertSet = v, true
	default:
		g.SMTPAlert, g.smtpAlertSet = v, true
	}
}

func setGarpExtra(c *call) {
	n, all := 0, c.arg(0) == "all"
	if all {
		n = 1
	}
	if n >= len(c.args) {
		c.add(-1, diag.Error, "missing-argument", c.kw.Name+" needs a number of seconds", "keepalived stops at once on this line", c.kw.Name+" "+c.kw.Args)
		return
	}
	lo := 1
	if c.scope == scopeInstance {
		lo = 0
	}
	v, ok := c.number(n, lo, 86400)
	if !ok {
		return
	}
	d := time.Duration(v) * time.Second
	switch t := c.target.(type) {
	case *Global:
		t.Garp.ExtraInterval, t.Garp.ExtraAll = d, all
	case *Instance:
		t.Garp.ExtraInterval, t.Garp.ExtraAll = d, all
	}
}

func setChecksumAsV2(c *call) {
	v, ok := onOff(c)
	if !ok {
		return
	}
	switch t := c.target.(type) {
	case *Global:
		t.ChecksumAsV2 = v
	case *Instance:
		t.ChecksumAsV2 = v
	}
}

func setCPUs(c *call) {
	g := c.target.(*Global)
	for i, w := range c.args {
		v, err := strconv.Atoi(w.Text)
		if err != nil || v < 0 || v > 4095 {
			c.warn(i, "bad-number", w.Text+" is not a CPU number", "it is ignored", "0, 1, …")
			continue
		}
		g.CPUAffinity = append(g.CPUAffinity, v)
	}
}

// setMailTLS does not read on past a slip of the pen: mail would go in clear.
func setMailTLS(c *call) {
	v := c.arg(0)
	if v != "off" && v != "starttls" && v != "tls" {
		c.add(0, diag.Error, "bad-word", v+" is not known after smtp_tls", "mail would not be encrypted", "off, starttls or tls")
		return
	}
	c.target.(*Global).Email.TLS = v
}
