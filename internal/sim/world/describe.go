// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"
	"net/netip"

	"github.com/govrrp/vrrpd/vrrp"
)

// describe puts a packet into words.
func describe(src, dst netip.Addr, payload []byte) string {
	a, err := vrrp.Parse(vrrp.Datagram{Source: src, Destination: dst, TTL: vrrp.TTL, Payload: payload})
	if err != nil {
		return fmt.Sprintf("%v > %v: %v, %d bytes", src, dst, err, len(payload))
	}
	if a.Priority == vrrp.PriorityResign {
		return fmt.Sprintf("%v > %v: VRRPv%d, vrid %d, resigns", src, dst, a.Version, a.VRID)
	}
	return fmt.Sprintf("%v > %v: VRRPv%d, vrid %d, priority %d, every %v", src, dst, a.Version, a.VRID, a.Priority, a.Interval)
}
