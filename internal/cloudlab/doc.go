// SPDX-License-Identifier: Apache-2.0

// Package cloudlab proves cloud claims end to end: real daemons in network
// namespaces, the vendors' own SDKs, and fakes of their clouds, which verify
// signatures. Five layouts are failed over: secondary private addresses in OCI,
// AWS and Azure, and routes in AWS and Azure; the same again with the API dead,
// throttled, or shared by two nodes that do not hear each other. The fakes
// answer at once, Azure's carries a write out 300 ms after that: what is
// measured is vrrpd, not a vendor. It has tests only.
package cloudlab
