// SPDX-License-Identifier: Apache-2.0

// Package transport is the HTTP client under the vendors' SDKs. The SDKs sign
// and encode; what reaches the network, and when, is decided here:
//
//   - a request that changes something is sent only through the fence that
//     [cloud.WithFence] put into its context, which is asked once more when the
//     body is about to leave;
//   - requests wait for the [cloud.Limiter] of their context;
//   - connecting, and the whole exchange, have deadlines; nothing is retried
//     and no redirect is followed;
//   - connections leave from the address given (the node's own, never a
//     virtual one), names that once resolved survive a dead resolver, and a
//     proxy is never used for metadata services;
//   - plain http goes to this machine and to metadata services only.
//
// Providers build one client with [New] and hand it to their SDK.
package transport
