// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package script

import (
	"context"
	"errors"
)

func (c Command) run(context.Context, []string) Result {
	return Result{Exit: -1, Err: errors.ErrUnsupported}
}

func executable(string, *User) error { return errors.ErrUnsupported }

func onlyRootCanChange(string) error { return errors.ErrUnsupported }

func schedulingStaysHere() (restore func() error, err error) { return nil, errors.ErrUnsupported }
