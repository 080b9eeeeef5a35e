// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/govrrp/vrrpd/cloud"
)

// need is what must be permitted at one scope.
type need struct {
	scope   string
	actions []string
}

// needs lists what is needed to observe and to take the items, by scope.
func needs(node cloud.Node, observed []cloud.Observed) []need {
	by := map[string][]string{}
	add := func(scope string, actions ...string) {
		for _, a := range actions {
			if a = "Microsoft.Network/" + a; scope != "" && !slices.Contains(by[scope], a) {
				by[scope] = append(by[scope], a)
			}
		}
	}
	for _, n := range node.NICs {
		add(n.ID, "networkInterfaces/read")
	}
	changed := map[string]int{}
	for _, o := range observed {
		if raw, ok := o.Raw.(routeRaw); ok {
			changed[raw.table.id]++
		}
	}
	for _, o := range observed {
		switch raw := o.Raw.(type) {
		case routeRaw:
			add(raw.table.id, "routeTables/read", "routeTables/routes/read", "routeTables/routes/write")
			if changed[raw.table.id] > 1 {
				add(raw.table.id, "routeTables/write")
			}
		case addressRaw:
			for _, n := range []*nic{raw.own, raw.holder} {
				needsOf(n, add)
			}
		case publicRaw:
			for _, n := range []*nic{raw.own, raw.holder} {
				needsOf(n, add)
			}
			add(raw.id, "publicIPAddresses/read", "publicIPAddresses/join/action")
		}
	}
	var out []need
	for scope, actions := range by {
		slices.Sort(actions)
		out = append(out, need{scope, actions})
	}
	slices.SortFunc(out, func(a, b need) int { return strings.Compare(a.scope, b.scope) })
	return out
}

// needsOf is what writing an interface needs: to join all that it refers to.
func needsOf(n *nic, add func(scope string, actions ...string)) {
	if n == nil {
		return
	}
	add(n.id, "networkInterfaces/read", "networkInterfaces/write")
	var v struct {
		Properties struct {
			NSG     struct{ ID string } `json:"networkSecurityGroup"`
			Configs []struct {
				Properties struct {
					Pools  []struct{ ID string } `json:"loadBalancerBackendAddressPools"`
					Groups []struct{ ID string } `json:"applicationSecurityGroups"`
				} `json:"properties"`
			} `json:"ipConfigurations"`
		} `json:"properties"`
	}
	_ = json.Unmarshal(n.raw, &v) // it was read before: what is missing is empty
	add(canonical(v.Properties.NSG.ID), "networkSecurityGroups/join/action")
	for i, c := range n.configs {
		add(c.subnet, "virtualNetworks/subnets/join/action")
		add(c.public, "publicIPAddresses/read", "publicIPAddresses/join/action")
		if i >= len(v.Properties.Configs) {
			continue
		}
		for _, p := range v.Properties.Configs[i].Properties.Pools {
			add(canonical(p.ID), "loadBalancers/backendAddressPools/join/action")
		}
		for _, g := range v.Properties.Configs[i].Properties.Groups {
			add(canonical(g.ID), "applicationSecurityGroups/joinIpConfiguration/action")
		}
	}
}

// Policy returns a custom role, as "az role definition create" takes it, with
// the actions that the items need and the resource groups they are in.
func (p *Provider) Policy(ctx context.Context, items []cloud.Item, _ cloud.CheckOptions) (string, error) {
	node, err := p.Discover(ctx)
	if err != nil {
		return "", err
	}
	actions := []string{
		"Microsoft.Authorization/permissions/read", "Microsoft.Compute/virtualMachines/read",
		"Microsoft.Network/locations/operations/read", "Microsoft.Network/locations/operationResults/read",
	}
	var scopes []string
	note := func(id string) {
		parts := strings.SplitN(id, "/", 6)
		if len(parts) < 6 {
			return
		}
		if s := strings.Join(parts[:5], "/"); !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	observed := p.Observe(ctx, node, items)
	for _, o := range observed {
		if o.Err != nil && o.Raw == nil {
			return "", o.Err
		}
	}
	for _, n := range needs(node, observed) {
		note(n.scope)
		for _, a := range n.actions {
			if !slices.Contains(actions, a) {
				actions = append(actions, a)
			}
		}
	}
	slices.Sort(actions)
	slices.Sort(scopes)
	text, err := json.MarshalIndent(map[string]any{
		"Name": "vrrpd", "IsCustom": true, "Description": "Moves routes and addresses between two routers",
		"Actions": actions, "NotActions": []string{}, "AssignableScopes": scopes,
	}, "", "  ")
	return string(text) + "\n", err
}
