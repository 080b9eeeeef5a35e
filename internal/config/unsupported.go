// SPDX-License-Identifier: Apache-2.0

package config

// unsupported are keywords that are read and shown, but that vrrpd does not
// carry out. Each use is a warning, so that nobody relies on it.
var unsupported = map[Scope]map[string]string{
	scopeTop: {
		"bfd_instance":  "vrrpd runs no BFD sessions: track the peer by a vrrp_check or a script",
		"garp_group":    "announcements are paced by router, with garp_interval and gna_interval",
		"track_group":   "a static item that somebody removes is put back: no instance needs to fall",
		"net_namespace": "vrrpd runs in the namespace it is started in: ip netns exec NAME vrrpd …, or NetworkNamespacePath= of systemd",
	},
	scopeGlobal: {
		"vrrp_owner_ignore_adverts": "two address owners settle by the higher address",
	},
	scopeInstance: {
		"owner_ignore_adverts": "two address owners settle by the higher address",
		"track_bfd":            "vrrpd runs no BFD sessions: track the peer by a vrrp_check or a script",
		"use_ipvlan":           "addresses go on the interface itself",
		"use_vmac_addr":        "only addresses of the instance's own interface get the virtual MAC",
		"vrf":                  "name the interface",
	},
	scopeGroup: {"track_bfd": "vrrpd runs no BFD sessions: track the peer by a vrrp_check or a script"},
}

// housekeeping are keywords that have no effect for a reason that changes no
// traffic; each use is a hint.
var housekeeping = map[Scope]map[string]string{
	scopeTop: {
		"instance":             "the pid file is an option of the command line",
		"use_pid_dir":          "the pid file is an option of the command line",
		"child_wait_time":      "there are no child processes to wait for",
		"linkbeat_interfaces":  "link state comes from the kernel as it changes",
		"linkbeat_use_polling": "link state comes from the kernel as it changes",
	},
	scopeGlobal: {
		"dynamic_interfaces":               "interfaces may always be missing: the instance is in FAULT until they come",
		"vmac_prefix":                      "name the interface in use_vmac",
		"vmac_addr_prefix":                 "name the interface in use_vmac",
		"log_unknown_vrids":                "they are counted and shown by vrrpd status",
		"disable_local_igmp":               "it is a setting of the kernel",
		"fifo_write_vrrp_states_on_reload": "pipes stay open across a reload",
		"process_name":                     "the process has the name of the program",
		"vrrp_process_name":                "the process has the name of the program",
		"vrrp_priority":                    "vrrp_rt_priority, or Nice= of systemd",
		"vrrp_rlimit_rttime":               "LimitRTTIME= of systemd",
		"vrrp_cpu_affinity":                "CPUAffinity= of systemd",
		"vrrp_no_swap":                     "vrrpd's memory is small and in constant use",
		"nftables":                         "the table is called vrrpd",
		"nftables_priority":                "the table is vrrpd's own",
		"nftables_counters":                "the table is vrrpd's own",
		"vrrp_netlink_cmd_rcv_bufs":        "after a loss everything is read again",
		"vrrp_netlink_monitor_rcv_bufs":    "after a loss everything is read again",
		"reload_time_file":                 "vrrpd reload, or SIGHUP",
		"reload_repeat":                    "vrrpd reload, or SIGHUP",
		"reload_file":                      "vrrpd status shows the result of the last reload",
		"umask":                            "every file is created with the rights it needs",
		"random_seed":                      "there is nothing random that it could fix",
		"data_use_instance":                "dumps have keepalived's own names",
		"state_dump_file":                  "dumps have keepalived's own names",
		"stats_dump_file":                  "dumps have keepalived's own names",
		"json_dump_file":                   "dumps have keepalived's own names",
		"json_version":                     "the dump has the members programs read",
		"reload_check_config":              "vrrpd always validates before it reloads",
	},
	scopeInstance: {
		"timer_expired_backup": "vrrpd always listens again after it was stalled",
		"debug":                "run with --debug",
		"kernel_rx_buf_size":   "the sockets have room for a burst of adverts",
	},
	scopeClaim: {"compartment": "it is found by the subnet"},
}

// applyStatus marks the table's entries of one scope.
func applyStatus(s Scope, k *Keyword) {
	if why, ok := unsupported[s][k.Name]; ok {
		k.Status, k.Why = Unsupported, why
	}
	if why, ok := housekeeping[s][k.Name]; ok {
		k.Status, k.Why = NoEffect, why
	}
}
