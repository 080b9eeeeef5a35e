// SPDX-License-Identifier: Apache-2.0

// Command planted shows that the simulator finds bugs: it plants known ones,
// one at a time, in copies of the source files, builds the simulator's test
// over each copy, and reports the first seed that breaks a rule and how long
// that took. The source tree is not touched.
//
//	go run ./internal/sim/planted [-seeds 2000] [-only NAME]
//
// Run it from the root of the module. It exits with status 1 when a bug was
// not found or no longer fits the source.
package main
