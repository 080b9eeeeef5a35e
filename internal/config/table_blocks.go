// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/govrrp/vrrpd/internal/config/syntax"
)

func topTable() []Keyword {
	top := []Scope{scopeTop}
	return []Keyword{
		{Name: "global_defs", Scopes: top, Args: "{", Doc: "settings of the daemon and defaults of instances below it", set: func(c *call) { c.b.block(scopeGlobal, &c.b.cfg.Global, c.node.Children) }},
		{Name: "vrrp_instance", Scopes: top, Args: "NAME {", Doc: "a virtual router", set: openInstance},
		{Name: "vrrp_sync_group", Scopes: top, Args: "NAME {", Doc: "instances that change state together", set: openGroup},
		{Name: "vrrp_script", Scopes: top, Args: "NAME {", Doc: "a program whose exit code is tracked", set: openScript},
		{Name: "vrrp_check", Scopes: top, Args: "NAME {", Doc: "a test that needs no program", Since: "vrrpd", set: openCheck},
		{Name: "track_file", Aliases: []string{"vrrp_track_file"}, Scopes: top, Args: "NAME {", Doc: "a file whose number is tracked", set: openTrackFile},
		{Name: "vrrp_track_process", Scopes: top, Args: "NAME {", Doc: "processes that are tracked", set: openTrackProcess},
		{Name: "bfd_instance", Scopes: top, Args: "NAME {", Doc: "a BFD session", set: openBFD},
		{Name: "garp_group", Scopes: top, Args: "{", Doc: "interfaces that share an announcement budget", set: openGarpGroup},
		{Name: "static_ipaddress", Scopes: top, Args: "{", Doc: "addresses held in every state", set: setStaticAddresses},
		{Name: "static_routes", Scopes: top, Args: "{", Doc: "routes held in every state", set: setStaticRoutes},
		{Name: "static_rules", Scopes: top, Args: "{", Doc: "rules held in every state", set: setStaticRules},
		{Name: "track_group", Scopes: top, Args: "NAME {", Doc: "instances that fall with a static item", set: openTrackGroup},
		{Name: "group", Scopes: []Scope{scopeTrackGrp}, Args: "{", Doc: "names of instances", set: func(c *call) { v := c.target.(*TrackGroup); v.Members = append(v.Members, names(c.node)...) }},
		{Name: "linkbeat_interfaces", Scopes: top, Args: "{", Doc: "interfaces to poll: IF [MII|ETHTOOL|IOCTL]", set: func(c *call) {
			for _, n := range c.node.Children {
				if n.Keyword() != "" {
					c.b.cfg.PolledInterfaces = append(c.b.cfg.PolledInterfaces, n.Keyword())
				}
			}
		}},
		{Name: "linkbeat_use_polling", Scopes: top, Doc: "poll the link state of all interfaces", set: func(c *call) { c.b.cfg.PollAllInterfaces = true }},
		{Name: "interface_up_down_delays", Scopes: top, Args: "{", Doc: "debounce link changes: IF DOWN [UP], 0-255 seconds", set: setLinkDelays},
		{Name: "net_namespace", Scopes: top, Args: "NAME", Doc: "network namespace of the whole daemon", set: func(c *call) { c.b.cfg.NetNamespace = c.arg(0) }},
		{Name: "instance", Scopes: top, Args: "NAME", Doc: "names pid files and the syslog identity", set: func(c *call) { c.b.cfg.InstanceName = c.arg(0) }},
		{Name: "use_pid_dir", Scopes: top, Doc: "pid files in /run/keepalived", set: func(c *call) { c.b.cfg.UsePIDDir = true }},
		{Name: "child_wait_time", Scopes: top, Args: "SECONDS", Default: "5", Doc: "how long a stop may take", set: func(c *call) {
			if d, ok := wholeSeconds(0, 300)(c); ok {
				c.b.cfg.ChildWaitTime = d
			}
		}},
	}
}

// names returns the words of a pure name list.
func names(n *syntax.Node) []string {
	var out []string
	for _, child := range n.Children {
		for _, w := range child.Words {
			out = append(out, w.Text)
		}
	}
	return out
}

// define notes a named block, with what tracks of it take over when they have no weight of their own; false if the name is taken.
func (c *call) define(weight func() (int, bool)) bool {
	key := [2]string{c.kw.Name, c.arg(0)}
	if c.b.defs[key] != nil {
		c.warn(0, "duplicate-name", c.kw.Name+" "+c.arg(0)+" is already defined", "keepalived skips this block, and so does vrrpd", "another name")
		return false
	}
	pos := c.args[0].Pos
	c.b.defs[key] = func() tracked {
		w, rev := weight()
		return tracked{w, rev, pos, true}
	}
	return true
}

