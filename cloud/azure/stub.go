// SPDX-License-Identifier: Apache-2.0

//go:build noazure

package azure

import "github.com/govrrp/vrrpd/cloud"

// New returns [ErrNotBuilt].
func New(Options) (cloud.Provider, error) { return nil, ErrNotBuilt }
