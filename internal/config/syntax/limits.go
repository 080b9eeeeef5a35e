// SPDX-License-Identifier: Apache-2.0

package syntax

// What one call of [Parse] may use. The numbers are far above the largest configurations in use (some thousand
// instances) and keep a hostile file below about a gigabyte.
const (
	maxFileSize     = 64 << 20 // bytes read in all, over all files
	maxLine         = 1 << 20  // bytes of one physical line
	maxExpandedLine = 64 << 10 // bytes of one line after expansion
	maxExpandWork   = 64 << 20 // bytes copied by expansion in all
	maxExpandDepth  = 64       // definitions inside definitions
	maxWords        = 4 << 20  // words in the tree
	maxIncludeDepth = 32
	maxFiles        = 10000
	maxBlockDepth   = 64
	keepalivedLine  = 1023 // bytes of a line that keepalived reads before it cuts
)
