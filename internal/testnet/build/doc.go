// SPDX-License-Identifier: Apache-2.0

// Package build builds the daemon for tests that run it in a network of their
// own. Only tests may import this package.
package build
