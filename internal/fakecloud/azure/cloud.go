// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/internal/fakecloud"
)

// Names that are the same in every fake.
const (
	Subscription = "00000000-1111-2222-3333-444444444444"
	Group        = "rg-Net"
	Location     = "westeurope"
	network      = "/subscriptions/" + Subscription + "/resourceGroups/" + Group + "/providers/Microsoft.Network/"
	compute      = "/subscriptions/" + Subscription + "/resourceGroups/" + Group + "/providers/Microsoft.Compute/"
	Network      = network + "virtualNetworks/vnet1" // the virtual network of all subnets
)

// Cloud is the whole fake. Set its fields before use.
type Cloud struct {
	fakecloud.Core

	// URL is where it is served; default https://management.azure.com.
	URL string
	// Takes is how long a write is carried out after it was accepted; 0: it is
	// done at once. RetryAfter is the header that comes with it.
	Takes      time.Duration
	RetryAfter string
	// Supersede makes a write to a busy resource cancel the one before,
	// instead of being refused.
	Supersede bool
	// Outcome decides the error code with which the nth write fails after it
	// was accepted; "" or nil: it succeeds.
	Outcome func(id string, nth int) (code string)
	// TokenLife is how long tokens are valid; default 24 h.
	TokenLife time.Duration

	mu        sync.Mutex
	serial    int
	writes    int
	resources map[string]*resource // by lower-case id
	ops       map[string]*operation
	nodes     map[string]*Node
	tokens    map[string]token
	roles     map[string][]string // principal → permitted actions
}

type token struct {
	who     string
	expires time.Time
}

// doc is a JSON object.
type doc = map[string]any

type resource struct {
	id, kind string
	want     doc // as last written
	real     doc // as carried out
	etag     int
	state    string
	op       *operation
	past     []past
}

type past struct {
	text  []byte
	until time.Time
}

type operation struct {
	id, status, code string
	on               *resource
	ends             time.Time
}

// New returns an empty cloud.
func New() *Cloud {
	c := &Cloud{
		URL: "https://management.azure.com", resources: map[string]*resource{}, ops: map[string]*operation{},
		nodes: map[string]*Node{}, tokens: map[string]token{}, roles: map[string][]string{},
	}
	c.RequestIDHeader = "x-ms-correlation-request-id"
	c.Refuse = refuse
	return c
}

// refuse renders the vendor's error. What is retryable has its reason below.
func refuse(status int, code, message string) fakecloud.Reply {
	e := doc{"code": code, "message": message}
	switch code {
	case "RetryableError":
		e["details"] = []any{doc{
			"code":    "RetryableErrorDueToAnotherOperation",
			"message": "Operation PutRouteOperation is not allowed on this resource. The call can be retried in 11 seconds.",
		}}
	case "PreconditionFailed":
		e["details"] = []any{doc{"code": "PreconditionFailedEtagMismatch", "message": "The etag does not match."}}
	}
	return reply(status, doc{"error": e})
}

func reply(status int, v any) fakecloud.Reply {
	return fakecloud.Reply{Status: status, Header: map[string]string{"Content-Type": "application/json; charset=utf-8"}, Body: encode(v)}
}

func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte(err.Error())
	}
	return bytes.TrimSpace(b.Bytes())
}

// decode keeps numbers as they are written.
func decode(text []byte) (doc, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v doc
	err := d.Decode(&v)
	return v, err
}

func clone(d doc) doc {
	c, err := decode(encode(d))
	if err != nil {
		panic(err) // only what came from JSON is in here
	}
	return c
}

func sub(d doc, key string) doc {
	v, _ := d[key].(doc)
	return v
}

func list(d doc, key string) []doc {
	var out []doc
	v, _ := d[key].([]any)
	for _, e := range v {
		if m, ok := e.(doc); ok {
			out = append(out, m)
		}
	}
	return out
}

func str(d doc, key string) string {
	s, _ := d[key].(string)
	return s
}

// configs and routes of a document.
func configs(d doc) []doc { return list(sub(d, "properties"), "ipConfigurations") }
func routes(d doc) []doc  { return list(sub(d, "properties"), "routes") }

func address(config doc) string { return str(sub(config, "properties"), "privateIPAddress") }

// add puts a resource into the model. The caller holds the lock.
func (c *Cloud) add(kind, id string, d doc) *resource {
	d["id"], d["name"], d["type"], d["location"] = id, id[strings.LastIndex(id, "/")+1:], "Microsoft.Network/"+kind, Location
	c.serial++
	r := &resource{id: id, kind: kind, want: clone(d), etag: c.serial, state: "Succeeded"}
	r.real = clone(r.want)
	c.resources[strings.ToLower(id)] = r
	return r
}

// touch makes a new version, keeping the old one for stale reads.
func (c *Cloud) touch(r *resource) {
	r.past = append(r.past, past{c.render(r), time.Now()})
	c.serial++
	r.etag = c.serial
}

// settle ends the operations whose time has come. The caller holds the lock.
func (c *Cloud) settle() {
	var due []*operation
	for _, o := range c.ops {
		if o.status == "InProgress" && !time.Now().Before(o.ends) {
			due = append(due, o)
		}
	}
	slices.SortFunc(due, func(a, b *operation) int { return strings.Compare(a.id, b.id) })
	for _, o := range due {
		r := o.on
		c.touch(r)
		r.op = nil
		if o.code != "" {
			o.status, r.state = "Failed", "Failed"
			continue
		}
		o.status, r.state, r.real = "Succeeded", "Succeeded", clone(r.want)
	}
}

