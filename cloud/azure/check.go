// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/cloud"
)

// Check implements [cloud.Checker]. Resource Manager authorises before it looks
// at versions, so a write upon a version that never existed tells whether it
// would be permitted.
func (p *Provider) Check(ctx context.Context, items []cloud.Item, opts cloud.CheckOptions) []cloud.Finding {
	c := &preflight{p: p, ctx: ctx, opts: opts}
	node, err := p.Discover(ctx)
	if err != nil {
		c.failed("discovery", "", err)
		return c.findings
	}
	c.ok("discovery", "", "%s has %d network interfaces", node.Name, len(node.NICs))
	c.node = node
	c.clock()
	c.token()
	c.forwarding(items)
	observed := p.Observe(ctx, node, items)
	for _, o := range observed {
		c.item(o)
	}
	c.peer(items)
	c.permissions(observed)
	if opts.ProbeWrites {
		for _, o := range observed {
			c.probe(o)
		}
	}
	return c.findings
}

// preflight is one run of Check.
type preflight struct {
	p        *Provider
	ctx      context.Context
	opts     cloud.CheckOptions
	node     cloud.Node
	findings []cloud.Finding
}

func (c *preflight) add(f cloud.Finding) { c.findings = append(c.findings, f) }

func (c *preflight) ok(check, item, format string, args ...any) {
	c.add(cloud.Finding{Check: check, Item: item, Text: fmt.Sprintf(format, args...)})
}

func (c *preflight) fail(check, item, fix, format string, args ...any) {
	c.add(cloud.Finding{Severity: cloud.SeverityFail, Check: check, Item: item, Fix: fix, Text: fmt.Sprintf(format, args...)})
}

// failed reports an error, with the permission that would prevent it.
func (c *preflight) failed(check, item string, err error) {
	f := cloud.Finding{Severity: cloud.SeverityFail, Check: check, Item: item, Text: err.Error(), Fix: cloud.Cure(err)}
	var e *cloud.Error
	if errors.As(err, &e) {
		switch e.Class {
		case cloud.ClassDenied:
			f.Check, f.Permission = "permission", e.Permission
			f.Fix = grant(e.Permission)
		case cloud.ClassCredentials:
			f.Check, f.Fix = "credentials", "give the virtual machine a managed identity, or this program a service principal"
		case cloud.ClassBusy:
			f.Severity = cloud.SeverityWarn
		}
	}
	c.add(f)
}

func grant(action string) string {
	return fmt.Sprintf("add %q to the actions of the role assigned to this node's identity", action)
}

func (c *preflight) clock() {
	c.p.mu.Lock()
	skew, dated := c.p.skew.Abs(), c.p.dated
	c.p.mu.Unlock()
	switch {
	case !dated:
	case skew > 5*time.Minute:
		c.fail("clock", "", "let a time service set the clock", "the clock is %v off: tokens are refused", skew.Round(time.Second))
	case skew > time.Minute:
		c.add(cloud.Finding{Severity: cloud.SeverityWarn, Check: "clock", Text: fmt.Sprintf("the clock is %v off", skew.Round(time.Second)), Fix: "let a time service set the clock"})
	default:
		c.ok("clock", "", "the clock is right within a minute")
	}
}

func (c *preflight) token() {
	api, err := c.p.client(c.ctx)
	if err != nil {
		c.failed("credentials", "", err)
		return
	}
	c.ok("credentials", "", "the token is valid for %v", api.creds.left().Round(time.Minute))
}

// forwarding looks at every interface that is to carry something.
func (c *preflight) forwarding(items []cloud.Item) {
	seen := map[string]bool{}
	for _, it := range items {
		nic, err := nicFor(c.node, it)
		if err != nil {
			c.fail("subnet", it.Key(), "give the network interface by name, or an address of a local subnet", "%v", err)
			continue
		}
		if seen[nic.ID] {
			continue
		}
		seen[nic.ID] = true
		n, err := c.p.readNIC(c.ctx, nic.ID)
		if err != nil {
			c.failed("forwarding", "", err)
			continue
		}
		c.forwards(n)
	}
}

func (c *preflight) forwards(n *nic) {
	if n.forwards {
		c.ok("forwarding", "", "%s forwards", n.id)
		return
	}
	c.fail("forwarding", "", "az network nic update --ids "+n.id+" --ip-forwarding true",
		"%s has IP forwarding off: traffic for other addresses is dropped", n.id)
}

