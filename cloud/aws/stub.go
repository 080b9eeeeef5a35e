// SPDX-License-Identifier: Apache-2.0

//go:build noaws

package aws

import (
	"context"

	"github.com/govrrp/vrrpd/cloud"
)

// Provider stands in for the real one. There is never a value of it.
type Provider struct {
	cloud.Provider
	cloud.Checker
	cloud.Refresher
	cloud.RouteLister
	cloud.Warmer
}

// New returns [ErrNotBuilt].
func New(context.Context, Options) (*Provider, error) { return nil, ErrNotBuilt }

// Policy returns [ErrNotBuilt].
func (*Provider) Policy(context.Context, []cloud.Item, cloud.CheckOptions) (string, error) {
	return "", ErrNotBuilt
}
