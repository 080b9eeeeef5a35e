// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package track

import (
	"context"
	"errors"
)

func watchFile(context.Context, string, func()) error { return errors.ErrUnsupported }
