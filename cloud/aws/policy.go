// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/govrrp/vrrpd/cloud"
)

// policy is an IAM policy.
type policy struct {
	Version   string
	Statement []statement
}

// statement is one statement of an IAM policy.
type statement struct {
	Sid       string                       `json:"Sid,omitempty"`
	Effect    string                       `json:"Effect"`
	Action    []string                     `json:"Action"`
	Resource  []string                     `json:"Resource"`
	Condition map[string]map[string]string `json:"Condition,omitempty"`
}

// partition is the first part of every resource name in a region.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	default:
		return "aws"
	}
}

func (id identity) arn(resource string) string {
	region := id.node.Region
	return fmt.Sprintf("arn:%s:ec2:%s:%s:%s", partition(region), region, id.account, resource)
}

// allow renders the statement that grants one permission.
func (id identity) allow(permission, resource string) string {
	b, err := json.Marshal(statement{Effect: "Allow", Action: []string{permission}, Resource: []string{resource}})
	if err != nil {
		return ""
	}
	return string(b)
}

// Policy renders the smallest IAM policy that lets this node and the peer of
// opts.Peer claim the items, with the ids of this account. Both nodes get the
// same: each must be able to take what the other has.
func (p *Provider) Policy(ctx context.Context, items []cloud.Item, opts cloud.CheckOptions) (string, error) {
	if _, err := p.Discover(ctx); err != nil {
		return "", err
	}
	api, self, err := p.client("policy")
	if err != nil {
		return "", err
	}
	g := grants{self: self}
	observed := p.Observe(ctx, self.node, items)
	if opts.Peer.IsValid() {
		g.peers, err = peerInterfaces(ctx, api, self, opts.Peer)
	} else {
		g.peers, err = holders(ctx, api, observed)
	}
	if err != nil {
		return "", err
	}
	for _, o := range observed {
		if o.Item.Kind != cloud.Route && len(g.peers) == 0 {
			return "", ErrNeedsPeer
		}
		if err := g.item(o); err != nil {
			return "", err
		}
	}
	b, err := json.MarshalIndent(policy{"2012-10-17", g.statements()}, "", "  ")
	return string(b) + "\n", err
}

// holders returns the interfaces that hold addresses which are not here: who
// has them now is the peer.
func holders(ctx context.Context, api *ec2.Client, observed []cloud.Observed) ([]types.NetworkInterface, error) {
	var ids []string
	for _, o := range observed {
		if o.Owner == cloud.Other && o.Item.Kind != cloud.Route {
			id, _, _ := strings.Cut(o.Holder, "/")
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return describeInterfaces(ctx, api, filter("network-interface-id", ids...))
}

// grants gathers what the items need.
type grants struct {
	self  identity
	peers []types.NetworkInterface

	vip4, vip6, eip, replace, create []string // resources
}

func (g *grants) item(o cloud.Observed) error {
	nic, err := g.self.node.NICFor(o.Item)
	if err != nil {
		return err
	}
	both := []string{g.self.arn("network-interface/" + nic.ID)}
	instances := []string{g.self.arn("instance/" + g.self.node.ID)}
	for _, eni := range g.peers {
		if awssdk.ToString(eni.SubnetId) == nic.Subnet || o.Item.Kind == cloud.PublicIP {
			both = append(both, g.self.arn("network-interface/"+awssdk.ToString(eni.NetworkInterfaceId)))
		}
		if id := instanceOf(eni); id != "" {
			instances = append(instances, g.self.arn("instance/"+id))
		}
	}
	switch o.Item.Kind {
	case cloud.VIP4:
		g.vip4 = append(g.vip4, both...)
	case cloud.VIP6:
		g.vip6 = append(g.vip6, both...)
	case cloud.PublicIP:
		raw, ok := o.Raw.(publicRaw)
		if !ok {
			return o.Err
		}
		g.eip = append(append(append(g.eip, g.self.arn("elastic-ip/"+raw.allocation)), both...), instances...)
	case cloud.Route:
		raw, ok := o.Raw.(routeRaw)
		if !ok {
			return o.Err
		}
		arn := g.self.arn("route-table/" + raw.table)
		g.replace = append(g.replace, arn)
		if o.Item.Create {
			g.create = append(g.create, arn)
		}
	}
	return nil
}

func (g *grants) statements() []statement {
	out := []statement{{
		Sid: "Read", Effect: "Allow", Resource: []string{"*"},
		Action:    []string{"ec2:DescribeAddresses", "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables"},
		Condition: map[string]map[string]string{"StringEquals": {"aws:RequestedRegion": g.self.node.Region}},
	}}
	for _, s := range []statement{
		{Sid: "Vip", Action: []string{"ec2:AssignPrivateIpAddresses"}, Resource: g.vip4},
		{Sid: "Vip6", Action: []string{"ec2:AssignIpv6Addresses", "ec2:UnassignIpv6Addresses"}, Resource: g.vip6},
		{Sid: "Eip", Action: []string{"ec2:AssociateAddress"}, Resource: g.eip},
		{Sid: "Routes", Action: []string{"ec2:ReplaceRoute"}, Resource: g.replace},
		{Sid: "NewRoutes", Action: []string{"ec2:CreateRoute"}, Resource: g.create},
	} {
		if len(s.Resource) == 0 {
			continue
		}
		s.Effect = "Allow"
		slices.Sort(s.Resource)
		s.Resource = slices.Compact(s.Resource)
		out = append(out, s)
	}
	return out
}
