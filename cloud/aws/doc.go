// SPDX-License-Identifier: Apache-2.0

// Package aws moves addresses and routes between network interfaces of Amazon
// EC2. It implements [cloud.Provider] over the vendor's SDK:
//
//	item        moved by                                       read by
//	VIP4        AssignPrivateIpAddresses(AllowReassignment)    DescribeNetworkInterfaces, and the node's own metadata
//	VIP6        UnassignIpv6Addresses, then AssignIpv6Addresses  the same
//	PublicIP    AssociateAddress(AllowReassociation)           DescribeAddresses
//	Route       ReplaceRoute (CreateRoute only if Item.Create) DescribeRouteTables
//
// EC2 has no compare-and-swap, so Observed.Version is always empty and the
// reconciler re-reads. The assignment of an address takes effect some time
// after it was acknowledged: it counts as this node's own when the node's
// metadata service (local-ipv4s, ipv6s) shows it as well.
//
// The node is found through IMDSv2; version 1 is never used. A route table is
// named by its id ("rtb-…") or by its Name tag within the VPC of the node's
// primary interface. Nothing is ever described without a filter.
//
// The SDK signs, encodes and finds credentials where it always does. It does
// not retry: the reconciler decides. Requests leave through package
// cloud/transport, which holds the fence.
//
//	p, err := aws.New(ctx, aws.Options{})
//	if err != nil { … }
//	claim, err := cloud.New(cloud.Config{Name: "wan", Provider: p, Items: items})
//
// The SDK needs 3 GB of memory to compile. Built with the tag noaws, the
// package has the same API and New returns [ErrNotBuilt].
package aws
