// SPDX-License-Identifier: Apache-2.0

//go:build !nooci

package oci

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/govrrp/vrrpd/cloud"
)

// listedTable is a route table as a listing shows it: without an etag.
type listedTable struct {
	ID      string                                `json:"id"`
	VCN     string                                `json:"vcnId"`
	Rules   []json.RawMessage                     `json:"routeRules"`
	Tags    map[string]string                     `json:"freeformTags"`
	Defined map[string]map[string]json.RawMessage `json:"definedTags"`
}

// Routes implements [cloud.RouteLister]. Tables and networks are named by OCID;
// a tag is a free-form one, or a defined one as NAMESPACE.KEY=VALUE. A network
// or a tag is looked for in this node's compartment.
func (p *Provider) Routes(ctx context.Context, _ cloud.Node, scope cloud.RouteScope) ([]cloud.RouteEntry, error) {
	var out []cloud.RouteEntry
	if scope.Network == "" && scope.Tag == "" {
		for _, id := range scope.Tables {
			t := &tableRead{id: id}
			if err := p.readTable(ctx, t); err != nil {
				return nil, err
			}
			entries, err := entriesOf(id, t.etag, t.rules)
			if err != nil {
				return nil, err
			}
			out = append(out, entries...)
		}
		return sorted(out), nil
	}
	tables, err := p.listTables(ctx, scope.Network)
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		if !t.matches(scope) {
			continue
		}
		entries, err := entriesOf(t.ID, "", t.Rules)
		if err != nil {
			return nil, err
		}
		out = append(out, entries...)
	}
	return sorted(out), nil
}

func sorted(entries []cloud.RouteEntry) []cloud.RouteEntry {
	slices.SortFunc(entries, func(a, b cloud.RouteEntry) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), a.Dest.Addr().Compare(b.Dest.Addr()), cmp.Compare(a.Dest.Bits(), b.Dest.Bits()))
	})
	return entries
}

func entriesOf(table, etag string, rules []json.RawMessage) ([]cloud.RouteEntry, error) {
	var out []cloud.RouteEntry
	for _, raw := range rules {
		var r rule
		if err := json.Unmarshal(raw, &r); err != nil {
			return nil, &cloud.Error{Class: cloud.ClassUnknown, Op: "GetRouteTable", Err: err}
		}
		if dest, ok := r.prefix(); ok {
			out = append(out, cloud.RouteEntry{Table: table, Dest: dest, Holder: r.Entity, Version: etag, Local: r.RouteType == "LOCAL"})
		}
	}
	return out, nil
}

func (t listedTable) matches(scope cloud.RouteScope) bool {
	if len(scope.Tables) > 0 && !slices.Contains(scope.Tables, t.ID) || scope.Network != "" && t.VCN != scope.Network {
		return false
	}
	if scope.Tag == "" {
		return true
	}
	key, value, _ := strings.Cut(scope.Tag, "=")
	if v, ok := t.Tags[key]; ok && v == value {
		return true
	}
	namespace, key, _ := strings.Cut(key, ".")
	var v string
	return json.Unmarshal(t.Defined[namespace][key], &v) == nil && v == value
}

// listTables lists the compartment's tables, raw: the SDK's types would drop
// what they do not know.
func (p *Provider) listTables(ctx context.Context, vcn string) ([]listedTable, error) {
	const op = "ListRouteTables"
	in, err := p.instance(ctx)
	if err != nil {
		return nil, err
	}
	query := url.Values{"compartmentId": {in.CompartmentID}}
	if vcn != "" {
		query.Set("vcnId", vcn)
	}
	var all []listedTable
	for range maxPages {
		rq := common.MakeDefaultHTTPRequest(http.MethodGet, "/routeTables")
		rq.URL.RawQuery = query.Encode()
		resp, err := p.call(ctx, op, &rq)
		if err != nil {
			return nil, err
		}
		var page []listedTable
		err = json.NewDecoder(resp.Body).Decode(&page)
		_ = resp.Body.Close()
		if err != nil || page == nil || slices.ContainsFunc(page, func(t listedTable) bool { return t.ID == "" || t.Rules == nil }) {
			return nil, &cloud.Error{Class: cloud.ClassUnknown, Op: op, Err: errors.New("no tables in the reply")}
		}
		all = append(all, page...)
		next := resp.Header.Get("opc-next-page")
		if next == "" {
			return all, nil
		}
		query.Set("page", next)
	}
	return nil, &cloud.Error{Class: cloud.ClassUnknown, Op: op, Err: errors.New("the listing does not end")}
}
