// SPDX-License-Identifier: Apache-2.0

//go:build !race

package engine_test

// stride is 1: every scene is played.
const stride = 1
