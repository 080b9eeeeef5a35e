// SPDX-License-Identifier: Apache-2.0

// Package boottime reads the clock that counts suspension. A machine that was
// frozen or migrated alive sees the time it missed, which is what makes a lease
// expire. It is a package of its own only for its build constraints.
package boottime