func noWeight() (int, bool) { return 0, false }

func openScript(c *call) {
	v := &Script{Place: Place{Pos: c.args[0].Pos}, Name: c.arg(0), Interval: time.Second, Rise: 1, Fall: 1}
	if !c.define(func() (int, bool) { return v.Weight, v.Reverse }) {
		return
	}
	c.b.cfg.Scripts = append(c.b.cfg.Scripts, v)
	c.b.block(scopeScript, v, c.node.Children)
}

func openTrackFile(c *call) {
	v := &TrackFile{Place: Place{Pos: c.args[0].Pos}, Name: c.arg(0), Weight: 1}
	if !c.define(func() (int, bool) { return v.Weight, v.Reverse }) {
		return
	}
	c.b.cfg.TrackFiles = append(c.b.cfg.TrackFiles, v)
	c.b.block(scopeFile, v, c.node.Children)
}

func openTrackProcess(c *call) {
	v := &TrackProcess{Place: Place{Pos: c.args[0].Pos}, Name: c.arg(0), Quorum: 1, QuorumMax: -1}
	if !c.define(func() (int, bool) { return v.Weight, v.Reverse }) {
		return
	}
	c.b.cfg.TrackProcesses = append(c.b.cfg.TrackProcesses, v)
	c.b.block(scopeProcess, v, c.node.Children)
}

const maxBFDName = 31

func openBFD(c *call) {
	if len(c.arg(0)) > maxBFDName {
		c.warn(0, "name-long", "the name of a bfd_instance may have 31 letters", "keepalived skips the block, and so does vrrpd", "a shorter name")
		return
	}
	v := &BFD{Place: Place{Pos: c.args[0].Pos}, Name: c.arg(0), MinRx: 10 * time.Millisecond, MinTx: 10 * time.Millisecond, IdleTx: time.Second, Multiplier: 5}
	if !c.define(func() (int, bool) { return v.Weight, v.Reverse }) {
		return
	}
	c.b.cfg.BFD = append(c.b.cfg.BFD, v)
	c.b.block(scopeBFD, v, c.node.Children)
}

func openGarpGroup(c *call) {
	v := &GarpGroup{Place: Place{Pos: c.pos()}}
	c.b.block(scopeGarp, v, c.node.Children)
	if v.Interval == 0 && v.NAInterval == 0 || len(v.Interfaces) == 0 {
		c.warn(-1, "empty-garp-group", "this garp_group has no interval or no interfaces", "the block is dropped", "garp_interval 0.01 and interface eth0")
		return
	}
	c.b.cfg.GarpGroups = append(c.b.cfg.GarpGroups, v)
}

func openTrackGroup(c *call) {
	if !c.define(noWeight) {
		return
	}
	v := &TrackGroup{Place: Place{Pos: c.args[0].Pos}, Name: c.arg(0)}
	c.b.cfg.TrackGroups = append(c.b.cfg.TrackGroups, v)
	c.b.block(scopeTrackGrp, v, c.node.Children)
}

func setLinkDelays(c *call) {
	for _, n := range c.node.Children {
		line := &call{b: c.b, kw: c.kw, scope: c.scope, node: n, args: n.Words}
		if len(n.Words) < 2 {
			line.warn(0, "missing-argument", "an interface and its delay belong on one line", "the line is ignored", "eth0 2 5")
			continue
		}
		d := LinkDelay{Place: Place{Pos: n.Pos}, Interface: n.Words[0].Text}
		down, ok := line.seconds(1, 0, 255*time.Second)
		if !ok {
			continue
		}
		d.Down = down
		if len(n.Words) > 2 {
			if d.Up, ok = line.seconds(2, 0, 255*time.Second); !ok {
				continue
			}
		} else {
			line.warn(1, "no-up-delay", "no up delay is written, so it is 0", "the manual of keepalived says it equals the down delay; the program takes 0", d.Interface+" "+n.Words[1].Text+" "+n.Words[1].Text)
		}
		c.b.cfg.LinkDelays = append(c.b.cfg.LinkDelays, d)
	}
}

