// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/internal/track/procwatch"
)

// census is a system whose number of processes the test says.
func census(counts <-chan int) edges {
	return edges{watchProcesses: func(ctx context.Context, _ procwatch.Match, yield func(procwatch.Census)) error {
		for {
			select {
			case n := <-counts:
				if n < 0 {
					return errors.New("no /proc")
				}
				yield(procwatch.Census{PIDs: make([]int, n), Source: "kernel events"})
			case <-ctx.Done():
				return nil
			}
		}
	}}
}

func TestQuorum(t *testing.T) {
	for name, tc := range map[string]struct {
		spec   Process
		counts []int
		want   []string
	}{
		"one": {Process{}, []int{0, 1, 2, 0}, []string{"0s p bad: 0 running, quorum 1", "1s p good", "3s p bad: 0 running, quorum 1"}},
		"three": {
			Process{Quorum: 3},
			[]int{3, 2, 1, 4},
			[]string{"0s p good", "1s p bad: 2 running, quorum 3", "2s p bad: 1 running, quorum 3", "3s p good"},
		},
		"at most two": {Process{QuorumMax: 2}, []int{2, 3, 1}, []string{"0s p good", "1s p bad: 3 running, at most 2 allowed", "2s p good"}},
		"none":        {Process{Presence: MustNotRun}, []int{0, 1, 0}, []string{"0s p good", "1s p bad: 1 running, none allowed", "2s p good"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				counts := make(chan int)
				tc.spec.Name, tc.spec.Match.Command = "p", "x"
				b := newBench(t, census(counts), tc.spec)
				for _, n := range tc.counts {
					counts <- n
					time.Sleep(time.Second)
				}
				b.expect(t, tc.want...)
				if st := b.Status()[0]; st.Source != "kernel events" {
					t.Errorf("source %q", st.Source)
				}
			})
		})
	}
}

func TestDelaysOfProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counts := make(chan int)
		b := newBench(t, census(counts), Process{
			Name: "p", Match: procwatch.Match{Command: "x"},
			ForkDelay: 3 * time.Second, TerminateDelay: 2 * time.Second,
		})
		say := func(n int, pause time.Duration) {
			counts <- n
			time.Sleep(pause)
		}
		say(1, time.Second) // 0 s: the first count passes
		say(0, time.Second) // 1 s: restarting …
		say(1, time.Second) // 2 s: … and back in time
		b.expect(t, "0s p good")
		say(0, 5*time.Second) // 3 s: gone for good
		b.expect(t, "5s p bad: 0 running, quorum 1")
		say(1, time.Second) // 8 s
		if st := b.Status()[0]; st.Level.Good || st.Pending != 1 || !st.Last.Good || st.Level.Detail != "0 running, quorum 1" {
			t.Errorf("status %+v", st)
		}
		time.Sleep(4 * time.Second)
		b.expect(t, "11s p good")
	})
}

func TestProcessesThatCannotBeCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counts := make(chan int)
		b := newBench(t, census(counts), Process{Name: "p", Match: procwatch.Match{Command: "x"}})
		counts <- -1
		b.at(time.Millisecond)
		b.expect(t, "0s p bad: no /proc")
		counts <- 1 // taken when it tries again
		b.at(2 * time.Second)
		b.expect(t, "1s p good")
	})
}
