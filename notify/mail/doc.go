// SPDX-License-Identifier: Apache-2.0

// Package mail sends an e-mail when a virtual router or a group changes its state.
//
// [New] returns a [notify.Target] for keepalived's smtp_alert. The subject is
//
//	[ROUTER_ID] VRRP Instance NAME - Entering MASTER state
//
// A mail is sent only when the state differs from that of the last mail about the
// same instance or group. The relay is spoken to in clear, as keepalived does, unless
// [Config.Encryption] says otherwise: it should be on this machine or on a trusted network.
// There is one attempt for each state, bounded in time; give the target a level-triggered lane of its own, so that a
// relay that hangs delays nothing but mail, and what is sent late is the truth:
//
//	target, err := mail.New(mail.Config{
//		Server: "localhost:25", From: "vrrpd@router1.example", To: []string{"noc@example"}, RouterID: "router1",
//	})
//	lane := notify.Lane{Name: "mail", Hooks: []notify.Hook{{Target: target}}}
package mail
