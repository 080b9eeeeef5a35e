// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/govrrp/vrrpd/cloud"
)

// Apply implements [cloud.Provider].
func (p *Provider) Apply(ctx context.Context, fence cloud.Fence, step cloud.Step) cloud.Outcome {
	w, err := render(step)
	if err != nil {
		return cloud.Failed(err)
	}
	for _, id := range w.after {
		if err := p.underway(step.Op, id); err != nil {
			return cloud.Failed(err)
		}
	}
	if err := p.reserve(step.Op, step.Serial); err != nil {
		return cloud.Failed(err)
	}
	resp, err := p.put(cloud.WithFence(ctx, fence), step.Op, w.path, w.body, w.condition)
	if err != nil {
		p.accepted(step.Serial, nil)
		out := cloud.Failed(err)
		if out.Class == cloud.ClassDenied {
			explain(err, w)
		}
		return out
	}
	pending := p.accepted(step.Serial, resp)
	out := cloud.Outcome{Class: cloud.ClassDone, Status: resp.StatusCode, RequestID: requestID(resp.Header), Version: versionOf(resp)}
	if pending {
		out.Class = cloud.ClassPending
	}
	return out
}

// explain names the permission if the reply did not.
func explain(err error, w write) {
	if e, ok := err.(*cloud.Error); ok && e.Permission == "" {
		e.Permission = w.permission
	}
}

func versionOf(resp *http.Response) string {
	var v struct {
		Etag string `json:"etag"`
	}
	if raw, err := runtime.Payload(resp); err != nil || json.Unmarshal(raw, &v) != nil {
		return ""
	}
	return v.Etag
}

// write is one mutating request, ready to be sent.
type write struct {
	path       string
	body       json.RawMessage
	condition  http.Header
	permission string
	after      []string
}

// render makes the request of a step.
func render(step cloud.Step) (write, error) {
	var w write
	var err error
	etag := ""
	switch e := step.Data.(type) {
	case nicEdit:
		etag, w.path, w.after, w.permission = e.nic.etag, e.nic.id, e.after, "Microsoft.Network/networkInterfaces/write"
		w.body, err = e.body()
	case tableEdit:
		w.permission = "Microsoft.Network/" + map[bool]string{true: "routeTables/write", false: "routeTables/routes/write"}[step.Op == opTable]
		w.path, etag = step.Resource, e.table.etag
		if step.Op == opTable {
			w.body, err = e.body()
			break
		}
		raw := e.routes[0]
		if raw.index < 0 {
			w.body, err = newRoute("", e.dests[0], raw.target)
			w.condition = http.Header{"If-None-Match": {"*"}}
			return w, err
		}
		etag = e.table.routes[raw.index].etag
		w.body, err = pointAt(e.table.routes[raw.index].raw, raw.target)
	default:
		err = fmt.Errorf("not a step of this provider")
	}
	if err == nil && etag == "" {
		err = fmt.Errorf("%s: no version to write upon", step.Resource)
	}
	if err != nil {
		return w, &cloud.Error{Class: cloud.ClassInvalid, Op: step.Op, Err: err}
	}
	w.condition = http.Header{"If-Match": {etag}}
	return w, nil
}

// pointAt changes the next hop of a route and nothing else.
func pointAt(raw json.RawMessage, target netip.Addr) (json.RawMessage, error) {
	return edit(raw, []string{"properties"}, func(o object) (object, error) {
		return o.with("nextHopType", quoted("VirtualAppliance")).with("nextHopIpAddress", quoted(target.String())), nil
	})
}

func newRoute(name, dest string, target netip.Addr) (json.RawMessage, error) {
	o := object{}
	if name != "" {
		o = o.with("name", quoted(name))
	}
	return pointAt(o.with("properties", object{{"addressPrefix", quoted(dest)}}.raw()).raw(), target)
}

