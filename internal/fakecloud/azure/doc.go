// SPDX-License-Identifier: Apache-2.0

// Package azure is a fake of Azure Resource Manager and of the instance
// metadata service, on the real wire format, for tests. It checks tokens and
// roles before versions, replaces whole resources on PUT as the vendor does (what
// the body does not mention is gone), carries writes out after it has accepted
// them, and refuses or supersedes a write to a resource that is being written.
//
//	c := azure.New()
//	a := c.AddNode("a", "10.0.0.2")
//	c.AddTable("rt1", "10.50.0.0/16", "10.0.0.2")
//	p, err := azurecloud.New(azurecloud.Options{Base: a.Transport()})
//
// Over sockets, serve the Cloud, set [Cloud.URL], and use [Node.MetadataURL].
// Faults are scripted through [fakecloud.Core]; operations are named by method
// and resource type: "PUT routeTables", "GET operations", "token", "instance".
package azure
