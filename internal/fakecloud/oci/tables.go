// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"maps"
	"slices"
	"strconv"

	"github.com/govrrp/vrrpd/internal/fakecloud"
)

const compartment = "ocid1.compartment.oc1..0001"

func describe(t *table) map[string]any {
	return map[string]any{
		"id": t.id, "routeRules": t.rules, "lifecycleState": "AVAILABLE",
		"compartmentId": compartment, "vcnId": t.vcn, "freeformTags": t.tags,
		"definedTags": map[string]any{"ops": map[string]any{"owner": t.tags["owner"]}},
	}
}

func (c *Cloud) renderTable(t *table) fakecloud.Reply {
	return reply(200, etag(t.version), describe(t))
}

func (c *Cloud) getTable(r request) fakecloud.Reply {
	t := c.tables[r.id]
	if t == nil || !c.allowed(r.who, "ROUTE_TABLE_READ") {
		return c.gone()
	}
	return c.renderTable(t)
}

// listTables lists what the caller may read: without permission the list is
// empty, and no error.
func (c *Cloud) listTables(r request) fakecloud.Reply {
	if r.query.Get("compartmentId") != compartment {
		return c.gone()
	}
	list := []map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(c.tables)) {
		t, vcn := c.tables[id], r.query.Get("vcnId")
		if c.allowed(r.who, "ROUTE_TABLE_READ") && (vcn == "" || t.vcn == vcn) {
			list = append(list, describe(t))
		}
	}
	size := c.PageSize
	if size == 0 {
		size = 50
	}
	start, _ := strconv.Atoi(r.query.Get("page"))
	end := min(start+size, len(list))
	rep := reply(200, "", list[min(start, end):end])
	if end < len(list) {
		rep.Header["opc-next-page"] = strconv.Itoa(end)
	}
	return rep
}
