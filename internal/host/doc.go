// SPDX-License-Identifier: Apache-2.0

// Package host makes what this machine has follow what a router wants:
// addresses, routes, rules, virtual MAC interfaces, kernel parameters and
// filter rules. It exists on Linux only.
//
// Everything is wanted state. [Host.Apply] compares it with what the kernel
// says, adds before it removes, and touches only what the configuration names.
// [Host.Configure] takes away what an earlier run has left behind, and
// [Host.Watch] puts back what somebody else removes, and tells.
//
// Before an address goes, every route that uses it as its source gets along
// without: the kernel would take the route away too, and with a default route
// the way to repair anything.
//
//	h := host.New(host.Options{Log: log})
//	err := h.Configure(ctx, []host.Router{{ID: id, Addresses: …}})
//	err = h.Apply(ctx, id, host.Own)
//
// A router with a virtual MAC address has a private macvlan that is up while
// it owns its addresses and down otherwise: nothing a kernel might want to say
// can leave with the virtual MAC address of a BACKUP.
//
// Only package linux imports it. Methods may be called at the same time.
package host
