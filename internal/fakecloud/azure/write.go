// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/internal/fakecloud"
)

// put replaces a resource, or a route of a table, after authorisation. The
// caller holds the lock.
func (c *Cloud) put(rq request, r *resource) fakecloud.Reply {
	body, err := decode(rq.body)
	if err != nil {
		return refuse(http.StatusBadRequest, "InvalidRequestContent", err.Error())
	}
	if rep, ok := c.linked(rq, r, body); !ok {
		return rep
	}
	current := fmt.Sprintf(`W/"%08d-0000-0000-0000-000000000000"`, r.etag)
	if rq.match != "" && rq.match != "*" && rq.match != current {
		return refuse(http.StatusPreconditionFailed, "PreconditionFailed", "A precondition in the request has failed.")
	}
	if r.op != nil && !c.Supersede {
		return refuse(http.StatusTooManyRequests, "RetryableError", "A retryable error occurred.")
	}
	status := http.StatusOK
	switch rq.kind {
	case "networkInterfaces":
		if rep, ok := c.putNIC(r, body); !ok {
			return rep
		}
	case "routeTables":
		c.replace(r, body)
	case "routeTables/routes":
		if status = c.putRoute(rq, r, body); status == http.StatusPreconditionFailed {
			return refuse(status, "PreconditionFailed", "The route exists.")
		}
	default:
		return refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "not for a claim to write")
	}
	return c.accept(r, status)
}

// replace makes body the whole of a resource, as the vendor does.
func (c *Cloud) replace(r *resource, body doc) {
	c.touch(r)
	for _, k := range []string{"id", "name", "type", "location"} {
		body[k] = r.want[k]
	}
	strip(body)
	for _, m := range append(configs(body), routes(body)...) {
		strip(m)
	}
	r.want = body
}

func strip(m doc) {
	delete(m, "etag")
	if p := sub(m, "properties"); p != nil {
		delete(p, "provisioningState")
	}
}

func (c *Cloud) putNIC(r *resource, body doc) (fakecloud.Reply, bool) {
	if len(configs(body)) == 0 {
		return refuse(http.StatusBadRequest, "NetworkInterfaceMustHaveAtLeastOneIpConfiguration", r.id), false
	}
	names := map[string]bool{}
	for _, cfg := range configs(body) {
		name := str(cfg, "name")
		if name == "" || names[strings.ToLower(name)] {
			return refuse(http.StatusBadRequest, "DuplicateResourceName", name), false
		}
		names[strings.ToLower(name)] = true
		cfg["id"] = r.id + "/ipConfigurations/" + name
		for _, o := range c.sorted() {
			for _, held := range append(configs(o.want), configs(o.real)...) {
				if o == r {
					continue
				}
				if address(held) == address(cfg) {
					return refuse(http.StatusBadRequest, "PrivateIPAddressIsAllocated", fmt.Sprintf(
						"IP configuration %s is using the private IP address %s which is already allocated to resource %s.",
						cfg["id"], address(cfg), str(held, "id"))), false
				}
				pub := str(sub(sub(cfg, "properties"), "publicIPAddress"), "id")
				if pub != "" && strings.EqualFold(pub, str(sub(sub(held, "properties"), "publicIPAddress"), "id")) {
					return refuse(http.StatusBadRequest, "PublicIPAddressInUse", fmt.Sprintf(
						"Resource %s is referencing public IP address %s that is already allocated.", cfg["id"], pub)), false
				}
			}
		}
	}
	c.replace(r, body)
	return fakecloud.Reply{}, true
}

func (c *Cloud) putRoute(rq request, r *resource, body doc) int {
	p := sub(r.want, "properties")
	for i, e := range routes(r.want) {
		if !strings.EqualFold(str(e, "name"), rq.route) {
			continue
		}
		if rq.noneMatch == "*" {
			return http.StatusPreconditionFailed
		}
		c.touch(r)
		strip(body)
		body["id"], body["name"] = e["id"], e["name"]
		p["routes"].([]any)[i] = body
		return http.StatusOK
	}
	c.touch(r)
	strip(body)
	body["id"], body["name"] = r.id+"/routes/"+rq.route, rq.route
	all, _ := p["routes"].([]any)
	p["routes"] = append(all, body)
	return http.StatusCreated
}

// accept begins to carry a write out.
func (c *Cloud) accept(r *resource, status int) fakecloud.Reply {
	c.writes++
	code := ""
	if c.Outcome != nil {
		code = c.Outcome(r.id, c.writes)
	}
	if c.Takes == 0 && code == "" {
		r.state, r.real = "Succeeded", clone(r.want)
		return fakecloud.Reply{Status: status, Header: map[string]string{"Content-Type": "application/json"}, Body: c.render(r)}
	}
	if r.op != nil {
		r.op.status, r.op.code = "Canceled", "CanceledAndSupersededDueToAnotherOperation"
	}
	o := &operation{id: fmt.Sprintf("op-%06d", c.writes), status: "InProgress", code: code, on: r, ends: time.Now().Add(c.Takes)}
	c.ops[o.id], r.op, r.state = o, o, "Updating"
	rep := fakecloud.Reply{Status: status, Body: c.render(r), Header: map[string]string{
		"Content-Type":         "application/json",
		"Azure-AsyncOperation": c.URL + "/subscriptions/" + Subscription + "/providers/Microsoft.Network/locations/" + Location + "/operations/" + o.id + "?api-version=2025-05-01",
	}}
	if c.RetryAfter != "" {
		rep.Header["Retry-After"] = c.RetryAfter
	}
	return rep
}

// linked checks the permission to join what an interface refers to.
func (c *Cloud) linked(rq request, r *resource, body doc) (fakecloud.Reply, bool) {
	if rq.kind != "networkInterfaces" {
		return fakecloud.Reply{}, true
	}
	need := map[string]string{}
	if id := str(sub(sub(body, "properties"), "networkSecurityGroup"), "id"); id != "" {
		need["Microsoft.Network/networkSecurityGroups/join/action"] = id
	}
	for _, cfg := range configs(body) {
		p := sub(cfg, "properties")
		if id := str(sub(p, "subnet"), "id"); id != "" {
			need["Microsoft.Network/virtualNetworks/subnets/join/action"] = id
		}
		if id := str(sub(p, "publicIPAddress"), "id"); id != "" {
			need["Microsoft.Network/publicIPAddresses/join/action"] = id
		}
	}
	for action, scope := range need {
		if !c.permitted(rq.who, action) {
			return refuse(http.StatusForbidden, "LinkedAuthorizationFailed", fmt.Sprintf(
				"The client '%s' has permission to perform action 'Microsoft.Network/networkInterfaces/write' on scope '%s'; however, it does not have permission to perform action(s) '%s' on the linked scope(s) '%s' (respectively) or the linked scope(s) are invalid.",
				rq.who, r.id, action, scope)), false
		}
	}
	return fakecloud.Reply{}, true
}
