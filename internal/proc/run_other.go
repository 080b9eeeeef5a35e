// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package proc

import (
	"context"
	"errors"
	"time"
)

// Run is not supported on this system.
func Run(context.Context, Command) Result {
	return Result{Started: time.Now(), ExitCode: -1, Err: &StartError{Err: errors.ErrUnsupported}}
}

// Trusted is not supported on this system.
func Trusted(string) error { return errors.ErrUnsupported }
