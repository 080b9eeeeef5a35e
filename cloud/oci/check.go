// SPDX-License-Identifier: Apache-2.0

//go:build !nooci

package oci

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oracle/oci-go-sdk/v65/core"

	"github.com/govrrp/vrrpd/cloud"
)

// The vendor refuses requests that are signed more than five minutes off.
const (
	skewWarn = time.Minute
	skewFail = 4 * time.Minute
)

// maxSecondary is how many secondary private addresses a VNIC can have.
const maxSecondary = 64

// checker gathers the findings of one preflight.
type checker struct {
	p        *Provider
	self     instance
	node     cloud.Node
	opts     cloud.CheckOptions
	findings []cloud.Finding
}

func (c *checker) add(s cloud.Severity, check, item, format string, args ...any) *cloud.Finding {
	c.findings = append(c.findings, cloud.Finding{Severity: s, Check: check, Item: item, Text: fmt.Sprintf(format, args...)})
	return &c.findings[len(c.findings)-1]
}

// failed reports an error, with the permission it names and what grants it.
func (c *checker) failed(check, item string, err error) {
	f := c.add(cloud.SeverityFail, check, item, "%v", err)
	f.Fix = cloud.Cure(err)
	var e *cloud.Error
	if errors.As(err, &e) && e.Class == cloud.ClassDenied {
		f.Check, f.Permission = "permission", e.Permission
		f.Fix = fixFor(c.self, e.Permission)
	}
}

// Check implements [cloud.Checker]. Without opts.ProbeWrites it only reads.
// With it, it sends updates that change nothing and carry an etag that cannot
// be current: permitted ones are refused for the etag, others for the want of
// permission.
func (p *Provider) Check(ctx context.Context, items []cloud.Item, opts cloud.CheckOptions) []cloud.Finding {
	c := &checker{p: p, opts: opts}
	if len(p.opts.VNICs) == 0 {
		in, err := p.instance(ctx)
		if err != nil {
			c.failed("metadata", "", err)
			return c.findings
		}
		c.self = in
		c.add(cloud.SeverityOK, "metadata", "", "%s in %s", in.ID, in.Region)
	}
	if err := p.creds.ensure(ctx, whenHalf); err != nil {
		c.clock()
		f := c.add(cloud.SeverityFail, "credentials", "", "%v", err)
		f.Fix = "put this instance into a dynamic group, or give a profile of ~/.oci/config"
		return c.findings
	}
	c.credentials()
	var err error
	if c.node, err = p.Discover(ctx); err != nil {
		c.clock()
		c.failed("api", "", err)
		return c.findings
	}
	c.add(cloud.SeverityOK, "api", "", "the API answers, %d network interfaces", len(c.node.NICs))
	c.clock()
	used := map[string]bool{}
	for i, o := range p.Observe(ctx, c.node, items) {
		if nic, err := c.node.NICFor(items[i]); err == nil {
			used[nic.ID] = true
		}
		c.item(ctx, items[i], o)
	}
	for _, nic := range c.node.NICs {
		if used[nic.ID] {
			c.vnic(ctx, "this node", nic.ID)
			c.slots(ctx, nic.ID, items)
		}
	}
	c.peer(ctx)
	return c.findings
}

func (c *checker) credentials() {
	c.p.creds.mu.Lock()
	pair := c.p.creds.pair
	c.p.creds.mu.Unlock()
	if pair == nil || pair.expires.IsZero() {
		c.add(cloud.SeverityOK, "credentials", "", "an API key")
		return
	}
	c.add(cloud.SeverityOK, "credentials", "", "a token, renewed before %s", pair.expires.UTC().Format(time.RFC3339))
}

func (c *checker) clock() {
	c.p.mu.Lock()
	skew, dated := c.p.skew, c.p.dated
	c.p.mu.Unlock()
	switch {
	case !dated:
	case skew.Abs() >= skewFail:
		c.add(cloud.SeverityFail, "clock", "", "the clock is %v off; requests are refused from 5 min", skew.Truncate(time.Second)).Fix = "run a time service (chrony with 169.254.169.254)"
	case skew.Abs() > skewWarn:
		c.add(cloud.SeverityWarn, "clock", "", "the clock is %v off", skew.Truncate(time.Second)).Fix = "run a time service (chrony with 169.254.169.254)"
	default:
		c.add(cloud.SeverityOK, "clock", "", "within %v of the API's", skewWarn)
	}
}

