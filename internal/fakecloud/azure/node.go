// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/internal/fakecloud"
)

// Node is one virtual machine: its interfaces, its metadata service, its identity.
type Node struct {
	c    *Cloud
	Name string
	nics []string // ids
	cut  bool
}

// AddNode adds a machine with an interface for each primary address, in a /24
// subnet of its own range, with forwarding on. The interfaces are named
// NAME-nic0, NAME-nic1, … and have members that no client knows.
func (c *Cloud) AddNode(name string, primaries ...string) *Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &Node{c: c, Name: name}
	var refs []any
	for i, addr := range primaries {
		a := netip.MustParseAddr(addr).As4()
		id := fmt.Sprintf("%snetworkInterfaces/%s-nic%d", network, name, i)
		c.add("networkInterfaces", id, doc{
			"tags":             doc{"owner": "net <&> ops"},
			"extendedLocation": doc{"type": "EdgeZone", "name": "z1"},
			"x-future":         doc{"big": 12345678901234567, "list": []any{1, "two", nil}},
			"properties": doc{
				"enableIPForwarding": true, "enableAcceleratedNetworking": true, "disableTcpStateTracking": false,
				"macAddress": fmt.Sprintf("00-0D-3A-%02X-%02X-%02X", a[1], a[2], a[3]), "primary": i == 0,
				"dnsSettings":          doc{"dnsServers": []any{"10.0.0.53"}, "appliedDnsServers": []any{}},
				"networkSecurityGroup": doc{"id": network + "networkSecurityGroups/nsg1"},
				"virtualMachine":       doc{"id": compute + "virtualMachines/" + name},
				"auxiliaryMode":        "None", "xFutureProperty": doc{"keep": true},
				"ipConfigurations": []any{config(id, "primary", addr, true)},
			},
		})
		c.add("virtualNetworks/subnets", subnetOf(addr), doc{"properties": doc{
			"addressPrefixes": []any{fmt.Sprintf("%d.%d.%d.0/24", a[0], a[1], a[2])},
		}})
		n.nics = append(n.nics, id)
		refs = append(refs, doc{"id": id, "properties": doc{"primary": i == 0}})
	}
	vm := c.add("virtualMachines", compute+"virtualMachines/"+name, doc{"properties": doc{"networkProfile": doc{"networkInterfaces": refs}}})
	vm.want["type"] = "Microsoft.Compute/virtualMachines"
	c.nodes[name] = n
	c.roles[name] = []string{"*"}
	return n
}

func config(nic, name, addr string, primary bool) doc {
	version := "IPv4"
	if netip.MustParseAddr(addr).Is6() {
		version = "IPv6"
	}
	return doc{
		"id": nic + "/ipConfigurations/" + name, "name": name, "type": "Microsoft.Network/networkInterfaces/ipConfigurations",
		"properties": doc{
			"privateIPAddress": addr, "privateIPAllocationMethod": "Static", "privateIPAddressVersion": version,
			"primary": primary, "subnet": doc{"id": subnetOf(addr)}, "xFutureConfig": "of " + addr,
		},
	}
}

// NIC returns the resource id of the nth interface.
func (n *Node) NIC(i int) string { return n.nics[i] }

// AddAddress puts an address on the nth interface; public is the name of a
// public address that is on it, if not empty.
func (n *Node) AddAddress(i int, name, addr, public string) {
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	r := n.c.resources[strings.ToLower(n.nics[i])]
	cfg := config(r.id, name, addr, false)
	if public != "" {
		sub(cfg, "properties")["publicIPAddress"] = doc{"id": network + "publicIPAddresses/" + public}
	}
	p := sub(r.want, "properties")
	p["ipConfigurations"] = append(p["ipConfigurations"].([]any), clone(cfg))
	r.real = clone(r.want)
}

// RemoveAddress takes an address off, as an administrator would.
func (n *Node) RemoveAddress(i int, addr string) {
	name := n.nics[i][strings.LastIndex(n.nics[i], "/")+1:]
	n.c.Edit("networkInterfaces", name, func(p map[string]any) {
		var keep []any
		for _, cfg := range list(p, "ipConfigurations") {
			if address(cfg) != addr {
				keep = append(keep, cfg)
			}
		}
		p["ipConfigurations"] = keep
	})
}

// AddPublic adds a public address.
func (c *Cloud) AddPublic(name, addr string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add("publicIPAddresses", network+"publicIPAddresses/"+name, doc{
		"sku": doc{"name": "Standard"}, "properties": doc{"ipAddress": addr, "publicIPAllocationMethod": "Static"},
	})
}

// AddTable adds a route table: pairs of destination and next hop.
func (c *Cloud) AddTable(name string, tags map[string]any, pairs ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := network + "routeTables/" + name
	var rs []any
	for i := 0; i+1 < len(pairs); i += 2 {
		r := fmt.Sprintf("r%d", i/2)
		rs = append(rs, doc{
			"id": id + "/routes/" + r, "name": r, "type": "Microsoft.Network/routeTables/routes",
			"properties": doc{
				"addressPrefix": pairs[i], "nextHopType": "VirtualAppliance", "nextHopIpAddress": pairs[i+1],
				"hasBgpOverride": false, "xFutureRoute": i,
			},
		})
	}
	c.add("routeTables", id, doc{"tags": tags, "xFuture": "kept", "properties": doc{
		"disableBgpRoutePropagation": true, "routes": rs, "subnets": []any{doc{"id": Network + "/subnets/snet-1"}},
	}})
}

