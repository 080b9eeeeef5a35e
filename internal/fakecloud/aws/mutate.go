// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// list reads "name.1", "name.2", …
func list(p url.Values, name string) []string {
	var out []string
	for i := 1; p.Has(fmt.Sprintf("%s.%d", name, i)); i++ {
		out = append(out, p.Get(fmt.Sprintf("%s.%d", name, i)))
	}
	return out
}

// returned is the reply of an operation that says nothing.
type returned struct {
	XMLName struct{} `xml:"return"`
	Value   bool     `xml:",chardata"`
}

func badParam(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, "InvalidParameterValue", format, args...)
}

func (w *World) target(p url.Values) (*eni, *apiError) {
	e := w.now.enis[p.Get("NetworkInterfaceId")]
	if e == nil {
		return nil, fail(http.StatusBadRequest, "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", p.Get("NetworkInterfaceId"))
	}
	return e, nil
}

func (w *World) assignV4(p url.Values) (any, func(), *apiError) {
	e, bad := w.target(p)
	if bad != nil {
		return nil, nil, bad
	}
	addrs := list(p, "PrivateIpAddress")
	fresh := 0
	for _, s := range addrs {
		a, err := netip.ParseAddr(s)
		if err != nil || !netip.MustParsePrefix(v4Range(e.v4[0])).Contains(a) {
			return nil, nil, badParam("Address %s does not fall within the subnet's address range", s)
		}
		holder := w.now.holder(s)
		if holder != e.id {
			fresh++
		}
		if holder == "" || holder == e.id {
			continue
		}
		if w.now.enis[holder].v4[0] == s {
			return nil, nil, badParam("[%s] is the primary address of %s", s, holder)
		}
		if p.Get("AllowReassignment") != "true" {
			return nil, nil, badParam("[%s] assigned, but move is not allowed.", s)
		}
	}
	if len(addrs) == 0 {
		return nil, nil, fail(http.StatusBadRequest, "MissingParameter", "no address")
	}
	if len(e.v4)+fresh > w.Slots {
		return nil, nil, fail(http.StatusBadRequest, "PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.")
	}
	type item struct {
		Addr string `xml:"privateIpAddress"`
	}
	var set struct {
		XMLName struct{} `xml:"assignedPrivateIpAddressesSet"`
		Items   []item   `xml:"item"`
	}
	for _, a := range addrs {
		set.Items = append(set.Items, item{a})
	}
	return set, func() {
		for _, a := range addrs {
			w.now.place(a, e.id)
		}
	}, nil
}

func (w *World) assignV6(p url.Values) (any, func(), *apiError) {
	e, bad := w.target(p)
	if bad != nil {
		return nil, nil, bad
	}
	addrs := list(p, "Ipv6Addresses")
	for _, s := range addrs {
		a, err := netip.ParseAddr(s)
		if err != nil || !netip.MustParsePrefix(v6Range(e.subnet)).Contains(a) {
			return nil, nil, badParam("Address %s does not fall within the subnet's address range", s)
		}
		if h := w.now.holder(s); h != "" && h != e.id {
			return nil, nil, fail(http.StatusBadRequest, "InvalidIPAddress.InUse", "%s is in use", s)
		}
	}
	var set struct {
		XMLName struct{} `xml:"assignedIpv6Addresses"`
		Items   []string `xml:"item"`
	}
	set.Items = addrs
	return set, func() {
		for _, a := range addrs {
			w.now.place(a, e.id)
		}
	}, nil
}

func (w *World) unassignV6(p url.Values) (any, func(), *apiError) {
	e, bad := w.target(p)
	if bad != nil {
		return nil, nil, bad
	}
	addrs := list(p, "Ipv6Addresses")
	for _, a := range addrs {
		if !slices.Contains(e.v6, a) {
			return nil, nil, badParam("Some of the addresses are not assigned to interface %s", e.id)
		}
	}
	return returned{Value: true}, func() {
		for _, a := range addrs {
			w.now.place(a, "")
		}
	}, nil
}

func (w *World) associateAddress(p url.Values) (any, func(), *apiError) {
	a := w.now.eips[p.Get("AllocationId")]
	if a == nil {
		return nil, nil, fail(http.StatusBadRequest, "InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", p.Get("AllocationId"))
	}
	e, bad := w.target(p)
	if bad != nil {
		return nil, nil, bad
	}
	private := p.Get("PrivateIpAddress")
	if private == "" {
		private = e.v4[0]
	}
	if !slices.Contains(e.v4, private) {
		return nil, nil, badParam("The private IP address %s is not on network interface %s", private, e.id)
	}
	if a.eni != "" && p.Get("AllowReassociation") != "true" {
		return nil, nil, fail(http.StatusBadRequest, "Resource.AlreadyAssociated", "resource %s is already associated", a.allocation)
	}
	var out struct {
		XMLName struct{} `xml:"associationId"`
		ID      string   `xml:",chardata"`
	}
	out.ID = "eipassoc-" + a.allocation + "-" + e.id
	return out, func() { w.now.associate(a, e.id, private) }, nil
}

// routeOf finds the table, the destination and the next hop of a request.
func (w *World) routeOf(p url.Values) (t *table, dest, hop string, bad *apiError) {
	t = w.now.tables[p.Get("RouteTableId")]
	if t == nil {
		return nil, "", "", fail(http.StatusBadRequest, "InvalidRouteTableID.NotFound", "The routeTable ID '%s' does not exist", p.Get("RouteTableId"))
	}
	var dests []string
	for _, k := range []string{"DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"} {
		if v := p.Get(k); v != "" {
			dests = append(dests, v)
			if strings.Contains(k, "Ipv6") != strings.Contains(v, ":") {
				return nil, "", "", badParam("%s is of the other family", v)
			}
		}
	}
	if len(dests) != 1 {
		return nil, "", "", fail(http.StatusBadRequest, "MissingParameter", "exactly one destination is needed")
	}
	e, bad := w.target(p)
	if bad != nil {
		return nil, "", "", bad
	}
	return t, dests[0], e.id, nil
}

func (w *World) replaceRoute(p url.Values) (any, func(), *apiError) {
	t, dest, hop, bad := w.routeOf(p)
	if bad != nil {
		return nil, nil, bad
	}
	if _, ok := t.routes[dest]; !ok {
		return nil, nil, fail(http.StatusBadRequest, "InvalidRoute.NotFound", "no route with destination %s in %s", dest, t.id)
	}
	return returned{Value: true}, func() { t.routes[dest] = route{hop: hop} }, nil
}

func (w *World) createRoute(p url.Values) (any, func(), *apiError) {
	t, dest, hop, bad := w.routeOf(p)
	if bad != nil {
		return nil, nil, bad
	}
	if _, ok := t.routes[dest]; ok {
		return nil, nil, fail(http.StatusBadRequest, "RouteAlreadyExists", "The route identified by %s already exists.", dest)
	}
	return returned{Value: true}, func() { t.routes[dest] = route{hop: hop} }, nil
}
