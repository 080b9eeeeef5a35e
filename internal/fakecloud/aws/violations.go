// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"fmt"
	"slices"
	"strings"
)

// Declared lists what a client may touch. Everything else is somebody's else.
type Declared struct {
	Addresses   []string // private and IPv6 addresses
	Allocations []string
	Routes      []string // "rtb-…/destination"
	Create      bool     // routes may be created
}

// allowedOps is everything a claim has any business to ask for.
var allowedOps = []string{
	"DescribeNetworkInterfaces", "DescribeAddresses", "DescribeRouteTables",
	"AssignPrivateIpAddresses", "AssignIpv6Addresses", "UnassignIpv6Addresses",
	"AssociateAddress", "ReplaceRoute", "CreateRoute",
}

// Violations returns what was asked and should not have been: operations out
// of bounds, descriptions without a filter, writes to what was not declared,
// metadata without a session.
func (w *World) Violations(d Declared) []string {
	var out []string
	for _, r := range w.Requests() {
		say := func(format string, args ...any) {
			out = append(out, fmt.Sprintf("%s by %q: ", r.Op, r.Node)+fmt.Sprintf(format, args...))
		}
		if r.Service == "metadata" {
			continue
		}
		if !slices.Contains(allowedOps, r.Op) || r.Op == "CreateRoute" && !d.Create {
			say("not an operation for a claim")
		}
		if isDescribe(r.Op) {
			if len(filters(r.Params)) == 0 {
				say("no filter")
			}
			for name, values := range filters(r.Params) {
				if len(values) == 0 {
					say("filter %s has no value", name)
				}
			}
			continue
		}
		for _, a := range append(list(r.Params, "PrivateIpAddress"), list(r.Params, "Ipv6Addresses")...) {
			if !slices.Contains(d.Addresses, a) {
				say("address %s was not declared", a)
			}
		}
		if a := r.Params.Get("AllocationId"); a != "" && !slices.Contains(d.Allocations, a) {
			say("allocation %s was not declared", a)
		}
		if t := r.Params.Get("RouteTableId"); t != "" {
			dest := r.Params.Get("DestinationCidrBlock") + r.Params.Get("DestinationIpv6CidrBlock") + r.Params.Get("DestinationPrefixListId")
			if !slices.Contains(d.Routes, t+"/"+dest) {
				say("route %s in %s was not declared", dest, t)
			}
		}
	}
	return out
}

// Fingerprint spells out everything that was not declared, to be compared
// before and after; with nothing declared, the whole world.
func (w *World) Fingerprint(d Declared) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []string
	for _, e := range w.now.enis {
		mine := func(a string) bool { return slices.Contains(d.Addresses, a) }
		v4 := slices.DeleteFunc(slices.Clone(e.v4), mine)
		v6 := slices.DeleteFunc(slices.Clone(e.v6), mine)
		lines = append(lines, fmt.Sprintf("%s %v %v check=%t", e.id, v4, v6, e.check))
	}
	for _, a := range w.now.eips {
		if !slices.Contains(d.Allocations, a.allocation) {
			lines = append(lines, fmt.Sprintf("%s %s %s", a.allocation, a.eni, a.private))
		}
	}
	for _, t := range w.now.tables {
		for dest, r := range t.routes {
			if !slices.Contains(d.Routes, t.id+"/"+dest) {
				lines = append(lines, fmt.Sprintf("%s %s %s %t", t.id, dest, r.hop, r.blackhole))
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
