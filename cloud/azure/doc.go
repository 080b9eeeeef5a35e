// SPDX-License-Identifier: Apache-2.0

// Package azure moves routes and addresses between virtual machines of
// Microsoft Azure. It implements [cloud.Provider] over the vendor's SDK:
//
//	item        moved by                                              read by
//	Route       PUT of the route, or of its table if several change   GET of the table
//	VIP4, VIP6  PUT of the holder's interface without the address,    GET of the interfaces
//	            then PUT of the own interface with it
//	PublicIP    goes along with its private address; else two PUTs    list of public addresses
//
// Prefer routes, or a load balancer whose health probe is answered by [Probe]:
// Azure takes minutes to move an address between interfaces.
//
// Every write carries the version that was read (If-Match). A PUT replaces the
// whole resource, and what it does not mention is reset, so the JSON that was
// read is sent back byte for byte except for the members that must change. The
// SDK's own models would lose what they do not know.
//
// Azure carries writes out after it has accepted them. Apply then reports
// Pending; Observe polls the operation, one look per call, and reports the item
// as busy until it has ended. A resource is never written while an earlier
// write of this provider to it is under way.
//
// The node is found through the instance metadata service: it knows the
// virtual machine, which knows its interfaces, which are matched by MAC.
// A route table is named by its resource id, as "group/name", or by its name in
// the resource group of the node.
//
//	p, err := azure.New(azure.Options{})
//	if err != nil { … }
//	claim, err := cloud.New(cloud.Config{Name: "wan", Provider: p, Items: items})
//
// The SDK needs 2 GB of memory to compile. Built with the tag noazure, New
// returns [ErrNotBuilt]; [Probe] needs no SDK and is always there.
package azure
