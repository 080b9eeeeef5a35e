// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strconv"
	"time"
)

// Reasons for keywords that have no effect.
const (
	whyOneProcess = "vrrpd is one process; its priority and names are those of vrrp_… or of its service unit"
	whySNMP       = "vrrpd has no SNMP agent: metrics are served in Prometheus form on the control socket"
	whyDBus       = "vrrpd has no D-Bus interface: use the control socket"
	whyKernel     = "vrrpd sizes its sockets itself"
	whyFirewall   = "vrrpd uses nftables by itself, and only for no_accept"
	whyFiles      = "vrrpd keeps no files of its own for this"
)

// ignored makes rows of one reason.
func ignored(s []Scope, why string, names ...string) []Keyword {
	out := make([]Keyword, 0, len(names))
	for _, n := range names {
		out = append(out, Keyword{Name: n, Scopes: s, Args: "[VALUE] ...", Status: NoEffect, Why: why})
	}
	return out
}

// globalProcessTable is the part of global_defs about the process and its files.
func globalProcessTable() []Keyword {
	g := []Scope{scopeGlobal}
	rows := []Keyword{
		{Name: "process_name", Scopes: g, Args: "NAME", Doc: "name of the process, at most 15 letters", set: global(func(g *Global) *string { return &g.ProcessName }, str)},
		{Name: "vrrp_process_name", Scopes: g, Args: "NAME", Doc: "as process_name, which it overrides", set: global(func(g *Global) *string { return &g.VRRPProcessName }, str)},
		{Name: "vrrp_priority", Scopes: g, Args: "NICE", Default: "0", Doc: "nice value, -20 to 19", set: global(func(g *Global) *int { return &g.Nice }, number(-20, 19))},
		{Name: "vrrp_rt_priority", Scopes: g, Args: "PRIORITY", Default: "none", Doc: "real-time priority of the protocol loop, 1-99; scripts never inherit it", set: global(func(g *Global) *int { return &g.RTPriority }, number(1, 99))},
		{Name: "vrrp_rlimit_rttime", Aliases: []string{"vrrp_rlimit_rtime"}, Scopes: g, Args: "MICROSECONDS", Default: "10000", Doc: "longest real-time run without a system call", set: setRTLimit},
		{Name: "vrrp_cpu_affinity", Scopes: g, Args: "CPU ...", Doc: "CPUs to run on", set: setCPUs},
		{Name: "vrrp_no_swap", Scopes: g, Doc: "lock the memory of the process", set: present(func(g *Global) *bool { return &g.NoSwap }, true)},
		{Name: "nftables", Scopes: g, Args: "[TABLE]", Default: "keepalived", Doc: "name of the nftables table for no_accept", set: func(c *call) {
			if len(c.args) > 0 {
				c.target.(*Global).NFTablesTable = c.arg(0)
			}
		}},
		{Name: "nftables_priority", Scopes: g, Args: "PRIORITY", Default: "-1", Doc: "chain priority relative to filter", set: global(func(g *Global) *int { return &g.NFTablesPriority }, number(-1000000, 1000000))},
		{Name: "nftables_counters", Scopes: g, Doc: "counters in the rules", set: present(func(g *Global) *bool { return &g.NFTablesCounters }, true)},
		{Name: "vrrp_netlink_cmd_rcv_bufs", Scopes: g, Args: "BYTES", Doc: "receive buffer of the command socket", set: global(func(g *Global) *int { return &g.NetlinkCommandRxBuf }, number(0, 1<<30))},
		{Name: "vrrp_netlink_monitor_rcv_bufs", Scopes: g, Args: "BYTES", Doc: "receive buffer of the event socket", set: global(func(g *Global) *int { return &g.NetlinkEventBuf }, number(0, 1<<30))},
		{Name: "reload_check_config", Scopes: g, Args: "[LOG]", Doc: "a reload that does not validate changes nothing; vrrpd always does so", set: present(func(g *Global) *bool { return &g.ReloadCheckConfig }, true)},
		{Name: "reload_time_file", Scopes: g, Args: "PATH", Doc: "file that says when to reload", set: global(func(g *Global) *string { return &g.ReloadTimeFile }, str)},
		{Name: "reload_repeat", Scopes: g, Doc: "reload every day at that time", set: present(func(g *Global) *bool { return &g.ReloadRepeat }, true)},
		{Name: "reload_file", Scopes: g, Args: "[PATH]", Doc: "marker file while a reload runs", set: global(func(g *Global) *string { return &g.ReloadFile }, str)},
		{Name: "umask", Scopes: g, Args: "MODE", Default: "0177", Doc: "mask of files created, octal", set: setUmask},
		{Name: "random_seed", Scopes: g, Args: "NUMBER", Doc: "seed of ${_RANDOM}", set: func(c *call) {
			if v, ok := c.number(0, 0, 1<<31-1); ok {
				c.target.(*Global).RandomSeed = uint64(v)
			}
		}},
		{Name: "data_use_instance", Scopes: g, Doc: "dump files carry the instance name", set: present(func(g *Global) *bool { return &g.DataUseInstance }, true)},
		{Name: "json_version", Scopes: g, Args: "1|2", Default: "1", Doc: "form of the JSON dump", Since: "2.2.8", set: global(func(g *Global) *int { return &g.JSONVersion }, number(1, 2))},
		{Name: "state_dump_file", Scopes: g, Args: "PATH", Default: "/tmp/keepalived.data", Doc: "text dump of SIGUSR1", Since: "2.3.3", set: global(func(g *Global) *string { return &g.StateDumpFile }, str)},
		{Name: "stats_dump_file", Scopes: g, Args: "PATH", Default: "/tmp/keepalived.stats", Doc: "statistics of SIGUSR2", Since: "2.3.3", set: global(func(g *Global) *string { return &g.StatsDump }, str)},
		{Name: "json_dump_file", Scopes: g, Args: "PATH", Default: "/tmp/keepalived.json", Doc: "JSON dump", Since: "2.3.3", set: global(func(g *Global) *string { return &g.JSONDump }, str)},
		{Name: "use_symlink_paths", Scopes: g, Args: "[BOOL]", Since: "2.3.0", Status: NoEffect, Why: "vrrpd runs a command by the path that is written", Doc: "keep symbolic links in command paths"},
		{Name: "max_auto_priority", Scopes: g, Args: "[PRIORITY]", Status: NoEffect, Why: "vrrpd wakes by absolute times and needs no raised priority; vrrp_rt_priority asks for one", Doc: "raise the priority when late"},
		{Name: "include_check", Scopes: g, Args: "[LEVEL] ...", Status: NoEffect, Why: "missing includes are always reported", Doc: "what is a fault in include"},
	}
	rows = append(rows, ignored(g, whyOneProcess, "process_names", "bfd_process_name", "bfd_priority", "bfd_rt_priority", "bfd_rlimit_rttime", "bfd_rlimit_rtime", "bfd_cpu_affinity", "bfd_no_swap", "min_auto_priority_delay")...)
	rows = append(rows, ignored(g, whySNMP, "enable_snmp_vrrp", "enable_snmp_keepalived", "enable_snmp_rfc", "enable_snmp_rfcv2", "enable_snmp_rfcv3", "enable_traps", "snmp_socket")...)
	rows = append(rows, ignored(g, whyDBus, "enable_dbus", "dbus_service_name", "dbus_no_interface_name")...)
	rows = append(rows, ignored(g, whyKernel, "vrrp_rx_bufs_policy", "vrrp_rx_bufs_multiplier", "vrrp_netlink_cmd_rcv_bufs_force", "vrrp_netlink_monitor_rcv_bufs_force", "process_monitor_rcv_bufs", "process_monitor_rcv_bufs_force")...)
	rows = append(rows, ignored(g, whyFirewall, "vrrp_iptables", "vrrp_ipsets", "nftables_ifindex")...)
	rows = append(rows, ignored(g, whyFiles, "config_save_dir", "tmp_config_directory", "iproute_usr_dir", "iproute_etc_dir")...)
	return rows
}

