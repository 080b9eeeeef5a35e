// SPDX-License-Identifier: Apache-2.0

//go:build !nooci

package oci_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/govrrp/vrrpd/cloud"
)

// Route tables are found by OCID, by VCN, by free-form and by defined tag, on
// any page; conditions are joined by "and".
func TestRouteLister(t *testing.T) {
	l := newLab(t)
	l.c.PageSize = 2
	rule := func(n int) string {
		return fmt.Sprintf(`{"networkEntityId":"ocid1.privateip.oc1..x","destination":"10.%d.0.0/16","destinationType":"CIDR_BLOCK"}`, n)
	}
	var tables []string
	for n, where := range [][3]string{{"vcn-a", "vrrpd", "wan"}, {"vcn-a", "vrrpd", "lan"}, {"vcn-b", "vrrpd", "wan"}, {"vcn-b", "owner", "net"}, {"vcn-b", "x", "y"}} {
		id := l.c.AddRouteTable(rule(n))
		l.c.TagTable(id, where[0], where[1], where[2])
		tables = append(tables, id)
	}
	lister := l.b.p.(cloud.RouteLister)
	node, err := l.b.p.Discover(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		scope cloud.RouteScope
		want  []int
	}{
		{cloud.RouteScope{}, nil},
		{cloud.RouteScope{Tables: tables[1:3]}, []int{1, 2}},
		{cloud.RouteScope{Network: "vcn-b"}, []int{2, 3, 4}},
		{cloud.RouteScope{Tag: "vrrpd=wan"}, []int{0, 2}},
		{cloud.RouteScope{Tag: "ops.owner=net"}, []int{3}},
		{cloud.RouteScope{Tag: "vrrpd=wan", Network: "vcn-b"}, []int{2}},
		{cloud.RouteScope{Tag: "vrrpd=wan", Tables: tables[:2]}, []int{0}},
		{cloud.RouteScope{Tag: "vrrpd"}, nil},
	} {
		entries, err := lister.Routes(context.Background(), node, tc.scope)
		var got []int
		for _, e := range entries {
			got = append(got, slices.Index(tables, e.Table))
		}
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%+v: tables %v, want %v: %v", tc.scope, got, tc.want, err)
		}
	}
	holder, err := lister.HolderOf(context.Background(), node, netip.MustParseAddr("10.0.0.2"))
	if err != nil || holder == "" {
		t.Errorf("%q, %v", holder, err)
	}
	l.c.Deny(l.b.Instance, "ROUTE_TABLE_READ")
	if entries, err := lister.Routes(context.Background(), node, cloud.RouteScope{Network: "vcn-b"}); err != nil || len(entries) != 0 {
		t.Errorf("a listing that a missing permission filters: %v, %v", entries, err)
	}
}
