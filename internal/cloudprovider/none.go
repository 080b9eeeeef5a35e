// SPDX-License-Identifier: Apache-2.0

package cloudprovider

import (
	"context"
	"errors"

	"github.com/govrrp/vrrpd/cloud"
)

// nowhere is no cloud: nothing can be moved. A claim on it is only its guard,
// and the state that a load balancer's probe is answered by.
type nowhere struct{}

var errNowhere = &cloud.Error{Class: cloud.ClassInvalid, Op: "none", Err: errors.New("provider none moves nothing")}

// Discover implements [cloud.Provider].
func (nowhere) Discover(context.Context) (cloud.Node, error) {
	return cloud.Node{Provider: "none"}, nil
}

// Observe implements [cloud.Provider].
func (nowhere) Observe(_ context.Context, _ cloud.Node, items []cloud.Item) []cloud.Observed {
	out := make([]cloud.Observed, len(items))
	for i, it := range items {
		out[i] = cloud.Observed{Item: it, Err: errNowhere}
	}
	return out
}

// Plan implements [cloud.Provider].
func (nowhere) Plan(cloud.Node, []cloud.Observed) []cloud.Step { return nil }

// Apply implements [cloud.Provider].
func (nowhere) Apply(context.Context, cloud.Fence, cloud.Step) cloud.Outcome {
	return cloud.Failed(errNowhere)
}
