// SPDX-License-Identifier: Apache-2.0

// Package interop proves vrrpd on real networks: pairs of daemons (vrrpd,
// keepalived, FRR) in network namespaces, with real sockets, addresses and
// clients. It has tests only.
package interop
