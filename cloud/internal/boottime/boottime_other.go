// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package boottime

import "time"

// Now returns the time since this process started. Only Linux has a clock
// that counts suspension and is promised here.
func Now() time.Duration { return time.Since(processStart) }

var processStart = time.Now()
