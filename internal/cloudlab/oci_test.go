// SPDX-License-Identifier: Apache-2.0

package cloudlab

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/govrrp/vrrpd/internal/fakecloud"
	"github.com/govrrp/vrrpd/internal/fakecloud/oci"
)

// vipClaim claims the VIP of each subnet.
func vipClaim() (conf string, flags [][]string, vips []string) {
	for _, n := range subnets {
		vips = append(vips, n.vip)
		flags = append(flags, []string{"--ip", n.vip})
	}
	return "vips {\n" + strings.Join(vips, "\n") + "\n}", flags, vips
}

// ociVIPs is the layout of Oracle's own article: three VNICs, a secondary
// private IP on each.
func ociVIPs(addrs [2][3]string) *vendor {
	c := oci.New()
	c.URL = fakeURL
	var nets, vips [3]string
	var vnics [2][3]string
	for i, n := range subnets {
		nets[i] = c.AddSubnet(n.prefix+"0/24", "")
	}
	v := &vendor{provider: "oci", throttle: refusals(&c.Core, http.StatusTooManyRequests, "TooManyRequests")}
	v.claim, v.flags, _ = vipClaim()
	for number := range addrs {
		in := c.AddInstance(fmt.Sprintf("VR%d", number+1))
		for i, a := range addrs[number] {
			vnics[number][i] = in.AddVNIC(nets[i], a, localMAC(netip.MustParseAddr(a)))
		}
		v.machines[number] = machine{
			api: c, metadata: in.MetadataURL(), isMeta: isIMDS,
			env: []string{"OCI_SDK_AUTH_CLIENT_REGION_URL=" + fakeURL},
			owns: func() bool {
				for i, vip := range vips {
					if c.Holder(vip) != vnics[number][i] {
						return false
					}
				}
				return true
			},
		}
	}
	for i, n := range subnets {
		vips[i] = c.AddPrivateIP(vnics[0][i], n.vip)
	}
	v.foreign = func() string {
		// Nothing but moves of the VIPs, and those only upon a version.
		var wrong []string
		for _, call := range c.Calls() {
			if call.Mutates && (call.Method != http.MethodPut || !slices.Contains(vips[:], call.Resource)) {
				wrong = append(wrong, call.Method+" "+call.Path)
			}
		}
		return strings.Join(wrong, "\n")
	}
	return v
}

func isIMDS(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/imds/") }

// refusals returns what switches a vendor's answer for "too many requests" on
// and off.
func refusals(c *fakecloud.Core, status int, code string) func(bool) {
	return func(on bool) {
		if !on {
			c.SetScript(nil)
			return
		}
		c.SetScript(func(op string, _ int) fakecloud.Fault {
			switch op {
			case "metadata", "x509", "instance", "token":
				return fakecloud.Fault{}
			}
			return fakecloud.Fault{Status: status, Code: code, RetryAfter: "1"}
		})
	}
}
