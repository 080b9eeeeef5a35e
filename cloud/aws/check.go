// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/govrrp/vrrpd/cloud"
)

// EC2 refuses a request that is signed more than five minutes off.
const (
	skewWarn = time.Minute
	skewFail = 4 * time.Minute
)

// checker gathers the findings of one preflight.
type checker struct {
	p        *Provider
	api      *ec2.Client
	self     identity
	items    []cloud.Item
	opts     cloud.CheckOptions
	peers    []types.NetworkInterface // of the peer's instance
	findings []cloud.Finding
}

func (c *checker) add(s cloud.Severity, check, item, format string, args ...any) *cloud.Finding {
	c.findings = append(c.findings, cloud.Finding{Severity: s, Check: check, Item: item, Text: fmt.Sprintf(format, args...)})
	return &c.findings[len(c.findings)-1]
}

// failed reports an error, with the permission it names.
func (c *checker) failed(check, item string, err error) {
	f := c.add(cloud.SeverityFail, check, item, "%v", err)
	f.Fix = cloud.Cure(err)
	var e *cloud.Error
	if errors.As(err, &e) && e.Class == cloud.ClassDenied {
		f.Check, f.Permission = "permission", e.Permission
		f.Fix = c.self.allow(e.Permission, "*")
	}
}

// Check implements [cloud.Checker]. Without opts.ProbeWrites it only reads.
// With it, it sends dry runs of ReplaceRoute, CreateRoute and AssociateAddress,
// and assignments of addresses that another interface holds, which EC2 refuses
// because they do not ask for reassignment.
func (p *Provider) Check(ctx context.Context, items []cloud.Item, opts cloud.CheckOptions) []cloud.Finding {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	c := &checker{p: p, items: items, opts: opts}
	node, err := p.Discover(ctx)
	if err != nil {
		f := c.add(cloud.SeverityFail, "metadata", "", "%v", err)
		f.Fix = "IMDSv2 must answer on this instance; in containers the hop limit of the instance must be at least 2"
		return c.findings
	}
	c.add(cloud.SeverityOK, "metadata", "", "%s in %s, account %s, %d network interfaces", node.ID, node.Region, p.account(), len(node.NICs))
	if c.api, c.self, err = p.client("check"); err != nil {
		c.failed("metadata", "", err)
		return c.findings
	}
	c.credentials(ctx)
	own, ok := c.interfaces(ctx)
	if !ok {
		return c.findings
	}
	c.forwarding("this node", own)
	c.peer(ctx)
	c.objects(ctx)
	return c.findings
}

func (p *Provider) account() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.self.account
}

func (c *checker) credentials(ctx context.Context) {
	got, err := c.p.creds.Retrieve(ctx)
	switch {
	case err != nil:
		f := c.add(cloud.SeverityFail, "credentials", "", "%v", plain(err))
		f.Fix = "attach an instance profile to this instance, or configure credentials where the AWS SDK looks for them"
	case got.CanExpire:
		c.add(cloud.SeverityOK, "credentials", "", "from %s, renewed before %s", got.Source, got.Expires.UTC().Format(time.RFC3339))
	default:
		f := c.add(cloud.SeverityWarn, "credentials", "", "from %s, and they never expire", got.Source)
		f.Fix = "prefer an instance profile to keys in files or the environment"
	}
}

// interfaces describes this node's interfaces: whether the API answers, and
// how far its clock is from ours.
func (c *checker) interfaces(ctx context.Context) ([]types.NetworkInterface, bool) {
	const op = "DescribeNetworkInterfaces"
	filters := []types.Filter{filter("network-interface-id", c.self.interfaceIDs()...)}
	if err := filtered(op, filters); err != nil {
		c.failed("api", "", err)
		return nil, false
	}
	out, err := c.api.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: filters})
	if err != nil {
		var re *awshttp.ResponseError
		if errors.As(err, &re) && re.Response != nil {
			if at, err := http.ParseTime(re.Response.Header.Get("Date")); err == nil {
				c.clock(at)
			}
		}
		c.failed("api", "", classified(op, err))
		return nil, false
	}
	if out.NetworkInterfaces == nil {
		c.failed("api", "", incomplete(op, "networkInterfaceSet", out.ResultMetadata))
		return nil, false
	}
	c.add(cloud.SeverityOK, "api", "", "the EC2 API answers")
	if at, ok := awsmiddleware.GetServerTime(out.ResultMetadata); ok {
		c.clock(at)
	}
	return out.NetworkInterfaces, true
}

