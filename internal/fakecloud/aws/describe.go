// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// filters reads Filter.n.Name and Filter.n.Value.m.
func filters(p url.Values) map[string][]string {
	out := map[string][]string{}
	for i := 1; p.Has(fmt.Sprintf("Filter.%d.Name", i)); i++ {
		out[p.Get(fmt.Sprintf("Filter.%d.Name", i))] = list(p, fmt.Sprintf("Filter.%d.Value", i))
	}
	return out
}

// matches applies filters to an object's properties. A filter EC2 does not
// know is an error there, and so here.
func matches(want map[string][]string, have map[string][]string) (bool, *apiError) {
	ok := true
	for name, values := range want {
		got, known := have[name]
		if !known && !strings.HasPrefix(name, "tag:") {
			return false, badParam("The filter '%s' is invalid", name)
		}
		if !slices.ContainsFunc(values, func(v string) bool { return slices.Contains(got, v) }) {
			ok = false
		}
	}
	return ok, nil
}

type tagXML struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

type privateXML struct {
	Addr    string `xml:"privateIpAddress"`
	Primary bool   `xml:"primary"`
}

type v6XML struct {
	Addr string `xml:"ipv6Address"`
}

type eniXML struct {
	ID       string       `xml:"networkInterfaceId"`
	Subnet   string       `xml:"subnetId"`
	VPC      string       `xml:"vpcId"`
	Owner    string       `xml:"ownerId"`
	Status   string       `xml:"status"`
	MAC      string       `xml:"macAddress"`
	Primary  string       `xml:"privateIpAddress"`
	Check    bool         `xml:"sourceDestCheck"`
	Attached attachXML    `xml:"attachment"`
	V4       []privateXML `xml:"privateIpAddressesSet>item"`
	V6       []v6XML      `xml:"ipv6AddressesSet>item"`
	Unknown  string       `xml:"someMemberOfTheFuture"`
}

type attachXML struct {
	Instance string `xml:"instanceId"`
	Status   string `xml:"status"`
}

type eipXML struct {
	Public      string `xml:"publicIp"`
	Allocation  string `xml:"allocationId"`
	Association string `xml:"associationId,omitempty"`
	ENI         string `xml:"networkInterfaceId,omitempty"`
	Private     string `xml:"privateIpAddress,omitempty"`
	Domain      string `xml:"domain"`
}

type routeXML struct {
	V4      string `xml:"destinationCidrBlock,omitempty"`
	V6      string `xml:"destinationIpv6CidrBlock,omitempty"`
	List    string `xml:"destinationPrefixListId,omitempty"`
	ENI     string `xml:"networkInterfaceId,omitempty"`
	Gateway string `xml:"gatewayId,omitempty"`
	State   string `xml:"state"`
	Origin  string `xml:"origin"`
}

type tableXML struct {
	ID     string     `xml:"routeTableId"`
	VPC    string     `xml:"vpcId"`
	Routes []routeXML `xml:"routeSet>item"`
	Tags   []tagXML   `xml:"tagSet>item"`
}

// setXML is a reply with a list, which is there even when it is empty.
type setXML struct {
	name  string
	items []any
	next  string
}

// MarshalXML implements xml.Marshaler.
func (s setXML) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	open := xml.StartElement{Name: xml.Name{Local: s.name}}
	if err := e.EncodeToken(open); err != nil {
		return err
	}
	for _, it := range s.items {
		if err := e.EncodeElement(it, xml.StartElement{Name: xml.Name{Local: "item"}}); err != nil {
			return err
		}
	}
	if err := e.EncodeToken(open.End()); err != nil {
		return err
	}
	if s.next == "" {
		return nil
	}
	return e.EncodeElement(s.next, xml.StartElement{Name: xml.Name{Local: "nextToken"}})
}

// set cuts a list into pages.
func (w *World) set(name string, p url.Values, items []any) (any, *apiError) {
	from := 0
	if t := p.Get("NextToken"); t != "" {
		var err error
		if from, err = strconv.Atoi(t); err != nil || from < 0 || from > len(items) {
			return nil, badParam("NextToken %s", t)
		}
	}
	s := setXML{name: name, items: items[from:]}
	if w.PageSize > 0 && len(s.items) > w.PageSize {
		s.items, s.next = s.items[:w.PageSize], strconv.Itoa(from+w.PageSize)
	}
	return s, nil
}

