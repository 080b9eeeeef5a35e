// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/fakecloud"
)

// Cloud is the whole fake: the model, and an http.Handler for its services.
type Cloud struct {
	fakecloud.Core

	// URL is where it is served, after Start.
	URL string
	// TokenLife is how long issued tokens are valid; default 20 minutes.
	TokenLife time.Duration
	// PageSize is how many entries a page of a listing has; default 50.
	PageSize int
	// Now is the cloud's clock; nil: time.Now.
	Now func() time.Time

	mu        sync.Mutex
	serial    int
	subnets   map[string]*subnet
	vnics     map[string]*vnic
	ips       map[string]*address // private IPs and IPv6 alike, by OCID
	publics   map[string]*public
	tables    map[string]*table
	instances map[string]*Instance
	tokens    map[string]*token
	denied    map[string]bool // principal + " " + permission
}

type subnet struct{ id, cidr, cidr6 string }

type vnic struct {
	id, subnet, mac, ip, instance string
	forwards                      bool
}

type address struct {
	id, ip, subnet, vnic string
	primary              bool
	version              int
	history              []past
}

type past struct {
	vnic    string
	version int
	until   time.Time
}

type public struct {
	id, ip, private string
	version         int
}

type table struct {
	id      string
	vcn     string
	tags    map[string]string
	rules   []json.RawMessage
	version int
}

// New returns an empty cloud.
func New() *Cloud {
	c := &Cloud{
		subnets: map[string]*subnet{}, vnics: map[string]*vnic{}, ips: map[string]*address{},
		publics: map[string]*public{}, tables: map[string]*table{}, instances: map[string]*Instance{},
		tokens: map[string]*token{}, denied: map[string]bool{},
	}
	c.RequestIDHeader = "opc-request-id"
	c.Refuse = func(status int, code, message string) fakecloud.Reply {
		return reply(status, "", map[string]any{"code": code, "message": message})
	}
	return c
}

// Start serves a new cloud on a loopback address until the test ends.
func Start(t testing.TB) *Cloud {
	t.Helper()
	c := New()
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	c.URL = s.URL
	return c
}

func (c *Cloud) ocid(kind string) string {
	c.serial++
	return fmt.Sprintf("ocid1.%s.oc1..%04d", kind, c.serial)
}

func (c *Cloud) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// AddSubnet adds a subnet; cidr6 may be empty.
func (c *Cloud) AddSubnet(cidr, cidr6 string) (ocid string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &subnet{c.ocid("subnet"), cidr, cidr6}
	c.subnets[s.id] = s
	return s.id
}

// AddVNIC attaches a network interface with a primary address to the instance.
func (i *Instance) AddVNIC(subnet, ip, mac string) (ocid string) {
	c := i.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	v := &vnic{id: c.ocid("vnic"), subnet: subnet, mac: mac, ip: ip, instance: i.ID, forwards: true}
	c.vnics[v.id] = v
	i.vnics = append(i.vnics, v)
	c.addAddress("privateip", v.id, ip).primary = true
	return v.id
}

// AddPrivateIP adds a secondary address, IPv4 or IPv6, to a network interface.
func (c *Cloud) AddPrivateIP(vnic, ip string) (ocid string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kind := "privateip"
	if netip.MustParseAddr(ip).Is6() {
		kind = "ipv6"
	}
	return c.addAddress(kind, vnic, ip).id
}

func (c *Cloud) addAddress(kind, vnic, ip string) *address {
	a := &address{id: c.ocid(kind), ip: ip, subnet: c.vnics[vnic].subnet, vnic: vnic, version: 1}
	c.ips[a.id] = a
	return a
}

// AddPublicIP adds a reserved public IP on a private IP.
func (c *Cloud) AddPublicIP(ip, private string) (ocid string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &public{c.ocid("publicip"), ip, private, 1}
	c.publics[p.id] = p
	return p.id
}

// AddRouteTable adds a route table with rules given as JSON objects.
func (c *Cloud) AddRouteTable(rules ...string) (ocid string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &table{id: c.ocid("routetable"), vcn: "ocid1.vcn.oc1..1", version: 1, rules: []json.RawMessage{}}
	for _, r := range rules {
		t.rules = append(t.rules, json.RawMessage(r))
	}
	c.tables[t.id] = t
	return t.id
}

// TagTable puts a table into a VCN and gives it a free-form tag.
func (c *Cloud) TagTable(table, vcn, key, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tables[table].vcn, c.tables[table].tags = vcn, map[string]string{key: value}
}

// Rules returns a route table's rules as JSON, one per line.
func (c *Cloud) Rules(table string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for _, r := range c.tables[table].rules {
		b.Write(r)
		b.WriteByte('\n')
	}
	return b.String()
}

// Holder returns the VNIC that holds a private IP or IPv6, by OCID.
func (c *Cloud) Holder(ocid string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.ips[ocid]; a != nil {
		return a.vnic
	}
	return ""
}

// Move changes a holder as a person at the console would.
func (c *Cloud) Move(ocid, vnic string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.move(c.ips[ocid], vnic)
}

// Touch changes a route table's etag, as an edit of its tags would.
func (c *Cloud) Touch(table string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tables[table].version++
}

// SetForwarding sets a VNIC's skipSourceDestCheck.
func (c *Cloud) SetForwarding(vnic string, on Forwarding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.vnics[vnic].forwards = bool(on)
}

// Forwarding says whether a VNIC may forward.
type Forwarding bool

// Deny takes a permission away from an instance.
func (c *Cloud) Deny(i *Instance, permission string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.denied[i.ID+" "+permission] = true
}

// Allow gives it back.
func (c *Cloud) Allow(i *Instance, permission string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.denied, i.ID+" "+permission)
}

func (c *Cloud) allowed(principal string, permissions ...string) bool {
	return !slices.ContainsFunc(permissions, func(p string) bool { return c.denied[principal+" "+p] })
}

func (c *Cloud) move(a *address, vnic string) {
	a.history = append(a.history, past{a.vnic, a.version, c.now()})
	a.vnic = vnic
	a.version++
}

// at returns the state of an address as it was.
func (a *address) at(t time.Time) (vnic string, version int) {
	for _, p := range a.history {
		if p.until.After(t) {
			return p.vnic, p.version
		}
	}
	return a.vnic, a.version
}

func etag(version int) string { return fmt.Sprintf(`"e%d"`, version) }

func reply(status int, tag string, body any) fakecloud.Reply {
	b, err := json.Marshal(body)
	if err != nil {
		return fakecloud.Reply{Status: http.StatusInternalServerError}
	}
	h := map[string]string{"Content-Type": "application/json"}
	if tag != "" {
		h["etag"] = tag
	}
	return fakecloud.Reply{Status: status, Header: h, Body: b}
}
