// SPDX-License-Identifier: Apache-2.0

// Package cloud keeps the wanted ownership of cloud addresses and routes.
//
// On a LAN a new MASTER announces its addresses and the switches follow. A
// cloud fabric follows nobody: it delivers an address to the network interface
// its control plane names, and that must be changed through an API which may
// be slow, throttled, or out of reach, and which sometimes loses the reply to
// a write that was carried out. A claim is therefore not a script that runs at
// the transition but a wanted state that is reconciled for as long as the node
// is MASTER:
//
//	observe → plan (pure) → apply one mutation per step → observe again
//
// Four rules hold everywhere in the package.
//
//   - Ownership has four values: self, other, none and unknown. An API error is
//     unknown; it is never "not mine", and it never demotes a MASTER.
//   - Truth comes from reads. The reply to a write is evidence for the audit
//     log and for pacing, never for ownership.
//   - Every write is fenced: it needs the current generation, the MASTER state,
//     a fresh sign of life from the VRRP loop, and a guard that has passed. The
//     fence is consulted immediately before bytes leave the machine.
//   - Nothing is released on demotion. The next owner overwrites.
//
// The package has no cloud in it. A vendor is a [Provider]; cloud/oci,
// cloud/aws and cloud/azure are the real ones and cloud/memory is one for
// tests and examples. Importing this package pulls in no vendor SDK.
//
// The smallest use:
//
//	c, err := cloud.New(cloud.Config{
//		Name:     "wan",
//		Provider: provider,
//		Items:    []cloud.Item{cloud.VIP(netip.MustParseAddr("10.0.0.4"))},
//	})
//	if err != nil { … }
//	go c.Run(ctx)
//	c.SetWanted(cloud.Wanted{Master: true, Cause: cloud.CausePriorityZero})
//
// Who may call: the methods of [Claim] are safe for concurrent use, return
// without waiting for the network, and may be called from the VRRP loop.
// A [Provider] is called by its claim only.
package cloud
