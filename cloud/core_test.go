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
func coreWorld(l *lab) cloudtest.World {
	of := map[*cloudtest.Machine]*node{l.a.Machine: l.a, l.b.Machine: l.b}
	return cloudtest.World{
		A: l.a.Machine, B: l.b.Machine,
		Holds:  func(m *cloudtest.Machine, items ...cloud.Item) { l.holds(of[m], items...) },
		Writes: func(m *cloudtest.Machine) int { return len(of[m].sent()) },
		Trouble: func(script cloudtest.Script) {
			l.fault(func(r memory.Request) memory.Fault {
				return [...]memory.Fault{
					cloudtest.NoTrouble: {}, cloudtest.LostRequest: {Lost: true}, cloudtest.LostReply: {ReplyLost: true, Lost: !isWrite(r.Op)},
					cloudtest.Slow: {Delay: 500 * time.Millisecond}, cloudtest.Throttled: {Class: cloud.ClassThrottle, Hint: 2 * time.Second},
					cloudtest.Broken: {Lost: true},
				}[script.Next(isWrite(r.Op))]
			})
		},
	}
}

func TestCore(t *testing.T) {
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) {
			l := cloudtest.Lab{Items: all5, Writes: len(all5), Long: time.Second, In: func(t *testing.T, items []cloud.Item, f func(cloudtest.World)) {
				inLab(t, d, items, nil, func(l *lab) { f(coreWorld(l)) })
			}}
			if d&memory.TwoStep != 0 {
				l.Writes += 3 // all but the routes are detached first
			}
			cloudtest.Core(t, l)
		})
	}
}