func (w *World) describe(op string, p url.Values, s state) (any, *apiError) {
	want := filters(p)
	switch op {
	case "DescribeNetworkInterfaces":
		return w.interfaces(want, p, s)
	case "DescribeAddresses":
		return w.elastics(want, p, s)
	case "DescribeRouteTables":
		return w.routeTables(want, p, s)
	default:
		return nil, fail(http.StatusBadRequest, "InvalidAction", "The action %s is not valid", op)
	}
}

func (w *World) interfaces(want map[string][]string, p url.Values, s state) (any, *apiError) {
	var items []any
	for _, id := range slices.Sorted(maps.Keys(s.enis)) {
		e := s.enis[id]
		ok, bad := matches(want, map[string][]string{
			"addresses.private-ip-address": e.v4, "ipv6-addresses.ipv6-address": e.v6, "subnet-id": {e.subnet},
			"vpc-id": {VPC}, "network-interface-id": {id}, "attachment.instance-id": {e.instance},
		})
		if bad != nil {
			return nil, bad
		}
		if !ok {
			continue
		}
		x := eniXML{
			ID: id, Subnet: e.subnet, VPC: VPC, Owner: Account, Status: "in-use", MAC: e.mac, Primary: e.v4[0],
			Check: e.check, Attached: attachXML{e.instance, "attached"}, Unknown: "ignored",
		}
		for i, a := range e.v4 {
			x.V4 = append(x.V4, privateXML{a, i == 0})
		}
		for _, a := range e.v6 {
			x.V6 = append(x.V6, v6XML{a})
		}
		items = append(items, x)
	}
	return w.set("networkInterfaceSet", p, items)
}

func (w *World) elastics(want map[string][]string, p url.Values, s state) (any, *apiError) {
	var items []any
	for _, id := range slices.Sorted(maps.Keys(s.eips)) {
		a := s.eips[id]
		ok, bad := matches(want, map[string][]string{"public-ip": {a.public}, "allocation-id": {id}})
		if bad != nil {
			return nil, bad
		}
		if ok {
			items = append(items, eipXML{
				Public: a.public, Allocation: id, Association: a.association,
				ENI: a.eni, Private: a.private, Domain: "vpc",
			})
		}
	}
	return w.set("addressesSet", p, items)
}

func (w *World) routeTables(want map[string][]string, p url.Values, s state) (any, *apiError) {
	var items []any
	for _, id := range slices.Sorted(maps.Keys(s.tables)) {
		t := s.tables[id]
		x := tableXML{ID: id, VPC: VPC, Tags: []tagXML{{"Name", t.name}}}
		have := map[string][]string{"route-table-id": {id}, "vpc-id": {VPC}, "tag:Name": {t.name}}
		for _, k := range slices.Sorted(maps.Keys(t.tags)) {
			x.Tags = append(x.Tags, tagXML{k, t.tags[k]})
			have["tag:"+k] = []string{t.tags[k]}
		}
		ok, bad := matches(want, have)
		if bad != nil {
			return nil, bad
		}
		if !ok {
			continue
		}
		for _, d := range slices.Sorted(maps.Keys(t.routes)) {
			x.Routes = append(x.Routes, asRouteXML(d, t.routes[d]))
		}
		items = append(items, x)
	}
	return w.set("routeTableSet", p, items)
}

func asRouteXML(dest string, r route) routeXML {
	x := routeXML{State: "active", Origin: "CreateRoute"}
	if r.blackhole {
		x.State = "blackhole"
	}
	switch {
	case strings.HasPrefix(dest, "pl-"):
		x.List = dest
	case strings.Contains(dest, ":"):
		x.V6 = dest
	default:
		x.V4 = dest
	}
	if strings.HasPrefix(r.hop, "eni-") {
		x.ENI = r.hop
	} else {
		x.Gateway = r.hop
	}
	return x
}
