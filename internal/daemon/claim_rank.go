// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/vrrp"
)

// ranks adds to what an instance or group has become how it compares with the
// MASTER it heard before, should both write to the cloud.
func (c *claims) ranks(who notify.Subject, priority uint8, before vrrp.MasterInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.told[who]
	t.wanted.Self = cloud.Rank{Priority: priority}
	t.wanted.Peer = cloud.Rank{Addr: before.Address, Priority: before.Priority}
	c.told[who] = t
}

// outranks tells the claims of a router that is MASTER at this priority that it
// has heard a lower one. Those that gave way while the two could not hear each
// other go on: the other one is BACKUP now. It runs on the loop's goroutine.
func (c *claims) outranks(id vrrp.ID, peer netip.Addr, priority uint8) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, who := range c.routers[id] {
		wanted := c.told[who].wanted
		wanted.Self, wanted.Peer = cloud.Rank{Priority: priority}, cloud.Rank{Addr: peer}
		for key, run := range c.runs {
			if key.who == who && wanted.Master && run.claim.Status().State == cloud.StateYielded {
				run.claim.SetWanted(wanted)
			}
		}
	}
}
