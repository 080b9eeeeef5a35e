// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/internal/config/diag"
	"github.com/govrrp/vrrpd/internal/config/syntax"
)

func openClaim(c *call) {
	if !c.define(noWeight) {
		return
	}
	v := &CloudClaim{Place: Place{Pos: c.args[0].Pos}, Name: c.arg(0), Provider: "auto", Mode: ClaimEnforce, Adopt: true, OnYield: "stay", Linger: 10 * time.Second}
	c.b.cfg.Claims = append(c.b.cfg.Claims, v)
	c.b.block(scopeClaim, v, c.node.Children)
}

func newGuard(at syntax.Pos) *Guard {
	return &Guard{Place: Place{Pos: at}, Budget: time.Second, OnSuspect: "claim", Hold: 10 * time.Second}
}

// setHome reads self, peer or the address of either, which can stand in the configuration of both nodes.
func setHome(c *call) {
	v := c.target.(*CloudClaim)
	if w := c.arg(0); w == "self" || w == "peer" {
		v.Home = ClaimHome{Self: w == "self", Peer: w == "peer"}
		return
	}
	if a, ok := c.addr(0); ok {
		v.Home = ClaimHome{Addr: a}
	}
}

// claimTable has cloud_claim and its guard.
func claimTable() []Keyword {
	m, g := []Scope{scopeClaim}, []Scope{scopeGuard}
	text := func(get func(*CloudClaim) *string) func(*call) { return field(get, str) }
	rows := []Keyword{
		{Name: "cloud_claim", Scopes: []Scope{scopeTop}, Args: "NAME {", Doc: "VIPs and routes of a cloud; instances and groups name it", set: openClaim},
		{Name: "provider", Scopes: m, Args: "auto|oci|aws|azure|none", Default: "auto", Doc: "the cloud; none: only the guard and probe_port", set: text2(func(v *CloudClaim) *string { return &v.Provider }, "auto", "oci", "aws", "azure", "none")},
		{Name: "mode", Scopes: m, Args: "enforce|dry_run|off", Default: "enforce", Doc: "dry_run does all but the writes", set: field(func(v *CloudClaim) *ClaimMode { return &v.Mode }, oneOf(ClaimEnforce, ClaimDryRun, ClaimOff))},
		{Name: "vips", Scopes: m, Args: "{", Default: "the instance's", Doc: "addresses to move, any number on a line; an empty block: none", set: setClaimVIPs},
		{Name: "public_ip", Scopes: m, Args: "PUBLIC[=PRIVATE] ...", Doc: "public addresses to move, each with the private address that it belongs to; default: the VIP in the same place of the list", set: setPublicIPs},
		{Name: "routes", Scopes: m, Args: "{", Doc: "one a line: DESTINATION [table ID]; without a table, in every one that is looked at", set: setClaimRoutes},
		{Name: "table", Scopes: m, Args: "ID ...", Doc: "route tables to look at", set: words(func(v *CloudClaim) *[]string { return &v.Tables })},
		{Name: "table_tag", Scopes: m, Args: "KEY=VALUE ...", Doc: "only route tables with one of these tags", set: words(func(v *CloudClaim) *[]string { return &v.TableTags })},
		{Name: "network", Aliases: []string{"vpc", "vnet", "vcn"}, Scopes: m, Args: "ID ...", Doc: "only route tables of these networks", set: words(func(v *CloudClaim) *[]string { return &v.Networks })},
		{Name: "capture", Scopes: m, Args: "[BOOL]", Default: "off", Doc: "learn the routes that point at the home node and take them over", set: field(func(v *CloudClaim) *bool { return &v.Capture }, onOff)},
		{Name: "home", Scopes: m, Args: "ADDRESS|self|peer", Doc: "capture: the node that the routes point at in normal operation", set: setHome},
		{Name: "adopt", Scopes: m, Args: "[BOOL]", Default: "on", Doc: "capture also what points at the home node and was not learned yet", set: field(func(v *CloudClaim) *bool { return &v.Adopt }, onOff)},
		{Name: "peer", Scopes: m, Args: "ADDRESS", Default: "the unicast peer", Doc: "the other node", set: field(func(v *CloudClaim) *netip.Addr { return &v.Peer }, addr)},
		{Name: "peer_nic", Scopes: m, Args: "ID", Doc: "the other node's NIC", set: text(func(v *CloudClaim) *string { return &v.PeerNIC })},
		{Name: "interface", Scopes: m, Args: "IF", Default: "the instance's", Doc: "interface whose NIC gets the addresses", set: text(func(v *CloudClaim) *string { return &v.Interface })},
		{Name: "nic", Aliases: []string{"vnic", "eni"}, Scopes: m, Args: "ID", Default: "found by MAC", Doc: "own NIC", set: text(func(v *CloudClaim) *string { return &v.NIC })},
		{Name: "azure_mode", Scopes: m, Args: "nic|route|public_ip|probe", Doc: "what moves: all that is named; only routes; only public addresses; nothing, the load balancer asks probe_port", set: text2(func(v *CloudClaim) *string { return &v.AzureMode }, "nic", "route", "public_ip", "probe")},
		{Name: "probe_port", Scopes: m, Args: "PORT", Doc: "TCP port that is open only while MASTER and healthy, for a load balancer", set: field(func(v *CloudClaim) *int { return &v.ProbePort }, number(1, 65535))},
		{Name: "region", Scopes: m, Args: "NAME", Default: "found", Doc: "region", set: text(func(v *CloudClaim) *string { return &v.Region })},
		{Name: "profile", Scopes: m, Args: "NAME", Doc: "profile of the credentials file", set: text(func(v *CloudClaim) *string { return &v.Profile })},
		{Name: "credentials_file", Scopes: m, Args: "PATH", Default: "the SDK's", Doc: "credentials", set: text(func(v *CloudClaim) *string { return &v.CredentialsFile })},
		{Name: "subscription", Scopes: m, Args: "ID", Default: "found", Doc: "Azure subscription", set: text(func(v *CloudClaim) *string { return &v.Subscription })},
		{Name: "resource_group", Scopes: m, Args: "NAME", Default: "found", Doc: "Azure resource group", set: text(func(v *CloudClaim) *string { return &v.ResourceGroup })},
		{Name: "compartment", Scopes: m, Args: "ID", Default: "found", Doc: "OCI compartment", set: text(func(v *CloudClaim) *string { return &v.Compartment })},
		{Name: "endpoint", Scopes: m, Args: "URL", Default: "the cloud's", Doc: "API address; plain http for loopback only", set: field(func(v *CloudClaim) *string { return &v.Endpoint }, endpoint)},
		{Name: "metadata_endpoint", Scopes: m, Args: "URL", Default: "the cloud's", Doc: "metadata address", set: field(func(v *CloudClaim) *string { return &v.MetadataEndpoint }, metadataEndpoint)},
		{Name: "timeout", Scopes: m, Args: "SECONDS", Default: "the provider's", Doc: "limit of one request", set: field(func(v *CloudClaim) *time.Duration { return &v.Timeout }, decimalSeconds(time.Millisecond, time.Hour))},
		{Name: "check_interval", Scopes: m, Args: "SECONDS", Default: "30", Doc: "how often ownership is observed", set: field(func(v *CloudClaim) *time.Duration { return &v.CheckInterval }, decimalSeconds(time.Second, time.Hour))},
		{Name: "linger", Scopes: m, Args: "SECONDS", Default: "10", Doc: "how long a BACKUP keeps the addresses until the cloud shows them at the new MASTER; 0: not at all", set: field(func(v *CloudClaim) *time.Duration { return &v.Linger }, decimalSeconds(0, 20*time.Second))},
		{Name: "on_yield", Scopes: m, Args: "stay|fault", Default: "stay", Doc: "what a MASTER does that gives way to another claimant: stay without writing, or FAULT, for five minutes", set: text2(func(v *CloudClaim) *string { return &v.OnYield }, "stay", "fault")},
		{Name: "guard", Scopes: m, Args: "{", Doc: "what to ask before a claim when the peer fell silent", set: func(c *call) {
			v := newGuard(c.pos())
			c.target.(*CloudClaim).Guard = v
			c.b.block(scopeGuard, v, c.node.Children)
		}},

		{Name: "ping", Scopes: g, Args: "ADDRESS ...", Doc: "addresses of the peer: private, public, overlay", set: setGuardPing},
		{Name: "api", Scopes: g, Args: "URL ...", Doc: "management addresses of the peer: any answer is one, whatever its certificate", set: setGuardAPI},
		{Name: "status", Scopes: g, Args: "URL", Doc: "the peer's listen address, and the name of the claim as the path; needs key", set: field(func(v *Guard) *string { return &v.Status }, signedURL)},
		{Name: "listen", Scopes: g, Args: "ADDRESS:PORT", Doc: "own address where the peer's status question is answered; needs key", set: field(func(v *Guard) *netip.AddrPort { return &v.Listen }, addrPort)},
		{Name: "key", Scopes: g, Args: "KEY", Doc: "signs answers, the same on all nodes: hex:DIGITS, file:PATH or text, 32-64 bytes", set: func(c *call) {
			if k, ok := c.key(0, "answers"); ok {
				c.target.(*Guard).Key = &k
			}
		}},
		{Name: "witness", Scopes: g, Args: "URL", Doc: "a third party that answers for the peer, as vrrpd witness does; needs key", set: field(func(v *Guard) *string { return &v.Witness }, signedURL)},
		{Name: "gateway", Scopes: g, Args: "ADDRESS", Default: "the default gateway", Doc: "tells whether this node is cut off itself", set: field(func(v *Guard) *netip.Addr { return &v.Gateway }, addr)},
		{Name: "budget", Scopes: g, Args: "SECONDS", Default: "1", Doc: "time for all questions together", set: field(func(v *Guard) *time.Duration { return &v.Budget }, decimalSeconds(time.Millisecond, time.Minute))},
		{Name: "on_suspect", Scopes: g, Args: "claim|hold", Default: "claim", Doc: "when the peer says it is MASTER and healthy, after the hold", set: text2(func(v *Guard) *string { return &v.OnSuspect }, "claim", "hold")},
		{Name: "hold", Scopes: g, Args: "SECONDS", Default: "10", Doc: "how long to wait then", set: field(func(v *Guard) *time.Duration { return &v.Hold }, decimalSeconds(0, time.Hour))},
	}
	for i := range rows {
		rows[i].Since = "vrrpd"
	}
	return rows
}

