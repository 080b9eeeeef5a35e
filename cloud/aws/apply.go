// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws

import (
	"context"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go/middleware"

	"github.com/govrrp/vrrpd/cloud"
)

// Apply implements [cloud.Provider]. The fence is consulted by the transport,
// after signing and again before the body.
func (p *Provider) Apply(ctx context.Context, fence cloud.Fence, step cloud.Step) cloud.Outcome {
	w, ok := step.Data.(write)
	if !ok || len(step.Items) == 0 {
		return cloud.Failed(invalid(step.Op, "step of another provider"))
	}
	api, _, err := p.client(step.Op)
	if err != nil {
		return cloud.Failed(err)
	}
	md, err := send(cloud.WithFence(ctx, fence), api, step.Op, step.Items[0], w)
	if err != nil {
		return cloud.Failed(classified(step.Op, err))
	}
	out := cloud.Outcome{Class: cloud.ClassDone, Status: 200}
	out.RequestID, _ = awsmiddleware.GetRequestIDMetadata(md)
	if step.Op == "AssignPrivateIpAddresses" || step.Op == "AssignIpv6Addresses" {
		out.Class = cloud.ClassPending
	}
	return out
}

// send makes the one request of a step.
func send(ctx context.Context, api *ec2.Client, op string, it cloud.Item, w write) (md middleware.Metadata, err error) {
	nic, addr := awssdk.String(w.nic), w.addr.String()
	switch op {
	case "AssignPrivateIpAddresses":
		var out *ec2.AssignPrivateIpAddressesOutput
		out, err = api.AssignPrivateIpAddresses(ctx, &ec2.AssignPrivateIpAddressesInput{
			NetworkInterfaceId: nic, PrivateIpAddresses: []string{addr}, AllowReassignment: awssdk.Bool(true),
		})
		if out != nil {
			md = out.ResultMetadata
		}
	case "AssignIpv6Addresses":
		var out *ec2.AssignIpv6AddressesOutput
		out, err = api.AssignIpv6Addresses(ctx, &ec2.AssignIpv6AddressesInput{
			NetworkInterfaceId: nic, Ipv6Addresses: []string{addr},
		})
		if out != nil {
			md = out.ResultMetadata
		}
	case "UnassignIpv6Addresses":
		var out *ec2.UnassignIpv6AddressesOutput
		out, err = api.UnassignIpv6Addresses(ctx, &ec2.UnassignIpv6AddressesInput{
			NetworkInterfaceId: nic, Ipv6Addresses: []string{addr},
		})
		if out != nil {
			md = out.ResultMetadata
		}
	case "AssociateAddress":
		var out *ec2.AssociateAddressOutput
		out, err = api.AssociateAddress(ctx, associateInput(w))
		if out != nil {
			md = out.ResultMetadata
		}
	case "ReplaceRoute":
		var out *ec2.ReplaceRouteOutput
		out, err = api.ReplaceRoute(ctx, replaceInput(it, w))
		if out != nil {
			md = out.ResultMetadata
		}
	case "CreateRoute":
		var out *ec2.CreateRouteOutput
		out, err = api.CreateRoute(ctx, createInput(it, w))
		if out != nil {
			md = out.ResultMetadata
		}
	default:
		return md, invalid(op, "no such operation")
	}
	return md, err
}

// associateInput always names the private address: without it the elastic
// address lands on the interface's first one.
func associateInput(w write) *ec2.AssociateAddressInput {
	in := &ec2.AssociateAddressInput{
		AllocationId: awssdk.String(w.allocation), NetworkInterfaceId: awssdk.String(w.nic),
		AllowReassociation: awssdk.Bool(true),
	}
	if w.addr.IsValid() {
		in.PrivateIpAddress = awssdk.String(w.addr.String())
	}
	return in
}

func replaceInput(it cloud.Item, w write) *ec2.ReplaceRouteInput {
	in := &ec2.ReplaceRouteInput{RouteTableId: awssdk.String(w.table), NetworkInterfaceId: awssdk.String(w.nic)}
	in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId = destinationParams(it)
	return in
}

func createInput(it cloud.Item, w write) *ec2.CreateRouteInput {
	in := &ec2.CreateRouteInput{RouteTableId: awssdk.String(w.table), NetworkInterfaceId: awssdk.String(w.nic)}
	in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId = destinationParams(it)
	return in
}

func destinationParams(it cloud.Item) (v4, v6, list *string) {
	d := awssdk.String(it.Destination())
	switch {
	case it.PrefixList != "":
		return nil, nil, d
	case it.Dest.Addr().Is4():
		return d, nil, nil
	default:
		return nil, d, nil
	}
}
