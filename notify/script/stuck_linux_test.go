// SPDX-License-Identifier: Apache-2.0

package script

import (
	"testing"
	"testing/synctest"
	"time"
)

// A program that SIGKILL does not end is given up. There is none to be had in a test:
// this one's end is just never heard of.
func TestStuckProgramIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const nobody = 1 << 30 // beyond what process ids reach
		began := time.Now()
		if endGroup(nobody, time.Second, make(chan struct{}), make(chan struct{})) {
			t.Error("it is said to have ended")
		}
		if took := time.Since(began); took != time.Second+killTime {
			t.Errorf("after %v", took)
		}
	})
}