// SetRole replaces what a node may do: actions, with * as wildcard.
func (c *Cloud) SetRole(name string, actions ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.roles[name] = actions
}

// RevokeTokens makes all tokens of the node invalid.
func (n *Node) RevokeTokens() {
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	for t, v := range n.c.tokens {
		if v.who == n.Name {
			delete(n.c.tokens, t)
		}
	}
}

// Cut takes the node off the network, or puts it back.
func (n *Node) Cut(cut bool) {
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	n.cut = cut
}

// MetadataURL is the node's metadata service, when the Cloud is served at URL.
func (n *Node) MetadataURL() string { return n.c.URL + "/imds/" + n.Name }

// metadata answers for the metadata service; path is below /metadata.
func (n *Node) metadata(w http.ResponseWriter, r *http.Request, path string) {
	op := map[string]string{"/instance": "instance", "/identity/oauth2/token": "token"}[path]
	n.c.Serve(w, r, fakecloud.Call{Op: op, Resource: path, Principal: n.Name}, func(fakecloud.Fault) fakecloud.Reply {
		if r.Method != http.MethodGet || r.Header.Get("Metadata") != "true" || r.Header.Get("X-Forwarded-For") != "" ||
			r.URL.Query().Get("api-version") == "" {
			return reply(http.StatusBadRequest, doc{"error": "Bad request"})
		}
		n.c.mu.Lock()
		defer n.c.mu.Unlock()
		switch op {
		case "instance":
			return reply(http.StatusOK, n.instance())
		case "token":
			return n.token(r.URL.Query().Get("resource"))
		default:
			return reply(http.StatusNotFound, doc{"error": "Not found"})
		}
	})
}

func (n *Node) instance() doc {
	var ifs []any
	for _, id := range n.nics {
		r := n.c.resources[strings.ToLower(id)]
		first := address(configs(r.real)[0])
		a := netip.MustParseAddr(first).As4()
		var addrs, six []any
		for _, cfg := range configs(r.real) {
			if e := (doc{"privateIpAddress": address(cfg), "publicIpAddress": ""}); strings.Contains(address(cfg), ":") {
				six = append(six, e)
			} else {
				addrs = append(addrs, e)
			}
		}
		ifs = append(ifs, doc{
			"macAddress": strings.ReplaceAll(str(sub(r.want, "properties"), "macAddress"), "-", ""),
			"ipv4":       doc{"ipAddress": addrs, "subnet": []any{doc{"address": fmt.Sprintf("%d.%d.%d.0", a[0], a[1], a[2]), "prefix": "24"}}},
			"ipv6":       doc{"ipAddress": six},
		})
	}
	return doc{
		"compute": doc{
			"azEnvironment": "AzurePublicCloud", "location": Location, "name": n.Name, "resourceGroupName": Group,
			"resourceId": compute + "virtualMachines/" + n.Name, "subscriptionId": Subscription, "vmId": "vm-" + n.Name,
		},
		"network": doc{"interface": ifs},
	}
}

func (n *Node) token(resource string) fakecloud.Reply {
	if !strings.HasPrefix(resource, "https://management.") {
		return reply(http.StatusBadRequest, doc{"error": "invalid_resource", "error_description": resource})
	}
	life := n.c.TokenLife
	if life == 0 {
		life = 24 * time.Hour
	}
	n.c.serial++
	t := fmt.Sprintf("secret-token-%s-%d", n.Name, n.c.serial)
	ends := time.Now().Add(life)
	n.c.tokens[t] = token{n.Name, ends}
	return reply(http.StatusOK, doc{
		"access_token": t, "client_id": "client-" + n.Name, "expires_in": fmt.Sprint(int(life / time.Second)),
		"expires_on": fmt.Sprint(ends.Unix()), "ext_expires_in": fmt.Sprint(int(life / time.Second)),
		"not_before": fmt.Sprint(time.Now().Unix()), "resource": resource, "token_type": "Bearer",
	})
}

// Transport returns a network in process: requests for the metadata address
// reach this node's metadata service, those for Resource Manager the cloud, and
// nothing else answers.
func (n *Node) Transport() http.RoundTripper { return inProcess{n} }

type inProcess struct{ n *Node }

var errUnreachable = errors.New("no route to host")

// RoundTrip implements http.RoundTripper.
func (t inProcess) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	t.n.c.mu.Lock()
	cut := t.n.cut
	t.n.c.mu.Unlock()
	var h http.Handler
	switch {
	case cut:
	case r.URL.Hostname() == "169.254.169.254":
		h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			t.n.metadata(w, r, strings.TrimPrefix(r.URL.Path, "/metadata"))
		})
	case r.URL.Hostname() == "management.azure.com" && r.URL.Scheme == "https":
		h = t.n.c
	}
	if h == nil {
		<-r.Context().Done()
		return nil, fmt.Errorf("%w: %w", errUnreachable, r.Context().Err())
	}
	in := r.Clone(r.Context())
	in.Body = http.NoBody
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
		in.Body = io.NopCloser(bytes.NewReader(body))
	}
	rec := httptest.NewRecorder()
	defer func() {
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler {
				panic(v)
			}
			resp, err = nil, io.ErrUnexpectedEOF
		}
	}()
	h.ServeHTTP(rec, in)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp = rec.Result()
	resp.Request = r
	return resp, nil
}
