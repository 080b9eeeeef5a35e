// SPDX-License-Identifier: Apache-2.0

package mutants

import "strings"

// helpers is the source that goes with an instrumented package. The switch is
// the environment: MUTANT="package number".
func helpers(pkg string) []byte {
	name := pkg[strings.LastIndexByte(pkg, '/')+1:]
	return []byte("package " + name + "\n" + helperSource + "\nconst mutPackage = \"" + pkg + "\"\n")
}

const helperSource = `
import (
	"cmp"
	"fmt"
	"os"
	"time"
)

var mutant = func() (n int) {
	var pkg string
	if _, err := fmt.Sscan(os.Getenv("MUTANT"), &pkg, &n); err != nil || pkg != mutPackage {
		return 0
	}
	return n
}()

type mutNumeric interface {
	~int | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint
}

func mutFlip(n int, b bool) bool { return b != (mutant == n) }

func mutAnd(n int, a bool, b func() bool) bool {
	if mutant == n {
		return a || b()
	}
	return a && b()
}

func mutOr(n int, a bool, b func() bool) bool {
	if mutant == n {
		return a && b()
	}
	return a || b()
}

func mutLess[T cmp.Ordered](n int, a, b T) bool    { return a < b || mutant == n && a == b }
func mutMore[T cmp.Ordered](n int, a, b T) bool    { return a > b || mutant == n && a == b }
func mutAtMost[T cmp.Ordered](n int, a, b T) bool  { return a < b || mutant != n && a == b }
func mutAtLeast[T cmp.Ordered](n int, a, b T) bool { return a > b || mutant != n && a == b }

func mutAdd[T mutNumeric](n int, a, b T) T {
	if mutant == n {
		return a - b
	}
	return a + b
}

func mutSub[T mutNumeric](n int, a, b T) T {
	if mutant == n {
		return a + b
	}
	return a - b
}

func mutMul[T mutNumeric](n int, a, b T) T {
	if mutant == n {
		if b == 0 {
			return 0
		}
		return a / b
	}
	return a * b
}

func mutDiv[T mutNumeric](n int, a, b T) T {
	if mutant == n {
		return a * b
	}
	return a / b
}

func mutRem[T mutNumeric](n int, a, b T) T {
	if mutant == n {
		return a * b
	}
	return a % b
}

func mutNumber[T mutNumeric](n int, a T) T {
	if mutant == n {
		return a + 1
	}
	return a
}

func mutBefore(n int, a, b time.Time) bool { return a.Before(b) || mutant == n && a.Equal(b) }
func mutAfter(n int, a, b time.Time) bool  { return a.After(b) || mutant == n && a.Equal(b) }

func mutTime(n int, t time.Time, d time.Duration) time.Time {
	if mutant == n {
		return t.Add(-d)
	}
	return t.Add(d)
}
`
