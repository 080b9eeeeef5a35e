// SPDX-License-Identifier: Apache-2.0

package cloudlab

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/internal/fakecloud/aws"
)

// metadataLag is how much later than the API the instance itself learns that
// an address is there.
const metadataLag = 300 * time.Millisecond

// awsPair is two instances with three interfaces each.
func awsPair(addrs [2][3]string, declared aws.Declared, owns func(w *aws.World, number int) bool) (*vendor, *aws.World, [2]*aws.Node) {
	w := aws.New()
	w.MetadataLag = metadataLag
	v := &vendor{provider: "aws"}
	var nodes [2]*aws.Node
	for number := range addrs {
		n := w.AddNode(fmt.Sprintf("vr%d-", number+1), addrs[number][:]...)
		api, meta := w.EC2(), n.Metadata()
		v.machines[number] = machine{
			api: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if isLatest(r) {
					meta.ServeHTTP(rw, r)
					return
				}
				api.ServeHTTP(rw, r)
			}),
			metadata: fakeURL, isMeta: isLatest,
			owns: func() bool { return owns(w, number) },
		}
		nodes[number] = n
	}
	v.foreign = func() string {
		return w.Fingerprint(declared) + "\n" + strings.Join(w.Violations(declared), "\n")
	}
	v.throttle = func(on bool) {
		if !on {
			w.SetFault(nil)
			return
		}
		w.SetFault(func(r aws.Request) aws.Fault {
			if r.Service != "ec2" {
				return aws.Fault{}
			}
			return aws.Fault{Status: http.StatusServiceUnavailable, Code: "RequestLimitExceeded", Message: "Request limit exceeded."}
		})
	}
	return v, w, nodes
}

func isLatest(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/latest/") }

func awsENI(number, nic int) string { return fmt.Sprintf("eni-vr%d-%d", number+1, nic) }

// awsVIPs moves a secondary private address on each of three interfaces.
func awsVIPs(addrs [2][3]string) *vendor {
	claim, flags, vips := vipClaim()
	v, w, _ := awsPair(addrs, aws.Declared{Addresses: vips}, func(w *aws.World, number int) bool {
		for i, vip := range vips {
			if w.Holder(vip) != awsENI(number, i) {
				return false
			}
		}
		return true
	})
	for i, vip := range vips {
		w.AddAddress(vip, awsENI(0, i))
	}
	v.claim, v.flags = claim, flags
	return v
}

// routes are what the route layouts claim: two tables, one of them twice.
var routes = [3]struct{ table, dest string }{
	{"rtb-private", "0.0.0.0/0"}, {"rtb-private", "10.50.0.0/16"}, {"rtb-transit", "10.50.0.0/16"},
}

func routeClaim() (conf string, flags [][]string) {
	var lines []string
	for _, r := range routes {
		lines = append(lines, r.dest+" table "+r.table)
		flags = append(flags, []string{"--route", r.table + "=" + r.dest})
	}
	return "routes {\n" + strings.Join(lines, "\n") + "\n}", flags
}

// awsRoutes points three routes in two tables at the MASTER, beside others.
func awsRoutes(addrs [2][3]string) *vendor {
	declared := aws.Declared{}
	for _, r := range routes {
		declared.Routes = append(declared.Routes, r.table+"/"+r.dest)
	}
	v, w, nodes := awsPair(addrs, declared, func(w *aws.World, number int) bool {
		for _, r := range routes {
			if w.NextHop(r.table, r.dest) != awsENI(number, 0) {
				return false
			}
		}
		return true
	})
	for _, table := range []string{"rtb-private", "rtb-transit"} {
		w.AddTable(table, table, nil)
		w.SetRoute(table, "10.60.0.0/16", "igw-1")
	}
	for _, r := range routes {
		w.SetRoute(r.table, r.dest, nodes[0].ENI())
	}
	v.claim, v.flags = routeClaim()
	return v
}
