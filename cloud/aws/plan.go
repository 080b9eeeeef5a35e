// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/govrrp/vrrpd/cloud"
)

// write is the provider's part of a step.
type write struct {
	nic        string     // AssignPrivateIpAddresses and the like: the interface written to
	addr       netip.Addr // the address; for AssociateAddress the private one
	allocation string
	table      string
}

// Plan implements [cloud.Provider]. Every address is a request of its own, so
// that one the vendor refuses does not stop the others. Routes of one table
// are not serialized: EC2 changes them one by one itself.
func (p *Provider) Plan(node cloud.Node, observed []cloud.Observed) []cloud.Step {
	sorted := slices.Clone(observed)
	slices.SortFunc(sorted, func(a, b cloud.Observed) int {
		return cmp.Or(cmp.Compare(a.Item.Kind, b.Item.Kind), strings.Compare(a.Item.Key(), b.Item.Key()))
	})
	var steps []cloud.Step
	for _, o := range sorted {
		if o.Owner != cloud.Other && o.Owner != cloud.None {
			continue
		}
		nic, err := node.NICFor(o.Item)
		if err != nil {
			continue
		}
		switch o.Item.Kind {
		case cloud.VIP4:
			steps = append(steps, step("AssignPrivateIpAddresses", nic.ID, o, write{nic: nic.ID, addr: o.Item.Addr}))
		case cloud.VIP6:
			steps = append(steps, planVIP6(len(steps), nic, o)...)
		case cloud.PublicIP:
			steps = planPublic(steps, o)
		case cloud.Route:
			steps = planRoute(steps, nic, o)
		}
	}
	return steps
}

func step(op, resource string, o cloud.Observed, w write) cloud.Step {
	return cloud.Step{Op: op, Resource: resource, Items: []cloud.Item{o.Item}, Before: o, Data: w}
}

// planVIP6 takes an IPv6 address away from its holder first: EC2 has no
// reassignment for them. A crash in between leaves it with nobody, from where
// either node takes it.
func planVIP6(next int, nic cloud.NIC, o cloud.Observed) []cloud.Step {
	assign := step("AssignIpv6Addresses", nic.ID, o, write{nic: nic.ID, addr: o.Item.Addr})
	if o.Owner == cloud.None {
		return []cloud.Step{assign}
	}
	unassign := step("UnassignIpv6Addresses", o.Holder, o, write{nic: o.Holder, addr: o.Item.Addr})
	assign.After = []int{next}
	return []cloud.Step{unassign, assign}
}

// planPublic moves an elastic address, unless it sits on a private address
// that an earlier step moves from the same holder: it goes along by itself.
func planPublic(steps []cloud.Step, o cloud.Observed) []cloud.Step {
	raw, ok := o.Raw.(publicRaw)
	if !ok {
		return steps
	}
	for i, s := range steps {
		if s.Op == "AssignPrivateIpAddresses" && o.Owner == cloud.Other && raw.private == raw.target &&
			s.Items[0].Addr == raw.target && s.Before.Holder == o.Holder {
			steps[i].Items = append(slices.Clone(s.Items), o.Item)
			return steps
		}
	}
	return append(steps, step("AssociateAddress", raw.allocation, o,
		write{nic: raw.nic, addr: raw.target, allocation: raw.allocation}))
}

func planRoute(steps []cloud.Step, nic cloud.NIC, o cloud.Observed) []cloud.Step {
	raw, ok := o.Raw.(routeRaw)
	if !ok {
		return steps
	}
	w := write{nic: nic.ID, table: raw.table}
	switch {
	case o.Owner == cloud.Other:
		return append(steps, step("ReplaceRoute", raw.table, o, w))
	case o.Item.Create:
		return append(steps, step("CreateRoute", raw.table, o, w))
	default:
		return steps
	}
}
