// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/internal/cloudtest"
	"github.com/govrrp/vrrpd/cloud/memory"
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

func (w coreWorld) Writes(m *cloudtest.Machine) int { return len(w.node(m).sent()) }

func (w coreWorld) Trouble(writes, reads func() cloudtest.Trouble) {
	w.fault(func(r memory.Request) memory.Fault {
		script := reads
		if isWrite(r.Op) {
			script = writes
		}
		if script == nil {
			return memory.Fault{}
		}
		return [...]memory.Fault{
			cloudtest.NoTrouble: {}, cloudtest.LostRequest: {Lost: true}, cloudtest.LostReply: {ReplyLost: true, Lost: !isWrite(r.Op)},
			cloudtest.Slow: {Delay: 500 * time.Millisecond}, cloudtest.Throttled: {Class: cloud.ClassThrottle, Hint: 2 * time.Second},
			cloudtest.Broken: {Lost: true},
		}[script()]
	})
}

func TestCore(t *testing.T) {
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) {
			l := cloudtest.Lab{Items: all5, Writes: len(all5), Long: time.Second, In: func(t *testing.T, items []cloud.Item, f func(cloudtest.World)) {
				inLab(t, d, items, nil, func(l *lab) { f(coreWorld{l}) })
			}}
			if d&memory.TwoStep != 0 {
				l.Writes += 3 // all but the routes are detached first
			}
			cloudtest.Core(t, l)
		})
	}
}
