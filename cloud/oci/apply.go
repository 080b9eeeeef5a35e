// SPDX-License-Identifier: Apache-2.0

//go:build !nooci

package oci

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/oracle/oci-go-sdk/v65/core"

	"github.com/govrrp/vrrpd/cloud"
)

// addressMove is the data of a step that moves an address to a VNIC.
type addressMove struct{ id, etag, vnic string }

// publicMove is the data of a step that moves a public IP to a private IP.
type publicMove struct{ id, etag, target string }

// Plan implements [cloud.Provider].
func (p *Provider) Plan(node cloud.Node, observed []cloud.Observed) []cloud.Step {
	sorted := slices.Clone(observed)
	slices.SortFunc(sorted, func(a, b cloud.Observed) int {
		return cmp.Or(cmp.Compare(a.Item.Kind, b.Item.Kind), cmp.Compare(a.Item.Key(), b.Item.Key()))
	})
	var steps []cloud.Step
	var order []string
	tables := map[string][]cloud.Observed{}
	for _, o := range sorted {
		obj, ok := o.Raw.(object)
		if !ok || o.Version == "" || o.Owner == cloud.Self || o.Owner == cloud.Unknown {
			continue
		}
		switch o.Item.Kind {
		case cloud.VIP4, cloud.VIP6:
			if nic, err := node.NICFor(o.Item); err == nil {
				steps = append(steps, moveAddress(o, obj, nic))
			}
		case cloud.PublicIP:
			if obj.follows {
				follow(steps, o.Item)
			} else {
				steps = append(steps, cloud.Step{
					Op: "UpdatePublicIp", Resource: obj.id, Items: []cloud.Item{o.Item}, Before: o,
					Data: publicMove{obj.id, o.Version, obj.target},
				})
			}
		case cloud.Route:
			if o.Owner == cloud.None && !o.Item.Create {
				continue
			}
			key := obj.id + " " + o.Version
			if tables[key] == nil {
				order = append(order, key)
			}
			tables[key] = append(tables[key], o)
		}
	}
	for _, key := range order {
		group := tables[key]
		if step, err := planTable(group[0].Raw.(object).table, group); err == nil {
			steps = append(steps, step)
		}
	}
	return steps
}

func moveAddress(o cloud.Observed, obj object, nic cloud.NIC) cloud.Step {
	op := "UpdatePrivateIp"
	if o.Item.Kind == cloud.VIP6 {
		op = "UpdateIpv6"
	}
	return cloud.Step{
		Op: op, Resource: obj.id, Items: []cloud.Item{o.Item}, Before: o,
		Data: addressMove{obj.id, o.Version, nic.ID},
	}
}

// follow makes a public IP part of the step that moves the address it is on.
func follow(steps []cloud.Step, public cloud.Item) {
	for i := range steps {
		if steps[i].Items[0].Addr == public.Target {
			steps[i].Items = append(steps[i].Items, public)
		}
	}
}

// Apply implements [cloud.Provider].
func (p *Provider) Apply(ctx context.Context, fence cloud.Fence, step cloud.Step) cloud.Outcome {
	ctx = cloud.WithFence(ctx, fence)
	resp, err := p.write(ctx, step)
	if err != nil {
		return cloud.Failed(withHint(toError(step.Op, err), resp))
	}
	out := cloud.Outcome{Class: cloud.ClassDone}
	if resp != nil {
		out.Status, out.RequestID, out.Version = resp.StatusCode, resp.Header.Get("opc-request-id"), resp.Header.Get("etag")
	}
	if step.Op == "UpdatePublicIp" {
		out.Class = cloud.ClassPending
	}
	return out
}

// write sends the one mutating request of a step, conditioned on the etag.
func (p *Provider) write(ctx context.Context, step cloud.Step) (*http.Response, error) {
	c, err := p.api(ctx)
	if err != nil {
		return nil, err
	}
	switch d := step.Data.(type) {
	case addressMove:
		if d.vnic == "" || d.etag == "" {
			return nil, refused(step.Op)
		}
		if step.Op == "UpdateIpv6" {
			r, err := c.UpdateIpv6(detached(ctx), core.UpdateIpv6Request{
				Ipv6Id: &d.id, IfMatch: &d.etag, UpdateIpv6Details: core.UpdateIpv6Details{VnicId: &d.vnic},
			})
			return r.RawResponse, err
		}
		r, err := c.UpdatePrivateIp(detached(ctx), core.UpdatePrivateIpRequest{
			PrivateIpId: &d.id, IfMatch: &d.etag, UpdatePrivateIpDetails: core.UpdatePrivateIpDetails{VnicId: &d.vnic},
		})
		return r.RawResponse, err
	case publicMove:
		if d.target == "" || d.etag == "" {
			return nil, refused(step.Op)
		}
		r, err := c.UpdatePublicIp(detached(ctx), core.UpdatePublicIpRequest{
			PublicIpId: &d.id, IfMatch: &d.etag, UpdatePublicIpDetails: core.UpdatePublicIpDetails{PrivateIpId: &d.target},
		})
		return r.RawResponse, err
	case tableWrite:
		return p.writeTable(ctx, d)
	default:
		return nil, &cloud.Error{Class: cloud.ClassInvalid, Op: step.Op, Err: errors.New("a step of another provider")}
	}
}

// refused is for a write that must never be sent: without an etag it is not
// fenced by the cloud, and without a target it means "unassign".
func refused(op string) error {
	return &cloud.Error{Class: cloud.ClassInvalid, Op: op, Err: errors.New("refused: a write needs an etag and a target")}
}
