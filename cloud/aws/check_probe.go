// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws

import (
	"context"
	"errors"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/govrrp/vrrpd/cloud"
)

// probeFence lets probes through: they are writes only by name.
type probeFence struct{}

// Allowed implements [cloud.Fence].
func (probeFence) Allowed() error { return nil }

// probe finds out whether a write would be permitted, by one that EC2 must
// refuse after it has authorised it. An address that nobody holds, or this
// node, is never probed: there the write could succeed.
func (c *checker) probe(ctx context.Context, nic cloud.NIC, o cloud.Observed) {
	ctx = cloud.WithFence(ctx, probeFence{})
	key := o.Item.Key()
	switch o.Item.Kind {
	case cloud.VIP4:
		if o.Owner != cloud.Other {
			c.add(cloud.SeverityOK, "permission", key, "not probed: it can be done from the other node only")
			return
		}
		_, err := c.api.AssignPrivateIpAddresses(ctx, &ec2.AssignPrivateIpAddressesInput{
			NetworkInterfaceId: awssdk.String(nic.ID), PrivateIpAddresses: []string{o.Item.Addr.String()},
			AllowReassignment: awssdk.Bool(false),
		})
		c.probed(key, "AssignPrivateIpAddresses", c.self.arn("network-interface/"+nic.ID), err)
	case cloud.VIP6:
		if o.Owner != cloud.Other {
			c.add(cloud.SeverityOK, "permission", key, "not probed: it can be done from the other node only")
			return
		}
		_, err := c.api.AssignIpv6Addresses(ctx, &ec2.AssignIpv6AddressesInput{
			NetworkInterfaceId: awssdk.String(nic.ID), Ipv6Addresses: []string{o.Item.Addr.String()},
		})
		c.probed(key, "AssignIpv6Addresses", c.self.arn("network-interface/"+nic.ID), err)
		// From this node's own interface, which does not have it.
		_, err = c.api.UnassignIpv6Addresses(ctx, &ec2.UnassignIpv6AddressesInput{
			NetworkInterfaceId: awssdk.String(nic.ID), Ipv6Addresses: []string{o.Item.Addr.String()},
		})
		c.probed(key, "UnassignIpv6Addresses", c.self.arn("network-interface/"+nic.ID), err)
	case cloud.PublicIP:
		raw, ok := o.Raw.(publicRaw)
		if !ok {
			return
		}
		in := associateInput(write{nic: raw.nic, addr: raw.target, allocation: raw.allocation})
		in.DryRun = awssdk.Bool(true)
		_, err := c.api.AssociateAddress(ctx, in)
		c.probed(key, "AssociateAddress", c.self.arn("elastic-ip/"+raw.allocation), err)
	case cloud.Route:
		c.probeRoute(ctx, key, nic, o)
	}
}

func (c *checker) probeRoute(ctx context.Context, key string, nic cloud.NIC, o cloud.Observed) {
	raw, ok := o.Raw.(routeRaw)
	if !ok {
		return
	}
	w := write{nic: nic.ID, table: raw.table}
	arn := c.self.arn("route-table/" + raw.table)
	replace := replaceInput(o.Item, w)
	replace.DryRun = awssdk.Bool(true)
	_, err := c.api.ReplaceRoute(ctx, replace)
	c.probed(key, "ReplaceRoute", arn, err)
	if !o.Item.Create {
		return
	}
	create := createInput(o.Item, w)
	create.DryRun = awssdk.Bool(true)
	_, err = c.api.CreateRoute(ctx, create)
	c.probed(key, "CreateRoute", arn, err)
}

// probed interprets the refusal of a probe. Everything that EC2 says about the
// request itself, it says to those who may send it.
func (c *checker) probed(key, op, arn string, err error) {
	permission := "ec2:" + op
	if err == nil {
		c.add(cloud.SeverityFail, "permission", key, "the probe of %s was to be refused, and was carried out", op)
		return
	}
	err = classified(op, err)
	var e *cloud.Error
	if !errors.As(err, &e) {
		c.add(cloud.SeverityWarn, "permission", key, "the probe of %s was not answered: %v", op, err)
		return
	}
	switch {
	case e.Class == cloud.ClassDenied:
		f := c.add(cloud.SeverityFail, "permission", key, "%v", err)
		f.Permission, f.Fix = permission, c.self.allow(permission, arn)
	case e.Code == "DryRunOperation", e.Class == cloud.ClassOccupied,
		e.Class == cloud.ClassConflict && op == "UnassignIpv6Addresses":
		c.add(cloud.SeverityOK, "permission", key, "%s is permitted", permission)
	default:
		c.add(cloud.SeverityWarn, "permission", key, "the probe of %s was not conclusive: %v", op, err)
	}
}
