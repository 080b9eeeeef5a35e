// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

func setScript(c *call) {
	v := c.target.(*Script)
	if path, ok := strings.CutPrefix(c.arg(0), "</"); ok {
		v.TestFile = "/" + path
		v.Command.Pos = c.args[0].Pos
		return
	}
	user, grp := v.Command.User, v.Command.Group
	if cmd := c.command(); cmd != nil {
		v.Command = *cmd
		v.Command.User, v.Command.Group = user, grp
	}
}

// scriptSeconds reads an interval to the millisecond.
func scriptSeconds(c *call) (time.Duration, bool) {
	d, err := parseSeconds(c.arg(0))
	if err != nil {
		v, ok := c.number(0, 1, 1000000)
		return time.Duration(v) * time.Second, ok
	}
	if d%time.Second != 0 {
		c.add(0, diag.Hint, "fraction", c.arg(0)+" s is taken to the millisecond", "keepalived before 2.3.2 takes whole seconds only", "")
	}
	d = d.Round(time.Millisecond)
	if d < time.Millisecond || d > 1000000*time.Second {
		c.warn(0, "out-of-range", c.arg(0)+" s is outside 0.001…1000000 s", "the line is ignored", "a number of seconds")
		return 0, false
	}
	return d, true
}

func setInitFile(c *call) {
	v := c.target.(*TrackFile)
	v.Init = true
	for i := range c.args {
		if c.arg(i) == "overwrite" {
			v.InitOverwrite = true
			continue
		}
		if n, ok := c.number(i, -1<<31, 1<<31-1); ok {
			v.InitValue = n
		}
	}
}

func setProcess(c *call) {
	v := c.target.(*TrackProcess)
	if len(c.args) == 1 {
		v.Command = splitCommand(c.arg(0))
		return
	}
	for _, w := range c.args {
		v.Command = append(v.Command, w.Text)
	}
}

func setParamMatch(c *call) {
	if s := c.arg(0); s == "initial" || s == "partial" {
		c.target.(*TrackProcess).ParamMatch = s
		return
	}
	c.warn(0, "bad-word", c.arg(0)+" is neither initial nor partial", "the line is ignored", "param_match initial")
}

func setQuorumMax(c *call) {
	if n, ok := c.number(0, 0, 65535); ok {
		c.target.(*TrackProcess).QuorumMax = n
	}
}

func openCheck(c *call) {
	v := &Check{Place: Place{Pos: c.args[0].Pos}, Name: c.arg(0), Interval: time.Second, Rise: 1, Fall: 1}
	if !c.define(func() (int, bool) { return v.Weight, v.Reverse }) {
		return
	}
	c.b.cfg.Checks = append(c.b.cfg.Checks, v)
	c.b.block(scopeCheck, v, c.node.Children)
	if v.Kind == "" {
		c.add(0, diag.Error, "check-empty", "vrrp_check "+v.Name+" tests nothing", "it has no ping, tcp or http line", "ping 192.0.2.1")
	}
	if v.Timeout == 0 {
		v.Timeout = v.Interval
	}
}

func setCheck(kind CheckKind) func(*call) {
	return func(c *call) {
		v, target := c.target.(*Check), c.arg(0)
		ok, instead := true, ""
		switch kind {
		case CheckPing:
			ok, instead = target != "" && !strings.ContainsAny(target, "/ "), "ping 192.0.2.1"
		case CheckTCP:
			_, port, err := net.SplitHostPort(target)
			n, nerr := strconv.Atoi(port)
			ok, instead = err == nil && nerr == nil && n > 0 && n < 65536, "tcp 192.0.2.1:443"
		case CheckHTTP:
			u, err := url.Parse(target)
			ok, instead = err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "", "http https://192.0.2.1/health"
		}
		switch {
		case !ok:
			c.add(0, diag.Error, "bad-target", string(kind)+" cannot test "+target, "the check has no target", instead)
		case v.Kind != "":
			c.warn(-1, "repeated", "a vrrp_check has one test", "the first counts", "a second vrrp_check")
			return
		}
		v.Kind, v.Target = kind, target
	}
}

func setStatus(c *call) {
	v := c.target.(*Check)
	for i := range c.args {
		if n, ok := c.number(i, 100, 599); ok {
			v.Status = append(v.Status, n)
		}
	}
}