// setWeight reads WEIGHT [reverse].
func setWeight[T any](limit int, get func(*T) (*int, *bool)) func(*call) {
	return func(c *call) {
		v, ok := c.number(0, -limit, limit)
		if !ok {
			return
		}
		w, rev := get(c.target.(*T))
		*w, *rev = v, false
		switch c.arg(1) {
		case "reverse":
			*rev = true
		case "", "noreverse":
		default:
			c.warn(1, "extra-words", c.arg(1)+" is not known after the weight", "it is ignored", "reverse")
		}
	}
}

func milliseconds(lo, hi int) func(*call) (time.Duration, bool) {
	return func(c *call) (time.Duration, bool) {
		v, err := strconv.ParseFloat(c.arg(0), 64)
		if err != nil || v < float64(lo) || v > float64(hi) {
			c.warn(0, "out-of-range", c.arg(0)+" is not a number of milliseconds in range", "the line is ignored", strconv.Itoa(lo)+"…"+strconv.Itoa(hi))
			return 0, false
		}
		return time.Duration(v * float64(time.Millisecond)), true
	}
}

// trackerTable has scripts, files, processes, BFD and GARP groups.
func trackerTable() []Keyword {
	s, f, p, d, g := []Scope{scopeScript}, []Scope{scopeFile}, []Scope{scopeProcess}, []Scope{scopeBFD}, []Scope{scopeGarp}
	procDelay := decimalSeconds(time.Microsecond, 3600*time.Second)
	return []Keyword{
		{Name: "script", Scopes: s, Args: "CMD ...", Doc: "the command, quoted if it has arguments; no shell reads it", set: setScript},
		{Name: "interval", Scopes: s, Args: "SECONDS", Default: "1", Doc: "time between runs; 0.001 steps (keepalived before 2.3.2: whole seconds)", set: field(func(v *Script) *time.Duration { return &v.Interval }, scriptSeconds)},
		{Name: "timeout", Scopes: s, Args: "SECONDS", Default: "interval", Doc: "the run is ended after this and counts as failed", set: field(func(v *Script) *time.Duration { return &v.Timeout }, scriptSeconds)},
		{Name: "weight", Scopes: s, Args: "WEIGHT [reverse]", Default: "0", Doc: "-253-253; 0: failure is FAULT", set: setWeight(253, func(v *Script) (*int, *bool) { return &v.Weight, &v.Reverse })},
		{Name: "rise", Scopes: s, Args: "COUNT", Default: "1", Doc: "good results in a row to be good", set: field(func(v *Script) *int { return &v.Rise }, number(1, 1<<31-1))},
		{Name: "fall", Scopes: s, Args: "COUNT", Default: "1", Doc: "bad results in a row to be bad", set: field(func(v *Script) *int { return &v.Fall }, number(1, 1<<31-1))},
		{Name: "user", Scopes: s, Args: "USER [GROUP]", Default: "script_user", Doc: "who runs it", set: func(c *call) { v := c.target.(*Script); v.Command.User, v.Command.Group = c.arg(0), c.arg(1) }},
		{Name: "init_fail", Scopes: s, Doc: "start as failed; without effect in keepalived, it works here", set: present(func(v *Script) *bool { return &v.InitFail }, true)},

		{Name: "file", Scopes: f, Args: "PATH", Doc: "the file; its first number is the value", set: field(func(v *TrackFile) *string { return &v.Path }, str)},
		{Name: "weight", Scopes: f, Args: "WEIGHT [reverse]", Default: "1", Doc: "-254-254, multiplied with the value; 0: a value other than 0 is FAULT", set: setWeight(254, func(v *TrackFile) (*int, *bool) { return &v.Weight, &v.Reverse })},
		{Name: "init_file", Scopes: f, Args: "[VALUE] [overwrite]", Default: "0", Doc: "write the file at start", set: setInitFile},

		{Name: "process", Scopes: p, Args: "CMD ...", Doc: "the program, and parameters to match", set: setProcess},
		{Name: "param_match", Scopes: p, Args: "initial|partial", Default: "exact", Doc: "how parameters are compared", set: setParamMatch},
		{Name: "full_command", Scopes: p, Doc: "compare the whole command", set: present(func(v *TrackProcess) *bool { return &v.FullCommand }, true)},
		{Name: "weight", Scopes: p, Args: "WEIGHT [reverse]", Default: "0", Doc: "-254-254; 0: missing is FAULT", set: setWeight(254, func(v *TrackProcess) (*int, *bool) { return &v.Weight, &v.Reverse })},
		{Name: "quorum", Scopes: p, Args: "COUNT", Default: "1", Doc: "how many must run, 1-65535", set: field(func(v *TrackProcess) *int { return &v.Quorum }, number(1, 65535))},
		{Name: "quorum_max", Scopes: p, Args: "COUNT", Default: "none", Doc: "how many may run, 0-65535", set: setQuorumMax},
		{Name: "fork_delay", Scopes: p, Args: "SECONDS", Doc: "wait before a new process counts", set: field(func(v *TrackProcess) *time.Duration { return &v.ForkDelay }, procDelay)},
		{Name: "terminate_delay", Scopes: p, Args: "SECONDS", Doc: "wait before an ended process counts", set: field(func(v *TrackProcess) *time.Duration { return &v.TerminateDelay }, procDelay)},
		{Name: "delay", Scopes: p, Args: "SECONDS", Doc: "both delays", set: func(c *call) {
			if d, ok := procDelay(c); ok {
				v := c.target.(*TrackProcess)
				v.ForkDelay, v.TerminateDelay = d, d
			}
		}},

		{Name: "neighbor_ip", Aliases: []string{"neighbour_ip"}, Scopes: d, Args: "ADDRESS", Doc: "the other end", set: field(func(v *BFD) *netip.Addr { return &v.Neighbor }, addr)},
		{Name: "source_ip", Scopes: d, Args: "ADDRESS", Doc: "own address", set: field(func(v *BFD) *netip.Addr { return &v.Source }, addr)},
		{Name: "min_rx", Scopes: d, Args: "MS", Default: "10", Doc: "shortest interval received", set: field(func(v *BFD) *time.Duration { return &v.MinRx }, milliseconds(1, 1000000))},
		{Name: "min_tx", Scopes: d, Args: "MS", Default: "10", Doc: "shortest interval sent", set: field(func(v *BFD) *time.Duration { return &v.MinTx }, milliseconds(1, 1000000))},
		{Name: "idle_tx", Scopes: d, Args: "MS", Default: "1000", Doc: "interval while the session is down", set: field(func(v *BFD) *time.Duration { return &v.IdleTx }, milliseconds(1, 1000000))},
		{Name: "multiplier", Scopes: d, Args: "COUNT", Default: "5", Doc: "missed packets, 1-255", set: field(func(v *BFD) *int { return &v.Multiplier }, number(1, 255))},
		{Name: "passive", Scopes: d, Doc: "wait for the other end to begin", set: present(func(v *BFD) *bool { return &v.Passive }, true)},
		{Name: "ttl", Aliases: []string{"hoplimit"}, Scopes: d, Args: "TTL", Default: "255; IPv6: 64", Doc: "TTL sent, 1-255", set: field(func(v *BFD) *int { return &v.TTL }, number(1, 255))},
		{Name: "max_hops", Scopes: d, Args: "COUNT", Default: "0", Doc: "hops allowed, -1-255", set: field(func(v *BFD) *int { return &v.MaxHops }, number(-1, 255))},
		{Name: "multihop", Scopes: d, Args: "[BOOL]", Doc: "the other end is behind routers", Since: "2.2.8", set: field(func(v *BFD) *bool { return &v.Multihop }, onOff)},
		{Name: "weight", Scopes: d, Args: "WEIGHT [reverse]", Default: "0", Doc: "-253-253", set: setWeight(253, func(v *BFD) (*int, *bool) { return &v.Weight, &v.Reverse })},
		{Name: "vrrp", Scopes: d, Doc: "for VRRP", Status: NoEffect, Why: "VRRP is the only user"},
		{Name: "checker", Scopes: d, Doc: "for LVS checkers", Status: OutOfScope, set: skipLVS},

		{Name: "garp_interval", Scopes: g, Args: "SECONDS", Doc: "gap between ARP announcements", set: field(func(v *GarpGroup) *time.Duration { return &v.Interval }, paceSeconds)},
		{Name: "gna_interval", Scopes: g, Args: "SECONDS", Doc: "gap between Neighbour Advertisements", set: field(func(v *GarpGroup) *time.Duration { return &v.NAInterval }, paceSeconds)},
		{Name: "interface", Scopes: g, Args: "IF", Doc: "one interface", set: func(c *call) { v := c.target.(*GarpGroup); v.Interfaces = append(v.Interfaces, c.arg(0)) }},
		{Name: "interfaces", Scopes: g, Args: "{", Doc: "interfaces, any number on a line", set: func(c *call) { v := c.target.(*GarpGroup); v.Interfaces = append(v.Interfaces, names(c.node)...) }},
	}
}