// text2 makes a setter of a word out of a set.
func text2[T any](get func(*T) *string, set ...string) func(*call) { return field(get, oneOf(set...)) }

// words makes a setter that appends all arguments.
func words[T any](get func(*T) *[]string) func(*call) {
	return func(c *call) {
		p := get(c.target.(*T))
		for _, w := range c.args {
			*p = append(*p, w.Text)
		}
	}
}

func endpoint(c *call) (string, bool) { return c.url(0, netip.Addr.IsLoopback) }

// metadataEndpoint may also be a link-local address in plain http: that is how
// clouds serve it.
func metadataEndpoint(c *call) (string, bool) {
	return c.url(0, func(a netip.Addr) bool { return a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsPrivate() && a.Is6() })
}

// signedURL may be plain http: what is answered there is signed, and no secret.
func signedURL(c *call) (string, bool) { return c.url(0, anywhere) }

func anywhere(netip.Addr) bool { return true }

// url reads the n-th argument; plain says to which addresses http is accepted.
func (c *call) url(n int, plain func(netip.Addr) bool) (string, bool) {
	text := c.arg(n)
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		c.add(n, diag.Error, "bad-url", c.kw.Name+" needs a URL", "there is nothing to talk to", c.kw.Name+" https://host/path")
		return "", false
	}
	a, _ := netip.ParseAddr(u.Hostname())
	if u.Scheme == "http" && u.Hostname() != "localhost" && !plain(a) {
		c.add(n, diag.Error, "plain-http", "plain http leaves this host", "credentials and answers could be read and forged; http is accepted for loopback only", "https://"+strings.TrimPrefix(text, "http://"))
		return "", false
	}
	return text, true
}

