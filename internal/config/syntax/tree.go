// SPDX-License-Identifier: Apache-2.0

package syntax

import (
	"fmt"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

// Word is one word of a statement, quotes removed.
type Word struct {
	Text string
	Pos  Pos
	// Quoted says that the word was written in double quotes.
	Quoted bool
}

// Node is a statement: its words, and for a block what stands between the braces. A Node without words is a block that has no
// keyword.
type Node struct {
	Words    []Word
	Block    bool
	Children []*Node
	// Pos is the place of the first word, or of the brace of a block without keyword.
	Pos Pos
	// closed is false for a block that the file ends in.
	closed bool
}

// Keyword returns the first word, or "".
func (n *Node) Keyword() string {
	if len(n.Words) == 0 {
		return ""
	}
	return n.Words[0].Text
}

// Args returns the words after the keyword.
func (n *Node) Args() []Word {
	if len(n.Words) == 0 {
		return nil
	}
	return n.Words[1:]
}

// Closed reports whether the block's closing brace was found.
func (n *Node) Closed() bool { return n.closed }

// Tree is what was read.
type Tree struct {
	Nodes []*Node
	// Files are the paths read, in order of first reading.
	Files []string
}

// builder assembles the tree from tokens.
type builder struct {
	root    Node
	stack   []*Node // open blocks, outermost first; empty: top level
	line    *Node   // statement being filled
	last    *Node   // last finished statement of the open block, to which a `{` on the next line belongs
	words   int
	tooDeep int
	full    bool
	diags   *diag.Collector
}

func (b *builder) open() *Node {
	if len(b.stack) == 0 {
		return &b.root
	}
	return b.stack[len(b.stack)-1]
}

// word adds a word to the current statement.
func (b *builder) word(w Word) {
	if b.full || b.tooDeep > 0 {
		return
	}
	if b.words++; b.words > maxWords {
		b.full = true
		b.diags.Add(w.Pos.Diagnostic(diag.Error, "too-large", "the configuration is too large", fmt.Sprintf("it has more than %d words after expansion", maxWords), ""))
		return
	}
	if b.line == nil {
		b.line = &Node{Pos: w.Pos}
		o := b.open()
		o.Children = append(o.Children, b.line)
	}
	b.line.Words = append(b.line.Words, w)
}

// endLine finishes the current statement.
func (b *builder) endLine() {
	if b.line != nil {
		b.last, b.line = b.line, nil
	}
}

func (b *builder) openBrace(p Pos) {
	b.endLine()
	if b.full {
		return
	}
	if len(b.stack) >= maxBlockDepth {
		if b.tooDeep == 0 {
			b.diags.Add(p.Diagnostic(diag.Error, "too-deep", fmt.Sprintf("blocks are nested more than %d deep", maxBlockDepth), "", "close the blocks above"))
		}
		b.tooDeep++
		return
	}
	n := b.last
	if n == nil || n.Block {
		n = &Node{Pos: p}
		o := b.open()
		o.Children = append(o.Children, n)
	}
	n.Block = true
	b.stack = append(b.stack, n)
	b.last = nil
}

func (b *builder) closeBrace(p Pos) {
	b.endLine()
	if b.tooDeep > 0 {
		b.tooDeep--
		return
	}
	if b.full {
		return
	}
	if len(b.stack) == 0 {
		b.last = nil
		b.diags.Add(p.Diagnostic(diag.Warning, "extra-brace", "this } closes nothing", "a block above was closed too early, or one } is too many", "remove it, or find the } that came too early"))
		return
	}
	n := b.open()
	n.closed = true
	b.stack = b.stack[:len(b.stack)-1]
	b.last = n
}

// finish ends the tree and reports the blocks that are still open.
func (b *builder) finish() []*Node {
	b.endLine()
	for _, n := range b.stack {
		what := "this block is not closed"
		if kw := n.Keyword(); kw != "" {
			what = "the block " + kw + " is not closed"
		}
		b.diags.Add(n.Pos.Diagnostic(diag.Warning, "missing-brace", what, "all that follows up to the end of the file was read as part of it", "} where the block ends"))
	}
	return b.root.Children
}
