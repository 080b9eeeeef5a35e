// SPDX-License-Identifier: Apache-2.0

// Package demo is the newcomer's first minute: two routers and a client on
// this machine, in network namespaces of their own, and a MASTER that is
// killed and comes back before the reader's eyes.
//
// The process that the user started ([Run]) starts itself again in new
// namespaces ([Lab]); that one is the client and the segment, and starts two
// routers in namespaces of their own ([Router]). When the first process ends,
// everything else does: nothing stays behind.
package demo
