// SPDX-License-Identifier: Apache-2.0

package syncgroup_test

import (
	"fmt"

	"github.com/govrrp/vrrpd/syncgroup"
	"github.com/govrrp/vrrpd/vrrp"
)

// A group becomes MASTER when the last member claims, and leaves with the first
// that is unable.
func Example() {
	inside := vrrp.ID{Interface: "eth0", VRID: 1, Family: vrrp.IPv4}
	outside := vrrp.ID{Interface: "eth1", VRID: 2, Family: vrrp.IPv4}
	g := syncgroup.New(inside, outside)
	cast := func(id vrrp.ID, v vrrp.Vote) {
		verdict, changed := g.Cast(id, v)
		fmt.Println(id.Interface, v, "->", verdict, changed)
	}
	cast(inside, vrrp.VoteYield)
	cast(outside, vrrp.VoteYield)
	cast(inside, vrrp.VoteClaim)
	cast(outside, vrrp.VoteClaim)
	cast(outside, vrrp.VoteUnable)

	// Output:
	// eth0 yield -> BACKUP false
	// eth1 yield -> BACKUP false
	// eth0 claim -> BACKUP false
	// eth1 claim -> MASTER true
	// eth1 unable -> FAULT true
}
