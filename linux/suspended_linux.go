// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"time"

	"golang.org/x/sys/unix"
)

// Suspended returns for how long this machine has been suspended since it was
// started: that is what CLOCK_BOOTTIME counts and CLOCK_MONOTONIC, the clock
// of time.Now, does not. A virtual machine that was stopped by its host is
// seen as suspended only where the host tells it so.
func Suspended() time.Duration {
	// In this order: a pause between the two readings looks like less.
	var boot, monotonic unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil || unix.ClockGettime(unix.CLOCK_MONOTONIC, &monotonic) != nil {
		return 0
	}
	return time.Duration(boot.Nano() - monotonic.Nano())
}
