// SPDX-License-Identifier: Apache-2.0

// Package netns builds small real networks for tests: hosts that are network
// namespaces, joined by bridges, on which the programs under test run with
// real sockets.
//
// The test binary runs itself once more in namespaces of its own, so nothing
// of a test touches the machine and nothing is left behind, however it ends.
// As an ordinary user this works through user namespaces. A package that uses
// netns says so in its TestMain:
//
//	func TestMain(m *testing.M) { netns.Main(m) }
//
//	func TestPing(t *testing.T) {
//		require.Need(t, require.NetNS)
//		lab := netns.New(t)
//		a := lab.Host("a", netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"10.0.0.1/24"}})
//		lab.Host("b", netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"10.0.0.2/24"}})
//		a.Exec("ping", "-c1", "10.0.0.2")
//	}
//
// Commands run in a host with [Host.Exec] and [Host.Start]. Go code that must
// live inside a host is registered with [Program] and started with
// [Host.StartProgram]: it runs in a process of its own, so that "the network
// namespace of the calling process" means what it means in production.
//
// Each host has its own empty /run, so that several daemons of one kind do not
// meet through their pid files. Duplicate address detection is off in hosts, to
// save tests a second; the sysctl accept_dad turns it on again.
//
// Only tests may import this package.
package netns
