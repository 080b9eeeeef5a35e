// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package require

import "errors"

func netNS() error { return errors.ErrUnsupported }

func root() error { return errors.ErrUnsupported }
