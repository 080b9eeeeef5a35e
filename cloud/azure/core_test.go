// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/internal/cloudtest"
	"github.com/govrrp/vrrpd/internal/fakecloud"
)

// coreWorld shows a lab to the core scenarios.
func coreWorld(l *lab) cloudtest.World {
	of := map[*cloudtest.Machine]*node{l.a.Machine: l.a, l.b.Machine: l.b}
	return cloudtest.World{
		A: l.a.Machine, B: l.b.Machine,
		Holds: func(m *cloudtest.Machine, items ...cloud.Item) { l.holds(of[m], items...) },
		Writes: func(m *cloudtest.Machine) int {
			return l.w.Count(func(c fakecloud.Call) bool { return c.Mutates && c.Principal == of[m].Node.Name })
		},
		Trouble: func(script cloudtest.Script) {
			l.w.SetScript(func(op string, _ int) fakecloud.Fault {
				if op == "token" || op == "instance" {
					return fakecloud.Fault{}
				}
				return [...]fakecloud.Fault{
					cloudtest.NoTrouble: {}, cloudtest.LostRequest: {Reset: true}, cloudtest.LostReply: {DropReply: true},
					cloudtest.Slow:      {Delay: 500 * time.Millisecond},
					cloudtest.Throttled: {Status: http.StatusTooManyRequests, Code: "SubscriptionRequestsThrottled", RetryAfter: "2"},
					cloudtest.Broken:    {Status: http.StatusInternalServerError, Code: "InternalServerError"},
				}[script.Next(strings.HasPrefix(op, "PUT "))]
			})
		},
	}
}

func TestCore(t *testing.T) {
	cloudtest.Core(t, cloudtest.Lab{
		Items: []cloud.Item{vip1, vip2, rt1, rt2}, Writes: 4, Long: 15 * time.Second, // one detach and one attach for all addresses
		In: func(t *testing.T, items []cloud.Item, f func(cloudtest.World)) {
			inLab(t, items, func(l *lab) { f(coreWorld(l)) })
		},
	})
}
