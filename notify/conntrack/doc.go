// SPDX-License-Identifier: Apache-2.0

// Package conntrack lets established connections survive a failover, with
// conntrackd.
//
// conntrackd copies the kernel's connection tracking entries between two routers, but
// somebody must tell it which of them forwards. [New] returns a [notify.Target] that
// does, with the steps of conntrackd's own primary-backup arrangement:
//
//	MASTER      -c     commit the entries learnt from the peer to the kernel
//	            -c exp the same for expectations, if configured
//	            -f     forget both caches
//	            -R     read the kernel's table again
//	            -B     send all of it to the peer
//	BACKUP      -s     alive? if not: remove the stale lock file, start it
//	            -t     let entries of the kernel expire soon
//	            -n     ask the peer for all of its entries
//	otherwise   -t
//
// Every step is bounded (5 seconds by default) and its failure is reported without
// stopping the ones after it: a failover is never worse for having tried. Entries must be
// there when packets arrive: call [Target.Commit] before the addresses come and set
// [Config.Early]; if that cannot be, put the target before all others of its lane. Give its
// hook Yields. Tie it to a sync-group when there is one,
// so that it runs once for all its members:
//
//	target := conntrack.New(conntrack.Config{})
//	lane := notify.Lane{
//		Name:    "conntrack",
//		Subject: notify.Subject{Kind: notify.Group, Name: "VG_1"},
//		Hooks:   []notify.Hook{{Target: target, Yields: true}},
//	}
//
// Entries help only when the address that connections are translated to moves too.
package conntrack
