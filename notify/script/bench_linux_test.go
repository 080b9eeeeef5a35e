// SPDX-License-Identifier: Apache-2.0

package script

import "testing"

// BenchmarkRun is a whole run of a program that does nothing.
func BenchmarkRun(b *testing.B) {
	c := Command{Argv: []string{"/bin/true"}}
	for b.Loop() {
		if r := c.Run(b.Context()); r.Err != nil {
			b.Fatal(r.Err)
		}
	}
}