func setHMAC(c *call) {
	h := &HMAC{Place: Place{Pos: c.pos()}}
	c.inst().HMAC = h
	c.b.block(scopeHMAC, h, c.node.Children)
	if len(h.Keys) == 0 {
		c.add(-1, diag.Error, "hmac-no-key", "auth_hmac has no key", "adverts cannot be signed", "key 1 file:/etc/vrrpd/hmac.key")
		return
	}
	if h.ActiveKey == 0 {
		h.ActiveKey = h.Keys[0].ID
	}
	if !slices.ContainsFunc(h.Keys, func(k HMACKey) bool { return k.ID == h.ActiveKey }) {
		c.b.add(h.At("active_key"), diag.Error, "hmac-active", fmt.Sprintf("active_key %d is not one of the keys", h.ActiveKey), "adverts cannot be signed", fmt.Sprintf("active_key %d", h.Keys[0].ID))
	}
}

// setHMACKey reads key ID hex:…|file:PATH|TEXT. The key itself never gets into a finding.
func setHMACKey(c *call) {
	h := c.target.(*HMAC)
	id, ok := c.strictNumber(0, 1, 255, "the key is ignored")
	if !ok {
		return
	}
	k, ok := c.key(1, "adverts")
	if !ok {
		return
	}
	k.ID = uint8(id)
	if slices.ContainsFunc(h.Keys, func(o HMACKey) bool { return o.ID == k.ID }) {
		c.warn(0, "duplicate-name", fmt.Sprintf("key %d stands here twice", id), "the first counts", "another id")
		return
	}
	h.Keys = append(h.Keys, k)
}

// key reads hex:…|file:PATH|TEXT at the n-th argument, a key that signs what is named. It never gets into a finding.
func (c *call) key(n int, what string) (k HMACKey, ok bool) {
	value := c.arg(n)
	if path, isFile := strings.CutPrefix(value, "file:"); isFile {
		k.File = path
		return k, true
	}
	raw := []byte(value)
	if digits, isHex := strings.CutPrefix(value, "hex:"); isHex {
		var err error
		if raw, err = hex.DecodeString(digits); err != nil {
			c.add(n, diag.Error, "hmac-key", "this key is not hexadecimal", what+" cannot be signed with it", "hex: and an even number of digits 0-9a-f")
			return k, false
		}
	}
	if len(raw) < 32 || len(raw) > 64 {
		c.add(n, diag.Error, "hmac-key", fmt.Sprintf("this key has %d bytes", len(raw)), "a key has 32 to 64 bytes", "hex: and 64 digits, for example from: openssl rand -hex 32")
		return k, false
	}
	k.Key = NewSecret(string(raw))
	return k, true
}

// oneOf makes a parser of a fixed set of words.
func oneOf[T ~string](words ...T) func(*call) (T, bool) {
	return func(c *call) (T, bool) {
		if v := T(c.arg(0)); slices.Contains(words, v) {
			return v, true
		}
		list := make([]string, len(words))
		for i, w := range words {
			list[i] = string(w)
		}
		c.warn(0, "bad-word", c.arg(0)+" is not known after "+c.kw.Name, "the line is ignored", strings.Join(list, ", "))
		return "", false
	}
}

func setHMACMode(c *call) {
	s, ok := oneOf("enforce", "permissive", "receive-only")(c)
	if !ok {
		return
	}
	for m := range HMACReceiveOnly + 1 {
		if m.String() == s {
			c.target.(*HMAC).Mode = m
		}
	}
}

