// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/govrrp/vrrpd/internal/fakecloud"
)

const base = "/20160918/"

// ServeHTTP implements http.Handler for all services.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", c.now().UTC().Format(http.TimeFormat))
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // a request that was broken off has no effect
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/imds/"):
		c.metadata(w, r)
	case r.URL.Path == "/v1/x509" && r.Method == http.MethodPost:
		c.federate(w, r, body)
	case strings.HasPrefix(r.URL.Path, base):
		c.api(w, r, body)
	default:
		http.NotFound(w, r)
	}
}

// request is a verified request to the API.
type request struct {
	who   string
	id    string
	query url.Values
	match string
	body  []byte
	fault fakecloud.Fault
}

type operation struct {
	method, path, name string
	handle             func(*Cloud, request) fakecloud.Reply
}

// operations of the API. Whatever is not listed does not exist here; no
// operation that deletes, creates or unassigns is.
var operations = []operation{
	{"GET", "vnics/{}", "GetVnic", (*Cloud).getVNIC},
	{"GET", "subnets/{}", "GetSubnet", (*Cloud).getSubnet},
	{"GET", "privateIps", "ListPrivateIps", (*Cloud).listIPs},
	{"GET", "privateIps/{}", "GetPrivateIp", (*Cloud).getIP},
	{"PUT", "privateIps/{}", "UpdatePrivateIp", (*Cloud).putIP},
	{"GET", "ipv6", "ListIpv6s", (*Cloud).listIPs},
	{"GET", "ipv6/{}", "GetIpv6", (*Cloud).getIP},
	{"PUT", "ipv6/{}", "UpdateIpv6", (*Cloud).putIP},
	{"POST", "publicIps/actions/getByIpAddress", "GetPublicIpByIpAddress", (*Cloud).findPublic},
	{"PUT", "publicIps/{}", "UpdatePublicIp", (*Cloud).putPublic},
	{"GET", "routeTables", "ListRouteTables", (*Cloud).listTables},
	{"GET", "routeTables/{}", "GetRouteTable", (*Cloud).getTable},
	{"PUT", "routeTables/{}", "UpdateRouteTable", (*Cloud).putTable},
}

