// SPDX-License-Identifier: Apache-2.0

// Package require decides whether a test can run on this machine.
//
// Some tests need network namespaces, some need root, some need another
// program (keepalived, FRR, strongSwan). Where the machine cannot offer that, the
// test is skipped with the reason. A skip is only honest while somebody notices
// it, so the environment variable VRRPD_REQUIRE, a comma separated list of
// capabilities ("netns", "root", "peers"), turns the skip into a failure.
// Continuous integration sets VRRPD_REQUIRE=netns,peers.
//
//	func TestTakeover(t *testing.T) {
//		require.Need(t, require.NetNS)
//		keepalived := require.Peer(t, "keepalived")
//		…
//	}
//
// Only tests may import this package. All functions must be called from the
// goroutine that runs the test.
package require