// ourTable has checks, HMAC, IPsec and connection tracking.
func ourTable() []Keyword {
	k, h, ip, ct := []Scope{scopeCheck}, []Scope{scopeHMAC}, []Scope{scopeIPsec}, []Scope{scopeConn}
	rows := []Keyword{
		{Name: "ping", Scopes: k, Args: "TARGET", Doc: "an address or host that must answer ICMP echo", set: setCheck(CheckPing)},
		{Name: "tcp", Scopes: k, Args: "HOST:PORT", Doc: "a port that must accept", set: setCheck(CheckTCP)},
		{Name: "http", Scopes: k, Args: "URL", Doc: "a URL that must answer", set: setCheck(CheckHTTP)},
		{Name: "status", Scopes: k, Args: "CODE ...", Default: "200-399", Doc: "HTTP codes that count as good", set: setStatus},
		{Name: "source", Scopes: k, Args: "ADDRESS", Doc: "own address to test from", set: field(func(v *Check) *netip.Addr { return &v.Source }, addr)},
		{Name: "interface", Scopes: k, Args: "IF", Doc: "interface to test through", set: field(func(v *Check) *string { return &v.Interface }, str)},
		{Name: "interval", Scopes: k, Args: "SECONDS", Default: "1", Doc: "time between tests, from 0.001", set: field(func(v *Check) *time.Duration { return &v.Interval }, decimalSeconds(time.Millisecond, 24*time.Hour))},
		{Name: "timeout", Scopes: k, Args: "SECONDS", Default: "interval", Doc: "limit of one test", set: field(func(v *Check) *time.Duration { return &v.Timeout }, decimalSeconds(time.Millisecond, 24*time.Hour))},
		{Name: "rise", Scopes: k, Args: "COUNT", Default: "1", Doc: "good results in a row to be good", set: field(func(v *Check) *int { return &v.Rise }, number(1, 1<<31-1))},
		{Name: "fall", Scopes: k, Args: "COUNT", Default: "1", Doc: "bad results in a row to be bad", set: field(func(v *Check) *int { return &v.Fall }, number(1, 1<<31-1))},
		{Name: "weight", Scopes: k, Args: "WEIGHT [reverse]", Default: "0", Doc: "-253-253; 0: failure is FAULT", set: setWeight(253, func(v *Check) (*int, *bool) { return &v.Weight, &v.Reverse })},
		{Name: "init_fail", Scopes: k, Doc: "start as failed", set: present(func(v *Check) *bool { return &v.InitFail }, true)},

		{Name: "key", Scopes: h, Args: "ID KEY", Doc: "ID 1-255; hex:DIGITS, file:PATH or text, 32-64 bytes", Since: "2.4.0", set: setHMACKey},
		{Name: "active_key", Scopes: h, Args: "ID", Default: "the first", Doc: "the key to sign with", Since: "2.4.0", set: func(c *call) {
			if v, ok := c.strictNumber(0, 1, 255, "the line is ignored"); ok {
				c.target.(*HMAC).ActiveKey = uint8(v)
			}
		}},
		{Name: "anti_replay", Scopes: h, Args: "time|monotonic", Default: "time", Doc: "time: sequences are clock times within the window", Since: "2.4.0", set: func(c *call) {
			if s, ok := oneOf("time", "monotonic")(c); ok {
				c.target.(*HMAC).Monotonic = s == "monotonic"
			}
		}},
		{Name: "time_window", Scopes: h, Args: "SECONDS", Default: "3 × advert_int, at least 5", Doc: "clock difference allowed, 1-300", Since: "2.4.0", set: field(func(v *HMAC) *time.Duration { return &v.Window }, wholeSeconds(1, 300))},
		{Name: "mode", Scopes: h, Args: "enforce|permissive|receive-only", Default: "enforce", Doc: "how far the roll-out is", Since: "2.4.0", set: setHMACMode},

		{Name: "stack", Scopes: ip, Args: "auto|strongswan|libreswan|systemd [UNIT]", Default: "auto", Doc: "what handles the tunnels", set: setStack},
		{Name: "connection", Scopes: ip, Args: "NAME ...", Default: "all", Doc: "connections to handle", set: func(c *call) {
			for _, w := range c.args {
				c.target.(*IPsec).Connections = append(c.target.(*IPsec).Connections, w.Text)
			}
		}},
		{Name: "socket", Scopes: ip, Args: "PATH", Default: "the stack's", Doc: "VICI socket", set: field(func(v *IPsec) *string { return &v.Socket }, str)},
		{Name: "wait", Scopes: ip, Args: "SECONDS", Default: "15", Doc: "how long to wait until the addresses are usable, then go on", set: field(func(v *IPsec) *time.Duration { return &v.Wait }, decimalSeconds(0, time.Hour))},
		{Name: "timeout", Scopes: ip, Args: "SECONDS", Default: "60", Doc: "limit of the whole action", set: field(func(v *IPsec) *time.Duration { return &v.Timeout }, decimalSeconds(time.Millisecond, time.Hour))},

		{Name: "command", Scopes: ct, Args: "PATH", Default: "conntrackd", Doc: "the program", set: field(func(v *Conntrack) *string { return &v.Command }, str)},
		{Name: "config_file", Scopes: ct, Args: "PATH", Default: "conntrackd's", Doc: "its configuration", set: field(func(v *Conntrack) *string { return &v.ConfigFile }, str)},
		{Name: "timeout", Scopes: ct, Args: "SECONDS", Default: "10", Doc: "limit of each step", set: field(func(v *Conntrack) *time.Duration { return &v.Timeout }, decimalSeconds(time.Millisecond, time.Hour))},
	}
	for i := range rows {
		if rows[i].Since == "" {
			rows[i].Since = "vrrpd"
		}
	}
	return rows
}

func setStack(c *call) {
	v := c.target.(*IPsec)
	s, ok := oneOf("auto", "strongswan", "libreswan", "systemd")(c)
	if !ok {
		return
	}
	if s == "systemd" && len(c.args) < 2 {
		c.add(0, diag.Error, "missing-argument", "stack systemd needs the name of the unit", "there is nothing to start", "stack systemd strongswan.service")
		return
	}
	v.Stack, v.Unit = s, c.arg(1)
}
