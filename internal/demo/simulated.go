// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"io"
)

// Simulated runs the same story on a simulated network, with the engine the
// daemon runs.
func Simulated(ctx context.Context, w io.Writer) error {
	return errNoSim
}

var errNoSim = ErrNoNamespaces
