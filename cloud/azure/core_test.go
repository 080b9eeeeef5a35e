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
type coreWorld struct{ *lab }

func (w coreWorld) Machines() (a, b *cloudtest.Machine) { return w.a.Machine, w.b.Machine }

func (w coreWorld) node(m *cloudtest.Machine) *node {
	if m == w.a.Machine {
		return w.a
	}
	return w.b
}

func (w coreWorld) Holds(m *cloudtest.Machine, items ...cloud.Item) {
	w.t.Helper()
	w.holds(w.node(m), items...)
}

func (w coreWorld) Writes(m *cloudtest.Machine) int {
	who := w.node(m).Node.Name
	return w.w.Count(func(c fakecloud.Call) bool { return c.Mutates && c.Principal == who })
}

func (w coreWorld) Trouble(writes, reads func() cloudtest.Trouble) {
	w.w.SetScript(func(op string, _ int) fakecloud.Fault {
		script := reads
		if strings.HasPrefix(op, "PUT ") {
			script = writes
		}
		if script == nil || op == "token" || op == "instance" {
			return fakecloud.Fault{}
		}
		return [...]fakecloud.Fault{
			cloudtest.NoTrouble: {}, cloudtest.LostRequest: {Reset: true}, cloudtest.LostReply: {DropReply: true},
			cloudtest.Slow:      {Delay: 500 * time.Millisecond},
			cloudtest.Throttled: {Status: http.StatusTooManyRequests, Code: "SubscriptionRequestsThrottled", RetryAfter: "2"},
			cloudtest.Broken:    {Status: http.StatusInternalServerError, Code: "InternalServerError"},
		}[script()]
	})
}

func TestCore(t *testing.T) {
	cloudtest.Core(t, cloudtest.Lab{
		Items: []cloud.Item{vip1, vip2, rt1, rt2}, Writes: 4, Long: 15 * time.Second, // one detach and one attach for all addresses
		In: func(t *testing.T, items []cloud.Item, f func(cloudtest.World)) {
			inLab(t, items, func(l *lab) { f(coreWorld{l}) })
		},
	})
}
