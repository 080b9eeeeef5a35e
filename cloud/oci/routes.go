// SPDX-License-Identifier: Apache-2.0

//go:build !nooci

package oci

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"sync"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/govrrp/vrrpd/cloud"
)

// Route tables are written whole. The SDK's types would drop every field of a
// rule that they do not know, so tables are read and written as raw JSON,
// through the SDK's signing and transport.

// tableRead is one reading of a route table.
type tableRead struct {
	once  sync.Once
	err   error
	id    string
	etag  string
	rules []json.RawMessage
}

// rule is the part of a route rule that is looked at.
type rule struct {
	Entity      string `json:"networkEntityId"`
	Destination string `json:"destination"`
	CIDR        string `json:"cidrBlock"`
	Type        string `json:"destinationType"`
	RouteType   string `json:"routeType"`
}

// prefix returns the rule's destination, if it is a prefix.
func (r rule) prefix() (netip.Prefix, bool) {
	if r.Type != "" && r.Type != "CIDR_BLOCK" {
		return netip.Prefix{}, false
	}
	p, err := netip.ParsePrefix(cmp.Or(r.Destination, r.CIDR))
	return p.Masked(), err == nil
}

// tableReads reads each table once per Observe.
type tableReads struct {
	p     *Provider
	mu    sync.Mutex
	reads map[string]*tableRead
}

func (t *tableReads) get(ctx context.Context, id string) (*tableRead, error) {
	t.mu.Lock()
	r := t.reads[id]
	if r == nil {
		r = &tableRead{id: id}
		t.reads[id] = r
	}
	t.mu.Unlock()
	r.once.Do(func() { r.err = t.p.readTable(ctx, r) })
	return r, r.err
}

func tablePath(id string) string { return "/routeTables/" + url.PathEscape(id) }

