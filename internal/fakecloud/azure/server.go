// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/internal/fakecloud"
)

// ServeHTTP implements http.Handler: Resource Manager, and below /imds/NAME the
// metadata service of a node.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // a request that was broken off has no effect
	}
	if rest, ok := strings.CutPrefix(r.URL.Path, "/imds/"); ok {
		name, path, _ := strings.Cut(rest, "/metadata")
		if n := c.nodes[name]; n != nil {
			n.metadata(w, r, path)
			return
		}
	}
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	rq := parse(r, body)
	c.mu.Lock()
	t, ok := c.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	c.mu.Unlock()
	rq.who = t.who
	call := fakecloud.Call{
		Op: r.Method + " " + rq.kind, Resource: rq.id, Principal: t.who, Body: string(body),
		Mutates: r.Method != http.MethodGet,
	}
	c.Serve(w, r, call, func(f fakecloud.Fault) fakecloud.Reply {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.settle()
		if !ok || !time.Now().Before(t.expires) {
			return refuse(http.StatusUnauthorized, "ExpiredAuthenticationToken", "The access token is invalid or expired.")
		}
		if r.URL.Query().Get("api-version") == "" {
			return refuse(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter is required.")
		}
		rq.stale = f.Stale
		return c.answer(rq)
	})
}

type request struct {
	method, id, kind, name string
	route                  string // of a route within a table
	list, permissions      bool
	who                    string
	match, noneMatch       string
	body                   []byte
	stale                  time.Duration
}

// parse finds out what a path names.
func parse(r *http.Request, body []byte) request {
	rq := request{method: r.Method, match: r.Header.Get("If-Match"), noneMatch: r.Header.Get("If-None-Match"), body: body}
	path := strings.TrimRight(r.URL.Path, "/")
	if rest, ok := cutSuffixFold(path, "/providers/Microsoft.Authorization/permissions"); ok {
		rq.permissions, path = true, rest
	}
	rq.id = path
	parts := strings.Split(strings.Trim(path, "/"), "/")
	at := -1
	for i, p := range parts {
		if strings.EqualFold(p, "providers") {
			at = i
		}
	}
	if at < 0 || len(parts) < at+3 {
		return rq
	}
	rest := parts[at+2:]
	for _, k := range []string{"networkInterfaces", "routeTables", "publicIPAddresses", "virtualMachines", "virtualNetworks"} {
		if strings.EqualFold(rest[0], k) {
			rq.kind = k
		}
	}
	switch {
	case strings.EqualFold(rest[0], "locations") && len(rest) == 4:
		rq.kind, rq.name = "operations", rest[3]
	case len(rest) == 1:
		rq.list = true
	case len(rest) == 2:
		rq.name = rest[1]
	case len(rest) == 4 && rq.kind == "virtualNetworks":
		rq.name, rq.kind = rest[3], "virtualNetworks/subnets"
	case len(rest) == 4 && rq.kind == "routeTables":
		rq.name, rq.route, rq.kind = rest[1], rest[3], "routeTables/routes"
		rq.id = "/" + strings.Join(parts[:at+4], "/")
	}
	return rq
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if len(s) < len(suffix) || !strings.EqualFold(s[len(s)-len(suffix):], suffix) {
		return s, false
	}
	return s[:len(s)-len(suffix)], true
}

// answer serves an authenticated request. The caller holds the lock.
func (c *Cloud) answer(rq request) fakecloud.Reply {
	if rq.permissions {
		var actions []any
		for _, a := range c.roles[rq.who] {
			actions = append(actions, a)
		}
		return reply(http.StatusOK, doc{"value": []any{doc{"actions": actions, "notActions": []any{}}}})
	}
	verb := map[string]string{http.MethodGet: "read", http.MethodPut: "write"}[rq.method]
	if verb == "" {
		return refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", rq.method)
	}
	provider := "Microsoft.Network/"
	if rq.kind == "virtualMachines" {
		provider = "Microsoft.Compute/"
	}
	kind := rq.kind
	if kind == "operations" {
		kind = "locations/operations"
	}
	if action := provider + kind + "/" + verb; !c.permitted(rq.who, action) {
		return refuse(http.StatusForbidden, "AuthorizationFailed", fmt.Sprintf(
			"The client '%s' with object id 'o' does not have authorization to perform action '%s' over scope '%s' or the scope is invalid.",
			rq.who, action, rq.id))
	}
	switch {
	case rq.kind == "operations":
		return c.operation(rq.name)
	case rq.list:
		return c.listing(rq.kind)
	}
	r := c.resources[strings.ToLower(rq.id)]
	if r == nil {
		return refuse(http.StatusNotFound, "ResourceNotFound", fmt.Sprintf("The Resource '%s' was not found.", rq.id))
	}
	if rq.method == http.MethodPut {
		return c.put(rq, r)
	}
	return fakecloud.Reply{Status: http.StatusOK, Header: map[string]string{"Content-Type": "application/json"}, Body: c.shown(r, rq.stale)}
}

// shown is a resource as it was that long ago.
func (c *Cloud) shown(r *resource, ago time.Duration) []byte {
	when := time.Now().Add(-ago)
	for _, p := range r.past {
		if ago > 0 && when.Before(p.until) {
			return p.text
		}
	}
	return c.render(r)
}

// listing returns all resources of a kind.
func (c *Cloud) listing(kind string) fakecloud.Reply {
	value := []any{}
	for _, r := range c.sorted() {
		if r.kind == kind {
			d, err := decode(c.render(r))
			if err != nil {
				return refuse(http.StatusInternalServerError, "InternalServerError", err.Error())
			}
			value = append(value, d)
		}
	}
	return reply(http.StatusOK, doc{"value": value})
}

func (c *Cloud) operation(id string) fakecloud.Reply {
	o := c.ops[id]
	if o == nil {
		return refuse(http.StatusNotFound, "OperationNotFound", id)
	}
	d := doc{"status": o.status}
	if o.status == "Failed" || o.status == "Canceled" {
		d["error"] = doc{"code": o.code, "message": "The operation has ended.", "details": []any{}}
	}
	rep := reply(http.StatusOK, d)
	if o.status == "InProgress" && c.RetryAfter != "" {
		rep.Header["Retry-After"] = c.RetryAfter
	}
	return rep
}

// permitted matches an action with the role of a principal.
func (c *Cloud) permitted(who, action string) bool {
	for _, pattern := range c.roles[who] {
		if wildcard(strings.ToLower(pattern), strings.ToLower(action)) {
			return true
		}
	}
	return false
}

func wildcard(pattern, s string) bool {
	head, tail, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	rest, ok := strings.CutPrefix(s, head)
	if !ok {
		return false
	}
	for i := 0; i <= len(rest); i++ {
		if wildcard(tail, rest[i:]) {
			return true
		}
	}
	return false
}
