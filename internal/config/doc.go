// SPDX-License-Identifier: Apache-2.0

// Package config reads keepalived.conf: text, to a tree with positions (package syntax), to one validated model, [Config].
// It reads the whole VRRP side of keepalived's language with keepalived's meaning, plus blocks of vrrpd's own in the same
// grammar, and tells its user what keepalived does in silence.
//
//	cfg, findings, err := config.Load("/etc/keepalived/keepalived.conf", config.Options{})
//	if err != nil {
//		return err // the file cannot be read at all
//	}
//	if findings.HasErrors() {
//		return diag.Render(os.Stderr, findings, diag.Style{}) // cfg is there to look at, and must not be run
//	}
//
// # Contract
//
// [Load] and [Parse] report every finding at once, never stop at the first, never panic and use bounded time and memory. An error
// finding means that keepalived would refuse to run the file, or that vrrpd cannot; what keepalived reports and survives is a
// warning. A [Config] is not changed after it is returned and may be read by many goroutines. Passwords and keys are
// of type [Secret], which prints as ***.
//
// One table of keywords (keyword.go and the tables beside it) drives the parser, the checker and the reference manual that
// [WriteReference] prints: each entry has its scope, arguments, default, the version it came with, what vrrpd does with it, and the
// function that sets the field of the model.
//
// The order of work: the tables set fields while the tree is walked in file order, because instances copy the defaults that
// global_defs has set so far; finish.go then resolves names and applies the rules that need a whole instance; lint.go looks
// at the result for what works and is still a mistake.
//
// Only the daemon and the command import this package.
package config