func (p *Provider) readTable(ctx context.Context, t *tableRead) error {
	rq := common.MakeDefaultHTTPRequest(http.MethodGet, tablePath(t.id))
	resp, err := p.call(ctx, "GetRouteTable", &rq)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var body struct {
		Rules []json.RawMessage `json:"routeRules"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || body.Rules == nil {
		return &cloud.Error{Class: cloud.ClassUnknown, Op: "GetRouteTable", Err: errors.New("no rules in the reply")}
	}
	if t.etag = resp.Header.Get("etag"); t.etag == "" {
		return &cloud.Error{Class: cloud.ClassUnknown, Op: "GetRouteTable", Err: errors.New("no etag in the reply")}
	}
	t.rules = body.Rules
	return nil
}

// call sends a request through the SDK's signing and error handling.
func (p *Provider) call(ctx context.Context, op string, rq *http.Request) (*http.Response, error) {
	c, err := p.api(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := c.Call(ctx, rq)
	if err != nil {
		common.CloseBodyIfValid(resp)
		return nil, withHint(toError(op, err), resp)
	}
	return resp, nil
}

func (p *Provider) observeRoute(ctx context.Context, nic cloud.NIC, it cloud.Item, tables *tableReads) cloud.Observed {
	if it.PrefixList != "" {
		return cloud.Observed{Err: &cloud.Error{Class: cloud.ClassInvalid, Op: "observe", Err: errors.New("oci has no prefix lists")}}
	}
	entity, err := p.targetOf(ctx, nic, it)
	if err != nil {
		return cloud.Observed{Err: err}
	}
	table, err := tables.get(ctx, it.Table)
	if err != nil {
		return cloud.Observed{Err: err}
	}
	o := cloud.Observed{Owner: cloud.None, Version: table.etag, Raw: object{id: it.Table, table: table, entity: entity}}
	for _, raw := range table.rules {
		var r rule
		if err := json.Unmarshal(raw, &r); err != nil || r.Entity == "" {
			return cloud.Observed{Err: &cloud.Error{Class: cloud.ClassUnknown, Op: "GetRouteTable", Err: errors.New("a rule that cannot be read")}}
		}
		if dest, ok := r.prefix(); !ok || r.RouteType == "LOCAL" || dest != it.Dest.Masked() {
			continue
		}
		o.Owner, o.Holder = cloud.Other, r.Entity
		if r.Entity == entity {
			o.Owner = cloud.Self
		}
	}
	return o
}

// tableWrite is the data of a route table's step.
type tableWrite struct {
	id, etag string
	rules    []json.RawMessage
}

// planTable changes the next hop of the observed routes in the table's own
// JSON, and nothing else but what the vendor refuses to be sent back: local
// rules, and a legacy cidrBlock beside a destination.
func planTable(table *tableRead, observed []cloud.Observed) (cloud.Step, error) {
	want := map[netip.Prefix]string{}
	step := cloud.Step{Op: "UpdateRouteTable", Resource: table.id, Serial: table.id, Before: observed[0]}
	for _, o := range observed {
		want[o.Item.Dest.Masked()] = o.Raw.(object).entity
		step.Items = append(step.Items, o.Item)
	}
	w := tableWrite{id: table.id, etag: table.etag, rules: []json.RawMessage{}}
	for _, raw := range table.rules {
		var r rule
		var fields map[string]json.RawMessage
		if err := errors.Join(json.Unmarshal(raw, &r), json.Unmarshal(raw, &fields)); err != nil {
			return step, err
		}
		if r.RouteType == "LOCAL" {
			continue
		}
		dest, ok := r.prefix()
		entity, mine := want[dest]
		twice := r.CIDR != "" && r.Destination != ""
		if ok && mine {
			fields["networkEntityId"] = quote(entity)
			delete(want, dest)
		}
		if twice {
			delete(fields, "cidrBlock")
		}
		if ok && mine || twice {
			changed, err := json.Marshal(fields)
			if err != nil {
				return step, err
			}
			raw = changed
		}
		w.rules = append(w.rules, raw)
	}
	for _, o := range observed {
		dest := o.Item.Dest.Masked()
		if entity, missing := want[dest]; missing && o.Item.Create {
			w.rules = append(w.rules, json.RawMessage(fmt.Sprintf(
				`{"destination":%s,"destinationType":"CIDR_BLOCK","networkEntityId":%s}`, quote(dest.String()), quote(entity))))
		}
	}
	step.Data = w
	return step, nil
}

func quote(s string) json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil {
		return json.RawMessage(`""`)
	}
	return b
}

func (p *Provider) writeTable(ctx context.Context, w tableWrite) (*http.Response, error) {
	if w.etag == "" {
		return nil, &cloud.Error{Class: cloud.ClassInvalid, Op: "UpdateRouteTable", Err: errors.New("refused: no etag to condition the write on")}
	}
	rq, err := jsonRequest(http.MethodPut, tablePath(w.id), map[string]any{"routeRules": w.rules})
	if err != nil {
		return nil, &cloud.Error{Class: cloud.ClassInvalid, Op: "UpdateRouteTable", Err: err}
	}
	rq.Header.Set("If-Match", w.etag)
	resp, err := p.call(ctx, "UpdateRouteTable", &rq)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	return resp, nil
}

// jsonRequest makes a request for the SDK's transport, which signs the length
// and type of the body.
func jsonRequest(method, path string, v any) (http.Request, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return http.Request{}, err
	}
	rq := common.MakeDefaultHTTPRequest(method, path)
	rq.Header.Set("Content-Type", "application/json")
	rq.Header.Set("Content-Length", strconv.Itoa(len(body)))
	rq.ContentLength = int64(len(body))
	rq.Body = io.NopCloser(bytes.NewReader(body))
	return rq, nil
}

// HolderOf implements [cloud.RouteLister]: route rules point at private IPs.
func (p *Provider) HolderOf(ctx context.Context, node cloud.Node, addr netip.Addr) (string, error) {
	nic, err := node.NICFor(cloud.Item{Kind: cloud.Route, Table: "-", Target: addr})
	if err != nil {
		return "", &cloud.Error{Class: cloud.ClassInvalid, Op: "HolderOf", Err: err}
	}
	return p.privateIP(ctx, nic.Subnet, addr)
}
