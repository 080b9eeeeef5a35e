// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package procwatch

import (
	"context"
	"errors"
)

func connector(context.Context, func(), func([]change)) error { return errors.ErrUnsupported }
