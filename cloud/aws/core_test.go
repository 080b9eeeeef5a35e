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

func (w coreWorld) Writes(m *cloudtest.Machine) int { return len(w.w.Writes(w.node(m).Node.Name)) }

func (w coreWorld) Trouble(writes, reads func() cloudtest.Trouble) {
	w.w.SetFault(func(r fake.Request) fake.Fault {
		script := reads
		if r.Mutates() {
			script = writes
		}
		if script == nil || r.Service != "ec2" {
			return fake.Fault{}
		}
		return [...]fake.Fault{
			cloudtest.NoTrouble: {}, cloudtest.LostRequest: {Reset: true}, cloudtest.LostReply: {DropReply: true},
			cloudtest.Slow:      {Delay: 500 * time.Millisecond},
			cloudtest.Throttled: {Status: http.StatusServiceUnavailable, Code: "RequestLimitExceeded", Message: "Request limit exceeded."},
			cloudtest.Broken:    {Status: http.StatusInternalServerError, Code: "InternalError", Message: "An internal error has occurred"},
		}[script()]
	})
}

func TestCore(t *testing.T) {
	cloudtest.Core(t, cloudtest.Lab{
		Items: []cloud.Item{vip1, vip6, rt1, rt2}, Writes: 5, Long: 2 * time.Second, // an IPv6 address moves in two steps
		In: func(t *testing.T, items []cloud.Item, f func(cloudtest.World)) {
			inLab(t, items, func(l *lab) { f(coreWorld{l}) })
		},
	})
}
