// SPDX-License-Identifier: Apache-2.0

// Package oci is the [cloud.Provider] for Oracle Cloud Infrastructure.
//
// Users type addresses; every OCID is found out: the metadata service tells
// this instance's VNICs, the API their subnets, and (subnet, address) leads to
// the private IP object. One UpdatePrivateIp moves an address, and with it the
// reserved public IP on it and every route rule that targets it: prefer route
// rules whose target is the virtual address, and this node then writes nothing
// else. Each write is conditioned with if-match on the etag that was read, so
// a late write of an old master is refused by the cloud itself.
//
// Nothing is ever deleted, created or unassigned: an address that was
// unassigned black-holes the route rules that point at it, and a new object
// has a new OCID. An address whose object does not exist is reported.
//
// The vendor's SDK signs, encodes and decodes. Its retries, sleeps and circuit
// breakers are off. Credentials are the instance's own (instance principal,
// renewed in the background) or a profile of ~/.oci/config.
//
//	p, err := oci.New(oci.Options{})
//	claim, err := cloud.New(cloud.Config{Name: "wan", Provider: p, Items: items})
//
// The build tag nooci leaves the SDK out; New then returns [ErrNotBuilt].
package oci
