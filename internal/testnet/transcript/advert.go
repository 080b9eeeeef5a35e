// SPDX-License-Identifier: Apache-2.0

package transcript

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/cockroachdb/datadriven"

	"github.com/govrrp/vrrpd/vrrp"
)

// Datagram makes the packet that a neighbour of a router with configuration c
// sends: from=ADDR, priority=N, and where the neighbour differs from c:
// vrid=, version=, interval=, vip=, pass=, ttl=, to=.
func Datagram(c vrrp.Config, args []datadriven.CmdArg) (vrrp.Datagram, error) {
	d := vrrp.Datagram{TTL: vrrp.TTL, Destination: vrrp.GroupIPv4}
	if c.ID.Family == vrrp.IPv6 {
		d.Destination = vrrp.GroupIPv6
	}
	if c.Unicast() {
		d.Destination = c.Source
	}
	c, rest, err := Config(c, args)
	if err != nil {
		return d, err
	}
	for _, arg := range rest {
		switch arg.Key {
		case "from":
			d.Source, err = netip.ParseAddr(arg.Vals[0])
		case "to":
			d.Destination, err = netip.ParseAddr(arg.Vals[0])
		case "ttl":
			d.TTL, err = strconv.Atoi(arg.Vals[0])
		default:
			err = fmt.Errorf("unknown word %q", arg.Key)
		}
		if err != nil {
			return d, err
		}
	}
	a := vrrp.Advertisement{
		Version: c.Version, Family: c.ID.Family, VRID: c.ID.VRID, Priority: c.Priority, Interval: c.Interval,
		Addresses: vrrp.MakeAddressList(c.ID.Family, c.Addresses), AuthType: c.AuthType, AuthData: c.Password,
	}
	d.Payload = a.AppendTo(nil, d.Source, d.Destination, vrrp.ChecksumPseudo)
	return d, nil
}
