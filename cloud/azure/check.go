// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure

import (
	"context"

	"github.com/govrrp/vrrpd/cloud"
)

func (p *Provider) Check(context.Context, []cloud.Item, cloud.CheckOptions) []cloud.Finding {
	return nil
}
