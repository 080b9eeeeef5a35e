// SPDX-License-Identifier: Apache-2.0

// Package mutants measures how much the tests of the pure packages notice. It
// rewrites vrrp, syncgroup and engine so that every comparison, boolean
// operator, sum, product, timer term and number in them can be switched to a
// wrong one, one at a time, builds their tests once, and runs them against each
// mutant.
//
//	go test ./internal/mutants -run TestMutants -v -timeout 2h -mutants
//
// The survivors are listed with their positions; docs/mutants.md gives a
// reason for each. Nothing in the working tree is changed: the rewritten
// sources reach the compiler as an overlay.
package mutants