func (c *preflight) item(o cloud.Observed) {
	key := o.Item.Key()
	switch {
	case o.Err != nil:
		c.failed("object", key, o.Err)
	case o.Owner == cloud.None && o.Item.Kind == cloud.Route && o.Holder == "" && !o.Item.Create:
		c.fail("object", key, "create the route, or allow it to be created", "%s does not exist", key)
	case o.Owner == cloud.None:
		c.ok("object", key, "held by nobody")
	default:
		c.ok("object", key, "held by %s (%s)", o.Owner, o.Holder)
	}
}

// peer finds the other node's interface: one that is not found cannot be
// taken from.
func (c *preflight) peer(items []cloud.Item) {
	moves := slices.ContainsFunc(items, func(it cloud.Item) bool { return it.Kind != cloud.Route })
	if !c.opts.Peer.IsValid() || !moves {
		return
	}
	all, err := c.p.listNICs(c.ctx, c.node)
	if err != nil {
		c.failed("peer", "", err)
		return
	}
	for _, n := range all {
		if n.has(c.opts.Peer) != nil {
			c.ok("peer", "", "the peer's interface is %s", n.id)
			c.forwards(n)
			return
		}
	}
	c.fail("peer", "", "name the peer's network interface, or the resource group it is in",
		"no network interface with the address %s in the resource groups %v", c.opts.Peer, c.p.groups(c.node))
}

// permissions compares the roles' actions with what is needed, scope by scope.
func (c *preflight) permissions(observed []cloud.Observed) {
	for _, n := range needs(c.node, observed) {
		raw, _, err := c.p.get(c.ctx, "permissions/read", n.scope+"/providers/Microsoft.Authorization/permissions", "2022-04-01")
		if err != nil {
			if cloud.ClassOf(err) != cloud.ClassDenied {
				c.failed("permission", "", err)
				continue
			}
			c.add(cloud.Finding{
				Severity: cloud.SeverityWarn, Check: "permission", Permission: "Microsoft.Authorization/permissions/read",
				Text: "which permissions this node has at " + n.scope + " cannot be read", Fix: grant("Microsoft.Authorization/permissions/read"),
			})
			continue
		}
		var body struct {
			Value []role `json:"value"`
		}
		if err := json.Unmarshal(raw, &body); err != nil {
			c.failed("permission", "", toError("permissions/read", err))
			continue
		}
		missing := 0
		for _, action := range n.actions {
			if !slices.ContainsFunc(body.Value, func(r role) bool { return r.permits(action) }) {
				missing++
				c.add(cloud.Finding{
					Severity: cloud.SeverityFail, Check: "permission", Permission: action,
					Text: action + " is not permitted at " + n.scope, Fix: grant(action),
				})
			}
		}
		if missing == 0 {
			c.ok("permission", "", "%d actions permitted at %s", len(n.actions), n.scope)
		}
	}
}

// role is one of the roles that apply to a scope.
type role struct {
	Actions    []string `json:"actions"`
	NotActions []string `json:"notActions"`
}

func (r role) permits(action string) bool {
	match := func(p string) bool { return matchAction(strings.ToLower(p), strings.ToLower(action)) }
	return slices.ContainsFunc(r.Actions, match) && !slices.ContainsFunc(r.NotActions, match)
}

// matchAction matches with * for any number of characters.
func matchAction(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, parts[0])
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		var found bool
		if _, s, found = strings.Cut(s, part); !found {
			return false
		}
	}
	return ok && strings.HasSuffix(s, last)
}

// neverVersion is an etag that no resource has ever had.
const neverVersion = `W/"00000000-0000-0000-0000-000000000000"`

// probeFence lets a probe through: it cannot change anything.
type probeFence struct{}

func (probeFence) Allowed() error { return nil }

// probe writes what is there already upon a version that never was.
func (c *preflight) probe(o cloud.Observed) {
	var path string
	var body json.RawMessage
	switch raw := o.Raw.(type) {
	case routeRaw:
		if raw.index < 0 {
			return
		}
		r := raw.table.routes[raw.index]
		path, body = raw.table.id+"/routes/"+r.name, r.raw
	case addressRaw:
		path, body = raw.own.id, raw.own.raw
	default:
		return
	}
	if o.Owner != cloud.Self && o.Owner != cloud.Other {
		return
	}
	_, err := c.p.put(cloud.WithFence(c.ctx, probeFence{}), "probe", path, body, http.Header{"If-Match": {neverVersion}})
	switch cloud.ClassOf(err) {
	case cloud.ClassConflict:
		c.ok("probe", o.Item.Key(), "the write would be permitted")
	case cloud.ClassDone:
		c.fail("probe", o.Item.Key(), "", "the vendor accepted a write upon a version that does not exist: it changed nothing, but versions protect nothing here")
	default:
		c.failed("probe", o.Item.Key(), err)
	}
}