// item reports what the read of an item found, and probes the write.
func (c *checker) item(ctx context.Context, it cloud.Item, o cloud.Observed) {
	key := it.Key()
	if _, err := c.node.NICFor(it); err != nil {
		f := c.add(cloud.SeverityFail, "subnet", key, "%v", err)
		f.Fix = "the address must be in a subnet that this node has a VNIC in; or name the interface"
		return
	}
	switch o.Owner {
	case cloud.Unknown:
		check := "object"
		if cloud.ClassOf(o.Err) == cloud.ClassUnknown {
			check = "api"
		}
		c.failed(check, key, o.Err)
		return
	case cloud.None:
		if it.Kind == cloud.Route && !it.Create {
			c.add(cloud.SeverityFail, "object", key, "the route does not exist").Fix = "add the rule once, or allow it to be created"
			return
		}
		c.add(cloud.SeverityWarn, "object", key, "exists and is held by nobody")
	default:
		c.add(cloud.SeverityOK, "object", key, "held by %s (%s)", o.Owner, o.Holder)
	}
	if c.opts.ProbeWrites && o.Owner != cloud.None {
		c.probe(ctx, it, o)
	}
}

// probe sends an update to the present holder with an impossible etag.
func (c *checker) probe(ctx context.Context, it cloud.Item, o cloud.Observed) {
	const never = `"vrrpd-probe"`
	obj, ok := o.Raw.(object)
	if !ok {
		return
	}
	var step cloud.Step
	switch it.Kind {
	case cloud.VIP4:
		step = cloud.Step{Op: "UpdatePrivateIp", Data: addressMove{obj.id, never, o.Holder}}
	case cloud.VIP6:
		step = cloud.Step{Op: "UpdateIpv6", Data: addressMove{obj.id, never, o.Holder}}
	case cloud.PublicIP:
		step = cloud.Step{Op: "UpdatePublicIp", Data: publicMove{obj.id, never, obj.target}}
	case cloud.Route:
		step = cloud.Step{Op: "UpdateRouteTable", Data: tableWrite{obj.id, never, obj.table.rules}}
	}
	out := c.p.Apply(ctx, probing{}, step)
	switch out.Class {
	case cloud.ClassConflict:
		c.add(cloud.SeverityOK, "permission", it.Key(), "%s is permitted", step.Op)
	case cloud.ClassDone, cloud.ClassPending:
		c.add(cloud.SeverityFail, "permission", it.Key(), "%s took a write with an etag that was not current", step.Op)
	default:
		c.failed("permission", it.Key(), out.Err)
	}
}

// probing is the fence of negative probes: they cannot change anything, so
// they need no mastership.
type probing struct{}

// Allowed implements [cloud.Fence].
func (probing) Allowed() error { return nil }

// vnic checks the flag that makes the fabric drop what a router forwards.
func (c *checker) vnic(ctx context.Context, whose, id string) {
	v, err := c.p.getVNIC(ctx, id)
	switch {
	case err != nil:
		c.failed("forwarding", "", err)
	case v.SkipSourceDestCheck == nil || !*v.SkipSourceDestCheck:
		f := c.add(cloud.SeverityFail, "forwarding", "", "%s: %s checks source and destination, and drops what this router forwards", whose, id)
		f.Fix = "oci network vnic update --vnic-id " + id + " --skip-source-dest-check true"
	default:
		c.add(cloud.SeverityOK, "forwarding", "", "%s: %s may forward", whose, id)
	}
}

// slots checks that a VNIC has room for the addresses it may have to hold.
func (c *checker) slots(ctx context.Context, vnic string, items []cloud.Item) {
	api, err := c.p.api(ctx)
	if err != nil {
		return
	}
	count := 0
	rq := core.ListPrivateIpsRequest{VnicId: &vnic}
	for range maxPages {
		r, err := api.ListPrivateIps(detached(ctx), rq)
		if err != nil {
			c.failed("slots", "", withHint(toError("ListPrivateIps", err), r.RawResponse))
			return
		}
		count += len(r.Items)
		if rq.Page = r.OpcNextPage; str(rq.Page) == "" {
			break
		}
	}
	vips := 0
	for _, it := range items {
		if nic, err := c.node.NICFor(it); err == nil && it.Kind == cloud.VIP4 && nic.ID == vnic {
			vips++
		}
	}
	if count-1+vips > maxSecondary {
		c.add(cloud.SeverityWarn, "slots", "", "%s has %d of %d secondary addresses, and %d may arrive", vnic, count-1, maxSecondary, vips)
	}
}

// peer checks the other node's VNIC, found by its address.
func (c *checker) peer(ctx context.Context) {
	if !c.opts.Peer.IsValid() {
		return
	}
	id, err := c.p.HolderOf(ctx, c.node, c.opts.Peer)
	if err != nil {
		c.failed("peer", "", err)
		return
	}
	ip, err := c.p.getPrivateIP(ctx, id)
	if err != nil {
		c.failed("peer", "", err)
		return
	}
	c.add(cloud.SeverityOK, "peer", "", "%s is on %s", c.opts.Peer, str(ip.VnicId))
	c.vnic(ctx, "the peer", str(ip.VnicId))
}
