// SPDX-License-Identifier: Apache-2.0

// Package oci is a fake of Oracle Cloud Infrastructure for tests: the instance
// metadata service, the federation service that turns instance certificates
// into tokens, and the part of the core services API that moves addresses. It
// speaks the wire format that the vendor's SDK expects and verifies its
// signatures with a library that is not the vendor's.
//
//	c := oci.Start(t)
//	sub := c.AddSubnet("10.0.0.0/24", "")
//	a := c.AddInstance("a")
//	v := a.AddVNIC(sub, "10.0.0.2", "02:00:00:00:00:0a")
//	c.AddPrivateIP(v, "10.0.0.4")
//	// metadata: a.MetadataURL(); API and federation: c.URL
//
// Authorisation comes before version checks, as a refusal must not tell an
// outsider whether an etag is current. Every request is recorded, and faults
// are scripted by operation, with [fakecloud.Core].
package oci
