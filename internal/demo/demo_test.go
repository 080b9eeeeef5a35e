// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"strings"
	"testing"
	"testing/synctest"
)

// TestSimulatedStory tells the whole story in virtual time.
func TestSimulatedStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		if err := Simulated(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"B: BACKUP -> MASTER (master down)",
			"B: MASTER -> BACKUP (better master",
			"B: BACKUP -> MASTER (master resigned)",
			"A is killed                    nobody served for  707.0 ms; the protocol allows  902.3 ms",
			"A starts again and preempts    nobody served for    0.0 ms",
			"A is stopped gracefully        nobody served for  152.3 ms; the protocol allows  152.3 ms",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("the story lacks %q:\n%s", want, out.String())
			}
		}
	})
}
