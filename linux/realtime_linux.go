// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// SetRealtime gives every thread of this process the scheduling policy
// SCHED_FIFO at priority prio, 1…99; threads made later inherit it. It fails
// where the system does not allow that (no CAP_SYS_NICE, a control group
// without real-time budget): carry on without it.
//
// Only a process that has no CPU-bound goroutine may do this: at real-time
// priority one would keep everything else, this program included, off its CPU.
// Child processes inherit the policy; give them back theirs with [SetNormal].
func SetRealtime(prio int) error {
	if prio < 1 || prio > 99 {
		return fmt.Errorf("real-time priority %d is not in 1…99", prio)
	}
	return eachThread("self", &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: uint32(prio),
	})
}

// SetNormal gives a process, all its threads, the normal scheduling policy: for
// a child that inherited a real-time one.
func SetNormal(pid int) error {
	return eachThread(strconv.Itoa(pid), &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL})
}

func eachThread(pid string, attr *unix.SchedAttr) error {
	// A thread that is made while the others are visited inherits either the
	// old or the new policy; the second round finds it.
	for range 2 {
		threads, err := os.ReadDir("/proc/" + pid + "/task")
		if err != nil {
			return fmt.Errorf("scheduling policy: %w", err)
		}
		for _, t := range threads {
			tid, err := strconv.Atoi(t.Name())
			if err != nil {
				continue
			}
			if err := unix.SchedSetAttr(tid, attr, 0); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("scheduling policy: %w", err)
			}
		}
	}
	return nil
}
