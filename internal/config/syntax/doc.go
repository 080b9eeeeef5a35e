// SPDX-License-Identifier: Apache-2.0

// Package syntax turns keepalived.conf text into a tree of statements that know where they stand in the file. It knows
// the dialect's lines, quotes, braces, comments, definitions, conditionals, generators and includes, and no keyword.
//
// [Parse] reads one file and all that it includes. It never fails on content: whatever is wrong is a diagnostic, and the
// tree holds what could be read. Everything is bounded (see the limits in limits.go), so no input can make it hang, panic or
// grow without end:
//
//	tree, err := syntax.Parse("/etc/keepalived/keepalived.conf", syntax.Options{}, &findings)
//	for _, n := range tree.Nodes {
//		fmt.Println(n.Pos, n.Keyword(), len(n.Children))
//	}
//
// The dialect in short: one statement on a line, keyword first. `{` and `}` may touch the word before, and what follows a brace
// counts as a new line. `#` and `!` start a comment outside double quotes. Single quotes do not quote. There is no line
// continuation, except in definitions (`$NAME= \`). A `;` is part of its word in keepalived; this reader drops it with a warning.
package syntax