// body is the table with the routes changed.
func (e tableEdit) body() (json.RawMessage, error) {
	routes := make([]json.RawMessage, len(e.table.routes))
	for i, r := range e.table.routes {
		routes[i] = r.raw
	}
	for i, raw := range e.routes {
		var changed json.RawMessage
		var err error
		if raw.index < 0 {
			changed, err = newRoute(newName(e.dests[i]), e.dests[i], raw.target)
			routes = append(routes, changed)
		} else {
			changed, err = pointAt(routes[raw.index], raw.target)
			routes[raw.index] = changed
		}
		if err != nil {
			return nil, err
		}
	}
	return edit(e.table.raw, []string{"properties"}, func(o object) (object, error) {
		return o.with("routes", array(routes)), nil
	})
}

// body is the interface with its addresses changed.
func (e nicEdit) body() (json.RawMessage, error) {
	var configs []json.RawMessage
	names := map[string]bool{}
	var addrs []netip.Addr
	for _, c := range e.nic.configs {
		if containsAddr(e.drop, c.addr) {
			if c.primary {
				return nil, fmt.Errorf("%s is the primary address of %s", c.addr, e.nic.id)
			}
			continue
		}
		configs, addrs = append(configs, c.raw), append(addrs, c.addr)
		names[strings.ToLower(c.name)] = true
	}
	for _, a := range e.add {
		raw, err := a.render(names)
		if err != nil {
			return nil, err
		}
		configs, addrs = append(configs, raw), append(addrs, a.addr)
	}
	for _, c := range e.public {
		found := false
		for i, addr := range addrs {
			if addr != c.on {
				continue
			}
			found = true
			raw, err := setPublic(configs[i], c.id)
			if err != nil {
				return nil, err
			}
			configs[i] = raw
		}
		if !found {
			return nil, fmt.Errorf("%s is not on %s", c.on, e.nic.id)
		}
	}
	if len(configs) == 0 {
		return nil, fmt.Errorf("%s would be left without an address", e.nic.id)
	}
	return edit(e.nic.raw, []string{"properties"}, func(o object) (object, error) {
		return o.with("ipConfigurations", array(configs)), nil
	})
}

func containsAddr(list []netip.Addr, a netip.Addr) bool {
	for _, x := range list {
		if x == a {
			return true
		}
	}
	return false
}

func setPublic(raw json.RawMessage, id string) (json.RawMessage, error) {
	return edit(raw, []string{"properties"}, func(o object) (object, error) {
		if id == "" {
			return o.without("publicIPAddress"), nil
		}
		return o.with("publicIPAddress", object{{"id", quoted(id)}}.raw()), nil
	})
}

// render makes the configuration of an address that comes to an interface: as
// it was where it came from, but for what belonged to the old place.
func (a addition) render(names map[string]bool) (json.RawMessage, error) {
	raw := a.config
	if raw == nil {
		raw = object{{"name", quoted(newName(a.addr.String()))}, {"properties", json.RawMessage("{}")}}.raw()
	}
	o, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	var name string
	if err := json.Unmarshal(o.get("name"), &name); err != nil {
		return nil, err
	}
	if names[strings.ToLower(name)] {
		name = newName(a.addr.String())
	}
	names[strings.ToLower(name)] = true
	version := "IPv4"
	if a.addr.Is6() {
		version = "IPv6"
	}
	return edit(o.without("id", "etag").with("name", quoted(name)).raw(), []string{"properties"}, func(o object) (object, error) {
		o = o.without("provisioningState")
		if !a.sameSubnet(o) {
			o = o.with("subnet", object{{"id", quoted(a.subnet)}}.raw())
		}
		return o.
			with("privateIPAddress", quoted(a.addr.String())).
			with("privateIPAllocationMethod", quoted("Static")).
			with("privateIPAddressVersion", quoted(version)).
			with("primary", json.RawMessage("false")), nil
	})
}

// sameSubnet says whether the configuration names the right subnet already; how
// it is written is the vendor's business.
func (a addition) sameSubnet(o object) bool {
	var s struct{ ID string }
	return json.Unmarshal(o.get("subnet"), &s) == nil && canonical(s.ID) == a.subnet
}