func addrPort(c *call) (netip.AddrPort, bool) {
	v, err := netip.ParseAddrPort(c.arg(0))
	if err != nil || v.Port() == 0 {
		c.add(0, diag.Error, "bad-listen", c.arg(0)+" is not ADDRESS:PORT", "the peer's question would not be answered", c.kw.Name+" 10.0.0.2:8640")
		return v, false
	}
	return v, true
}

func setClaimVIPs(c *call) {
	v := c.target.(*CloudClaim)
	if v.VIPs == nil {
		v.VIPs = []netip.Addr{}
	}
	for _, n := range c.node.Children {
		line := &call{b: c.b, kw: c.kw, scope: c.scope, node: n, args: n.Words}
		for i := range n.Words {
			if a, ok := line.addr(i); ok {
				v.VIPs = append(v.VIPs, a)
			}
		}
	}
}

func setClaimRoutes(c *call) {
	v := c.target.(*CloudClaim)
	for _, n := range c.node.Children {
		line := &call{b: c.b, kw: c.kw, scope: c.scope, node: n, args: n.Words}
		p, _, err := prefix(line.arg(0))
		if err != nil {
			line.warn(0, "bad-address", line.arg(0)+" is not a destination", "the line is ignored", "10.0.0.0/8 table rtb-1")
			continue
		}
		r := ClaimRoute{Destination: p.Masked()}
		switch {
		case len(n.Words) == 3 && n.Words[1].Text == "table":
			r.Table = n.Words[2].Text
		case len(n.Words) > 1:
			line.warn(1, "extra-words", n.Words[1].Text+" is not known here", "it is ignored", "DESTINATION [table ID]")
		}
		v.Routes = append(v.Routes, r)
	}
}

func setGuardPing(c *call) {
	v := c.target.(*Guard)
	for i := range c.args {
		if a, ok := c.addr(i); ok {
			v.Ping = append(v.Ping, a)
		}
	}
}

func setGuardAPI(c *call) {
	v := c.target.(*Guard)
	for i := range c.args {
		if u, ok := c.url(i, anywhere); ok {
			v.API = append(v.API, u)
		}
	}
}

func setPublicIPs(c *call) {
	v := c.target.(*CloudClaim)
	for i, w := range c.args {
		public, private, paired := strings.Cut(w.Text, "=")
		p := ClaimPublic{}
		var errs [2]error
		if p.Addr, errs[0] = netip.ParseAddr(public); paired {
			p.Target, errs[1] = netip.ParseAddr(private)
		}
		if errs[0] != nil || errs[1] != nil {
			c.add(i, diag.Error, "bad-address", w.Text+" is not PUBLIC or PUBLIC=PRIVATE", "there is nothing to move", "public_ip 203.0.113.9=10.0.0.4")
			continue
		}
		v.PublicIPs = append(v.PublicIPs, p)
	}
}
