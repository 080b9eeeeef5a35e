// SPDX-License-Identifier: Apache-2.0

// Package scenarios holds tests of whole failovers: vrrpd, built as a user
// would, on hosts in network namespaces, with scripts that behave badly,
// reloads, crashes and operators who step in. It has no code of its own.
//
//	go test ./internal/scenarios
package scenarios
