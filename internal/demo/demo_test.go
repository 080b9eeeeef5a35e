// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSimulatedStory tells the whole story in virtual time, within the limit
// that the real one has.
func TestSimulatedStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		began := time.Now()
		if err := Simulated(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 5*time.Second || took > 30*time.Second {
			t.Errorf("the story took %v", took)
		}
		if strings.Count(out.String(), "MASTER") < 4 {
			t.Errorf("the story lacks its failovers:\n%s", out.String())
		}
	})
}
