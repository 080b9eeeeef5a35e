// SPDX-License-Identifier: Apache-2.0

// Package cloudlab proves cloud claims end to end: real daemons in network
// namespaces, a real vendor SDK, and a fake of the vendor's cloud. It has tests
// only.
package cloudlab
