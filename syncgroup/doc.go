// SPDX-License-Identifier: Apache-2.0

// Package syncgroup folds the votes of virtual routers that must move
// together into one verdict for all of them.
//
// Members never read each other. Each votes from its own inputs alone, so
// there are no cycles: one outside event changes votes, the votes change the
// verdict, and a verdict changes no vote towards another one.
//
//	any Unable → FAULT
//	all Claim  → MASTER
//	else       → BACKUP
//
// A MASTER keeps claiming until it hears a better router, so a group that is
// MASTER stays so while nobody yields.
package syncgroup
