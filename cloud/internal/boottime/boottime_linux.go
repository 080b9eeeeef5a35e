// SPDX-License-Identifier: Apache-2.0

package boottime

import (
	"time"

	"golang.org/x/sys/unix"
)

// Now returns the time since boot, suspension included (CLOCK_BOOTTIME):
// a machine that was frozen or migrated alive sees the time it missed, which is
// what makes a lease expire.
func Now() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return time.Since(processStart)
	}
	return time.Duration(ts.Nano())
}

var processStart = time.Now()