// render is a resource as it is shown.
func (c *Cloud) render(r *resource) []byte {
	d := clone(r.want)
	etag := fmt.Sprintf(`W/"%08d-0000-0000-0000-000000000000"`, r.etag)
	mark := func(m doc) {
		if r.kind == "virtualMachines" {
			return
		}
		m["etag"] = etag
		if p := sub(m, "properties"); p != nil {
			p["provisioningState"] = r.state
		}
	}
	mark(d)
	for _, m := range append(configs(d), routes(d)...) {
		mark(m)
	}
	if r.kind == "publicIPAddresses" {
		if at := c.publicAt(r.id); at != "" {
			sub(d, "properties")["ipConfiguration"] = doc{"id": at}
		}
	}
	return encode(d)
}

// publicAt returns the configuration that a public address is on.
func (c *Cloud) publicAt(id string) string {
	for _, r := range c.sorted() {
		for _, cfg := range configs(r.want) {
			if strings.EqualFold(str(sub(sub(cfg, "properties"), "publicIPAddress"), "id"), id) {
				return str(cfg, "id")
			}
		}
	}
	return ""
}

func (c *Cloud) sorted() []*resource {
	var out []*resource
	for _, r := range c.resources {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *resource) int { return strings.Compare(a.id, b.id) })
	return out
}

// NextHop returns where a route really leads, "" if it is not there.
func (c *Cloud) NextHop(table, dest string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	r := c.resources[strings.ToLower(network+"routeTables/"+table)]
	for _, e := range routes(r.real) {
		if str(sub(e, "properties"), "addressPrefix") == dest {
			return str(sub(e, "properties"), "nextHopIpAddress")
		}
	}
	return ""
}

// Holder returns the names of the interfaces that really have an address, and
// the names of the public addresses it has there.
func (c *Cloud) Holder(addr string) (nics, publics []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	for _, r := range c.sorted() {
		for _, cfg := range configs(r.real) {
			if address(cfg) != addr {
				continue
			}
			nics = append(nics, str(r.want, "name"))
			if id := str(sub(sub(cfg, "properties"), "publicIPAddress"), "id"); id != "" {
				publics = append(publics, id[strings.LastIndex(id, "/")+1:])
			}
		}
	}
	return nics, publics
}

// Edit lets a third party change a resource at once. kind and name are those of
// the id.
func (c *Cloud) Edit(kind, name string, f func(properties map[string]any)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	r := c.resources[strings.ToLower(network+kind+"/"+name)]
	c.touch(r)
	f(sub(r.want, "properties"))
	f(sub(r.real, "properties"))
}

// SetRoute lets a third party point a route elsewhere.
func (c *Cloud) SetRoute(table, dest, hop string) {
	c.Edit("routeTables", table, func(p map[string]any) {
		for _, e := range list(p, "routes") {
			if ep := sub(e, "properties"); str(ep, "addressPrefix") == dest {
				ep["nextHopIpAddress"] = hop
			}
		}
	})
}

// DropRoute lets a third party delete a route.
func (c *Cloud) DropRoute(table, dest string) {
	c.Edit("routeTables", table, func(p map[string]any) {
		var keep []any
		for _, e := range list(p, "routes") {
			if str(sub(e, "properties"), "addressPrefix") != dest {
				keep = append(keep, e)
			}
		}
		p["routes"] = keep
	})
}

// Start lets a third party write a resource through the API: the write takes
// its time, and supersedes one that is under way.
func (c *Cloud) Start(kind, name string, f func(properties map[string]any)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	r := c.resources[strings.ToLower(network+kind+"/"+name)]
	c.touch(r)
	f(sub(r.want, "properties"))
	c.accept(r, 200)
}

// Text returns a resource as a GET would show it.
func (c *Cloud) Text(kind, name string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	return c.render(c.resources[strings.ToLower(network+kind+"/"+name)])
}

// Declared lists what a client may change.
type Declared struct {
	Addresses []string // private, each with the public address that is on it
	Routes    []string // destinations, in all tables
}

// Fingerprint spells out everything that was not declared.
func (c *Cloud) Fingerprint(d Declared) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	var b strings.Builder
	for _, r := range c.sorted() {
		e := clone(r.want)
		p := sub(e, "properties")
		var keep []any
		for _, cfg := range configs(e) {
			if !slices.Contains(d.Addresses, address(cfg)) {
				delete(cfg, "etag")
				delete(sub(cfg, "properties"), "provisioningState")
				keep = append(keep, cfg)
			}
		}
		if keep != nil {
			p["ipConfigurations"] = keep
		}
		for _, x := range routes(e) {
			if slices.Contains(d.Routes, str(sub(x, "properties"), "addressPrefix")) {
				delete(sub(x, "properties"), "nextHopIpAddress")
				delete(sub(x, "properties"), "nextHopType")
			}
			delete(x, "etag")
			delete(sub(x, "properties"), "provisioningState")
		}
		delete(e, "etag")
		delete(p, "provisioningState")
		fmt.Fprintf(&b, "%s %s\n", r.id, encode(e))
	}
	return b.String()
}

func subnetOf(addr string) string {
	a := netip.MustParseAddr(addr)
	if a.Is6() {
		return Network + "/subnets/Snet-" + fmt.Sprint(a.As16()[7])
	}
	return Network + "/subnets/Snet-" + fmt.Sprint(a.As4()[2])
}
