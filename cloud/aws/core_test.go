// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/internal/cloudtest"
	fake "github.com/govrrp/vrrpd/internal/fakecloud/aws"
)

// coreWorld shows a lab to the core scenarios.
func coreWorld(l *lab) cloudtest.World {
	of := map[*cloudtest.Machine]*node{l.a.Machine: l.a, l.b.Machine: l.b}
	return cloudtest.World{
		A: l.a.Machine, B: l.b.Machine,
		Holds:  func(m *cloudtest.Machine, items ...cloud.Item) { l.holds(of[m], items...) },
		Writes: func(m *cloudtest.Machine) int { return len(l.w.Writes(of[m].Node.Name)) },
		Trouble: func(script cloudtest.Script) {
			l.w.SetFault(func(r fake.Request) fake.Fault {
				if r.Service != "ec2" {
					return fake.Fault{}
				}
				return [...]fake.Fault{
					cloudtest.NoTrouble: {}, cloudtest.LostRequest: {Reset: true}, cloudtest.LostReply: {DropReply: true},
					cloudtest.Slow:      {Delay: 500 * time.Millisecond},
					cloudtest.Throttled: {Status: http.StatusServiceUnavailable, Code: "RequestLimitExceeded", Message: "Request limit exceeded."},
					cloudtest.Broken:    {Status: http.StatusInternalServerError, Code: "InternalError", Message: "An internal error has occurred"},
				}[script.Next(r.Mutates())]
			})
		},
	}
}

func TestCore(t *testing.T) {
	cloudtest.Core(t, cloudtest.Lab{
		Items: []cloud.Item{vip1, vip6, rt1, rt2}, Writes: 5, Long: 2 * time.Second, // an IPv6 address moves in two steps
		In: func(t *testing.T, items []cloud.Item, f func(cloudtest.World)) {
			inLab(t, items, func(l *lab) { f(coreWorld(l)) })
		},
	})
}
