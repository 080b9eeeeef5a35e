// SPDX-License-Identifier: Apache-2.0

// Package diag holds what the configuration reader tells its user: one [Diagnostic] per finding, with the place in the
// file, what is there, why it matters and what to write instead. It knows nothing of VRRP.
//
// A [Collector] gathers findings while a file is read, [Diagnostics.Sort] puts them in file order and [Render] prints
// them with the offending text underlined:
//
//	keepalived.conf:12:5: warning: nopreempt is cancelled by state MASTER
//	   12 |     nopreempt
//	      |     ^~~~~~~~~
//	      = why: keepalived drops nopreempt when the state is MASTER
//	      = write: state BACKUP
package diag