func setRTLimit(c *call) {
	if v, ok := c.number(0, 1, 1<<31-1); ok {
		c.target.(*Global).RTLimit = time.Duration(v) * time.Microsecond
	}
}

func setUmask(c *call) {
	v, err := strconv.ParseUint(c.arg(0), 8, 16)
	if err != nil || v > 0o777 {
		c.warn(0, "bad-number", c.arg(0)+" is not an octal mask", "the line is ignored", "umask 0077")
		return
	}
	c.target.(*Global).Umask = int(v)
}

// lvsTable is keepalived's load balancer: one warning for each block.
func lvsTable() []Keyword {
	top := []Scope{scopeTop}
	rows := []Keyword{
		{Name: "virtual_server", Scopes: top, Args: "ADDRESS ... {", Status: OutOfScope, Doc: "LVS virtual server", set: skipLVS},
		{Name: "virtual_server_group", Scopes: top, Args: "[NAME] ... {", Status: OutOfScope, Doc: "LVS virtual servers", set: skipLVS},
		{Name: "SSL", Scopes: top, Args: "[NAME] ... {", Status: OutOfScope, Doc: "LVS health checks", set: skipLVS},
		{Name: "net_namespace_ipvs", Scopes: top, Args: "[NAME]", Status: OutOfScope, Doc: "LVS namespace", set: skipLVS},
		{Name: "namespace_with_ipsets", Scopes: top, Status: OutOfScope, Doc: "LVS on old kernels", set: skipLVS},
		{Name: "lvs_sync_daemon_interface", Scopes: []Scope{scopeInstance}, Args: "[IF] ...", Status: OutOfScope, Doc: "LVS sync daemon", set: skipLVS},
	}
	for _, n := range []string{
		"lvs_notify_fifo", "lvs_notify_fifo_script", "smtp_alert_checker", "checker_log_all_failures", "no_checker_emails", "rs_init_notifies", "checker_process_name",
		"lvs_process_name", "checker_priority", "checker_rt_priority", "checker_rlimit_rttime", "checker_rlimit_rtime", "checker_cpu_affinity", "checker_no_swap",
		"nftables_ipvs", "nftables_ipvs_priority", "nftables_ipvs_start_fwmark", "enable_snmp_checker", "lvs_netlink_cmd_rcv_bufs", "lvs_netlink_cmd_rcv_bufs_force",
		"lvs_netlink_monitor_rcv_bufs", "lvs_netlink_monitor_rcv_bufs_force", "lvs_sync_daemon", "lvs_timeouts", "lvs_flush", "lvs_flush_on_stop", "lvs_flush_onstop",
		"snmp_vs_stats_update_interval", "snmp_rs_stats_update_interval",
	} {
		rows = append(rows, Keyword{Name: n, Scopes: []Scope{scopeGlobal}, Args: "[VALUE] ...", Status: OutOfScope, Doc: "LVS", set: skipLVS})
	}
	return rows
}

func skipLVS(c *call) {
	if c.node.Block {
		c.warn(-1, "lvs", c.kw.Name+" belongs to keepalived's load balancer", "vrrpd has none: the block is skipped", "keep running keepalived with -C for it")
		return
	}
	c.warn(-1, "lvs", c.kw.Name+" belongs to keepalived's load balancer", "vrrpd has none: the line is skipped", "")
}
