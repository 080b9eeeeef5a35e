// SPDX-License-Identifier: Apache-2.0

// Package tidy holds the house rules as tests: sizes, headers, the direction
// of imports, and what makes the pure packages pure. It reads the syntax trees
// of the whole module and has no code of its own to import.
package tidy