func (c *checker) clock(server time.Time) {
	skew := c.opts.Now().Sub(server).Truncate(time.Second)
	switch {
	case skew.Abs() >= skewFail:
		c.add(cloud.SeverityFail, "clock", "", "the clock is %v off; EC2 refuses signatures from 5 min", skew).Fix = "run a time service (chrony with 169.254.169.123)"
	case skew.Abs() > skewWarn:
		c.add(cloud.SeverityWarn, "clock", "", "the clock is %v off", skew).Fix = "run a time service (chrony with 169.254.169.123)"
	default:
		c.add(cloud.SeverityOK, "clock", "", "within %v of EC2's", skewWarn)
	}
}

// forwarding checks the flag that makes the fabric drop what a router forwards.
func (c *checker) forwarding(whose string, enis []types.NetworkInterface) {
	routed := false
	for _, it := range c.items {
		routed = routed || it.Kind == cloud.Route
	}
	for _, eni := range enis {
		id := awssdk.ToString(eni.NetworkInterfaceId)
		if !awssdk.ToBool(eni.SourceDestCheck) {
			c.add(cloud.SeverityOK, "forwarding", "", "%s of %s may forward", id, whose)
			continue
		}
		severity := cloud.SeverityWarn
		if routed {
			severity = cloud.SeverityFail
		}
		f := c.add(severity, "forwarding", "", "%s of %s drops what is not addressed to it (source/destination check)", id, whose)
		f.Fix = "aws ec2 modify-network-interface-attribute --no-source-dest-check --network-interface-id " + id
	}
}

// peer finds the other node's interfaces.
func (c *checker) peer(ctx context.Context) {
	if !c.opts.Peer.IsValid() {
		return
	}
	peers, err := peerInterfaces(ctx, c.api, c.self, c.opts.Peer)
	if err != nil {
		c.failed("peer", "", err)
		return
	}
	c.peers = peers
	c.add(cloud.SeverityOK, "peer", "", "%s is %s", c.opts.Peer, instanceOf(peers[0]))
	c.forwarding("the peer", peers)
}

// peerInterfaces returns the interface with an address, and the others of the
// same instance.
func peerInterfaces(ctx context.Context, api *ec2.Client, self identity, addr netip.Addr) ([]types.NetworkInterface, error) {
	first, err := interfaceWith(ctx, api, self.vpc(), addr)
	if err != nil {
		return nil, err
	}
	id := instanceOf(first)
	if id == "" {
		return []types.NetworkInterface{first}, nil
	}
	return describeInterfaces(ctx, api, filter("attachment.instance-id", id))
}

func instanceOf(eni types.NetworkInterface) string {
	if eni.Attachment == nil {
		return ""
	}
	return awssdk.ToString(eni.Attachment.InstanceId)
}

// objects looks at each item as a claim would.
func (c *checker) objects(ctx context.Context) {
	for _, o := range c.p.Observe(ctx, c.self.node, c.items) {
		key := o.Item.Key()
		nic, err := c.self.node.NICFor(o.Item)
		if err != nil {
			f := c.add(cloud.SeverityFail, "subnet", key, "%v", err)
			f.Fix = "an address can only be on an interface in its own subnet; name the interface with nic, or correct the address"
			continue
		}
		switch {
		case o.Owner == cloud.Unknown:
			c.failed("object", key, o.Err)
			continue
		case o.Owner == cloud.None && o.Item.Kind == cloud.Route && !o.Item.Create:
			c.add(cloud.SeverityFail, "object", key, "there is no such route").Fix = "create it once, pointing at either node, or set create"
		case o.Owner == cloud.None:
			c.add(cloud.SeverityOK, "object", key, "held by nobody")
		default:
			c.add(cloud.SeverityOK, "object", key, "held by %s (%s)", o.Holder, o.Owner)
		}
		if o.Item.Kind == cloud.VIP4 || o.Item.Kind == cloud.VIP6 {
			c.sameSubnet(key, nic, o)
		}
		if c.opts.ProbeWrites {
			c.probe(ctx, nic, o)
		}
	}
}

// sameSubnet checks that an address can be on the peer as well, and is on one
// of the two.
func (c *checker) sameSubnet(key string, nic cloud.NIC, o cloud.Observed) {
	if len(c.peers) == 0 {
		return
	}
	shared, known := false, o.Owner != cloud.Other
	for _, eni := range c.peers {
		shared = shared || awssdk.ToString(eni.SubnetId) == nic.Subnet
		known = known || awssdk.ToString(eni.NetworkInterfaceId) == o.Holder
	}
	if !shared {
		f := c.add(cloud.SeverityFail, "subnet", key, "the peer has no interface in %s", nic.Subnet)
		f.Fix = "addresses move within one subnet, and so within one availability zone; across zones use routes and elastic addresses"
	}
	if !known {
		c.add(cloud.SeverityWarn, "holder", key, "held by %s, which is neither this node nor the peer", o.Holder)
	}
}
