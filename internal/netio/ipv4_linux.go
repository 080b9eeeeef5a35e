// SPDX-License-Identifier: Apache-2.0

package netio

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/net/ipv4"

	"github.com/govrrp/vrrpd/vrrp"
)

// splitIPv4 takes the IPv4 header off a packet as raw sockets deliver it,
// options included. The payload refers to b.
func splitIPv4(b []byte) (d vrrp.Datagram, ok bool) {
	if len(b) < ipv4.HeaderLen || b[0]>>4 != ipv4.Version {
		return d, false
	}
	header := int(b[0]&0x0f) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if header < ipv4.HeaderLen || total < header || total > len(b) {
		return d, false
	}
	return vrrp.Datagram{
		Source:      netip.AddrFrom4([4]byte(b[12:16])),
		Destination: netip.AddrFrom4([4]byte(b[16:20])),
		TTL:         int(b[8]),
		Payload:     b[header:total],
	}, true
}
