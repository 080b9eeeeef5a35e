// SPDX-License-Identifier: Apache-2.0

package cloudlab

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/govrrp/vrrpd/internal/fakecloud/azure"
)

func azureMAC(a netip.Addr) string {
	b := a.As4()
	return net.HardwareAddr{0, 0x0d, 0x3a, b[1], b[2], b[3]}.String()
}

// azurePair is two machines with three interfaces each, in a cloud that says
// yes at once and takes its time to do it.
func azurePair(addrs [2][3]string, declared azure.Declared, owns func(c *azure.Cloud, number int) bool) (*vendor, *azure.Cloud, [2]*azure.Node) {
	c := azure.New()
	c.URL, c.Takes, c.RetryAfter = fakeURL, 300*time.Millisecond, "1"
	v := &vendor{provider: "azure", throttle: refusals(&c.Core, http.StatusTooManyRequests, "TooManyRequests")}
	var nodes [2]*azure.Node
	for number := range addrs {
		nodes[number] = c.AddNode(fmt.Sprintf("vr%d", number+1), addrs[number][:]...)
		v.machines[number] = machine{
			api: c, metadata: nodes[number].MetadataURL(), isMeta: isIMDS,
			owns: func() bool { return owns(c, number) },
		}
	}
	v.foreign = func() string { return c.Fingerprint(declared) }
	return v, c, nodes
}

// azureVIPs moves an address on each of three interfaces: a write that takes
// it off one, and then a write that puts it on the other.
func azureVIPs(addrs [2][3]string) *vendor {
	claim, flags, vips := vipClaim()
	v, _, nodes := azurePair(addrs, azure.Declared{Addresses: vips}, func(c *azure.Cloud, number int) bool {
		for i, vip := range vips {
			nics, _ := c.Holder(vip)
			if !slices.Equal(nics, []string{fmt.Sprintf("vr%d-nic%d", number+1, i)}) {
				return false
			}
		}
		return true
	})
	for i, vip := range vips {
		nodes[0].AddAddress(i, "vip", vip, "")
	}
	v.claim, v.flags = claim, flags
	return v
}

// azureRoutes points three routes in two tables at the MASTER, beside others.
func azureRoutes(addrs [2][3]string) *vendor {
	declared := azure.Declared{}
	pairs := map[string][]string{}
	for _, r := range routes {
		declared.Routes = append(declared.Routes, r.dest)
		pairs[r.table] = append(pairs[r.table], r.dest, addrs[0][0])
	}
	v, c, _ := azurePair(addrs, declared, func(c *azure.Cloud, number int) bool {
		for _, r := range routes {
			if c.NextHop(r.table, r.dest) != addrs[number][0] {
				return false
			}
		}
		return true
	})
	for table, p := range pairs {
		c.AddTable(table, map[string]any{"owner": "net"}, append(p, "10.60.0.0/16", "10.0.0.77")...)
	}
	v.claim, v.flags = routeClaim()
	return v
}