func (c *Cloud) api(w http.ResponseWriter, r *http.Request, body []byte) {
	path := strings.TrimPrefix(r.URL.Path, base)
	op, id := operation{name: r.Method + " " + path}, ""
	for _, o := range operations {
		prefix, wild := strings.CutSuffix(o.path, "{}")
		rest, ok := strings.CutPrefix(path, prefix)
		if o.method == r.Method && (path == o.path || wild && ok && rest != "" && !strings.Contains(rest, "/")) {
			op = o
			if wild {
				id = rest
			}
			break
		}
	}
	who, err := c.principal(r, body)
	mutates := r.Method != http.MethodGet && op.name != "GetPublicIpByIpAddress"
	call := fakecloud.Call{Op: op.name, Resource: id, Principal: who, Mutates: mutates, Body: string(body)}
	c.Serve(w, r, call, func(f fakecloud.Fault) fakecloud.Reply {
		switch {
		case err != nil:
			return c.Refuse(401, "NotAuthenticated", err.Error())
		case op.handle == nil:
			return c.Refuse(404, "NotFound", "no such operation in this fake")
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		return op.handle(c, request{who, id, r.URL.Query(), r.Header.Get("If-Match"), body, f})
	})
}

// gone is the one answer to what does not exist and to what is not permitted.
func (c *Cloud) gone() fakecloud.Reply {
	return c.Refuse(404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found.")
}

func (c *Cloud) stale() fakecloud.Reply {
	return c.Refuse(412, "NoEtagMatch", "The provided etag does not match the current one.")
}

func (c *Cloud) getVNIC(r request) fakecloud.Reply {
	v := c.vnics[r.id]
	if v == nil || !c.allowed(r.who, "VNIC_READ") {
		return c.gone()
	}
	return reply(200, etag(1), map[string]any{
		"id": v.id, "subnetId": v.subnet, "macAddress": strings.ToUpper(v.mac), "privateIp": v.ip,
		"skipSourceDestCheck": v.forwards, "lifecycleState": "AVAILABLE", "isPrimary": false,
		"availabilityDomain": "AD-1", "compartmentId": "ocid1.compartment.oc1..0001", "timeCreated": "2026-01-01T00:00:00Z",
	})
}

func (c *Cloud) getSubnet(r request) fakecloud.Reply {
	s := c.subnets[r.id]
	if s == nil || !c.allowed(r.who, "SUBNET_READ") {
		return c.gone()
	}
	m := map[string]any{"id": s.id, "cidrBlock": s.cidr, "compartmentId": "ocid1.compartment.oc1..0001", "vcnId": "ocid1.vcn.oc1..1"}
	if s.cidr6 != "" {
		m["ipv6CidrBlock"] = s.cidr6
	}
	return reply(200, etag(1), m)
}

func permission(id, verb string) string {
	if strings.HasPrefix(id, "ocid1.ipv6.") {
		return "IPV6_" + verb
	}
	return "PRIVATE_IP_" + verb
}

func (c *Cloud) render(a *address, r request) (map[string]any, int) {
	vnic, version := a.at(c.now().Add(-r.fault.Stale))
	m := map[string]any{"id": a.id, "ipAddress": a.ip, "subnetId": a.subnet, "lifetime": "EPHEMERAL", "ipState": "ASSIGNED"}
	if vnic == "" {
		m["lifetime"], m["ipState"] = "RESERVED", "AVAILABLE"
	} else {
		m["vnicId"] = vnic
	}
	if !strings.HasPrefix(a.id, "ocid1.ipv6.") {
		m["isPrimary"] = a.primary
	}
	return m, version
}

// listIPs lists by subnet or VNIC. As with the real thing, nobody is told
// about what it may not read: the list is merely shorter. The address filter is
// a prefix match on purpose, to catch clients that trust it to be exact.
func (c *Cloud) listIPs(r request) fakecloud.Reply {
	kind := "ocid1.privateip."
	if r.query.Get("vnicId") == "" && r.query.Get("subnetId") == "" {
		return c.Refuse(400, "InvalidParameter", "vnicId or subnetId is required")
	}
	if strings.Contains(r.query.Get("ipAddress"), ":") {
		kind = "ocid1.ipv6."
	}
	var ids []string
	for id, a := range c.ips {
		if strings.HasPrefix(id, kind) && c.allowed(r.who, permission(id, "READ")) &&
			(r.query.Get("vnicId") == "" || a.vnic == r.query.Get("vnicId")) &&
			(r.query.Get("subnetId") == "" || a.subnet == r.query.Get("subnetId")) &&
			strings.HasPrefix(a.ip, r.query.Get("ipAddress")) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids) // the newest first
	size := c.PageSize
	if size == 0 {
		size = 50
	}
	start, _ := strconv.Atoi(r.query.Get("page"))
	end := min(start+size, len(ids))
	list := []map[string]any{}
	for _, id := range ids[min(start, end):end] {
		m, _ := c.render(c.ips[id], r)
		list = append(list, m)
	}
	rep := reply(200, "", list)
	if end < len(ids) {
		rep.Header["opc-next-page"] = strconv.Itoa(end)
	}
	return rep
}

func (c *Cloud) getIP(r request) fakecloud.Reply {
	a := c.ips[r.id]
	if a == nil || !c.allowed(r.who, permission(r.id, "READ")) {
		return c.gone()
	}
	m, version := c.render(a, r)
	return reply(200, etag(version), m)
}

func (c *Cloud) putIP(r request) fakecloud.Reply {
	a := c.ips[r.id]
	if a == nil || !c.allowed(r.who, permission(r.id, "UPDATE"), "VNIC_ASSIGN", "VNIC_UNASSIGN") {
		return c.gone()
	}
	var fields map[string]json.RawMessage
	var vnic string
	if err := json.Unmarshal(r.body, &fields); err != nil || json.Unmarshal(fields["vnicId"], &vnic) != nil || vnic == "" {
		return c.Refuse(400, "InvalidParameter", "vnicId")
	}
	switch to := c.vnics[vnic]; {
	case r.match != "" && r.match != etag(a.version):
		return c.stale()
	case a.primary:
		return c.Refuse(400, "InvalidParameter", "a primary private IP cannot be moved")
	case to == nil || to.subnet != a.subnet:
		return c.gone()
	}
	c.move(a, vnic)
	m, version := c.render(a, request{})
	return reply(200, etag(version), m)
}

func (c *Cloud) renderPublic(p *public) fakecloud.Reply {
	m := map[string]any{
		"id": p.id, "ipAddress": p.ip, "lifetime": "RESERVED", "scope": "REGION", "lifecycleState": "AVAILABLE",
		"compartmentId": "ocid1.compartment.oc1..0001",
	}
	if p.private != "" {
		m["assignedEntityId"], m["assignedEntityType"], m["lifecycleState"] = p.private, "PRIVATE_IP", "ASSIGNED"
	}
	return reply(200, etag(p.version), m)
}

func (c *Cloud) findPublic(r request) fakecloud.Reply {
	var rq struct {
		IPAddress string `json:"ipAddress"`
	}
	if err := json.Unmarshal(r.body, &rq); err != nil {
		return c.Refuse(400, "InvalidParameter", "ipAddress")
	}
	for _, p := range c.publics {
		if p.ip == rq.IPAddress && c.allowed(r.who, "PUBLIC_IP_READ") {
			return c.renderPublic(p)
		}
	}
	return c.gone()
}

func (c *Cloud) putPublic(r request) fakecloud.Reply {
	p := c.publics[r.id]
	if p == nil || !c.allowed(r.who, "PUBLIC_IP_UPDATE") {
		return c.gone()
	}
	var rq struct {
		PrivateIPID string `json:"privateIpId"`
	}
	if err := json.Unmarshal(r.body, &rq); err != nil || c.ips[rq.PrivateIPID] == nil {
		return c.Refuse(400, "InvalidParameter", "privateIpId")
	}
	if r.match != "" && r.match != etag(p.version) {
		return c.stale()
	}
	p.private = rq.PrivateIPID
	p.version++
	return c.renderPublic(p)
}

func (c *Cloud) putTable(r request) fakecloud.Reply {
	t := c.tables[r.id]
	if t == nil || !c.allowed(r.who, "ROUTE_TABLE_UPDATE") {
		return c.gone()
	}
	if r.match != "" && r.match != etag(t.version) {
		return c.stale()
	}
	var rq struct {
		RouteRules []json.RawMessage `json:"routeRules"`
	}
	if err := json.Unmarshal(r.body, &rq); err != nil || rq.RouteRules == nil {
		return c.Refuse(400, "InvalidParameter", "routeRules")
	}
	for _, raw := range rq.RouteRules {
		var rule struct{ CidrBlock, Destination, RouteType string }
		if err := json.Unmarshal(raw, &rule); err != nil || rule.RouteType == "LOCAL" || rule.CidrBlock != "" && rule.Destination != "" {
			return c.Refuse(400, "InvalidParameter", "a local rule, or cidrBlock beside destination")
		}
	}
	var local []json.RawMessage
	for _, raw := range t.rules {
		if strings.Contains(string(raw), `"LOCAL"`) {
			local = append(local, raw)
		}
	}
	t.rules = append(rq.RouteRules, local...)
	t.version++
	return c.renderTable(t)
}
