// SPDX-License-Identifier: Apache-2.0

//go:build race

package engine_test

// stride: the race detector makes every scene ten times as long.
const stride = 11
