// SPDX-License-Identifier: Apache-2.0

// Package cloudtest is what the tests of package cloud and of its providers
// share: a [Machine], which is a claim with a stand-in for its VRRP loop, in
// virtual time; and [Core], the scenarios that every provider must pass. It is
// apart from them because test files cannot be imported, and only tests import it.
package cloudtest
