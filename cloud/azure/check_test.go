// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/internal/fakecloud"
	fake "github.com/govrrp/vrrpd/internal/fakecloud/azure"
)

// checked runs a check at b and returns what it did not like.
func checked(t *testing.T, spoil func(*fake.Cloud), items []cloud.Item) (bad []cloud.Finding) {
	t.Helper()
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		w, _, b := newWorld()
		if spoil != nil {
			spoil(w)
		}
		before := w.Fingerprint(fake.Declared{})
		p := provider(t, b, 0)
		all := p.(cloud.Checker).Check(context.Background(), items, cloud.CheckOptions{
			ProbeWrites: true, Peer: netip.MustParseAddr(addrA),
		})
		for _, f := range all {
			if f.Severity != cloud.SeverityOK {
				bad = append(bad, f)
			}
		}
		if len(all) < 3 && len(bad) == 0 {
			t.Errorf("only %d findings", len(all))
		}
		if after := w.Fingerprint(fake.Declared{}); after != before {
			t.Error("a check has changed something")
		}
		if n := w.Count(func(c fakecloud.Call) bool { return c.Mutates && c.Status < 400 }); n != 0 {
			t.Errorf("%d writes were accepted", n)
		}
	})
	return bad
}

func TestScenario61_Check(t *testing.T) {
	items := append(append([]cloud.Item{}, routes3...), vips3...)
	if bad := checked(t, nil, items); len(bad) != 0 {
		t.Errorf("all is well, but: %s", asJSON(bad))
	}
	all := []string{
		"Microsoft.Compute/virtualMachines/read", "Microsoft.Network/networkInterfaces/read", "Microsoft.Network/networkInterfaces/write",
		"Microsoft.Network/routeTables/read", "Microsoft.Network/routeTables/write", "Microsoft.Network/routeTables/routes/read",
		"Microsoft.Network/routeTables/routes/write", "Microsoft.Network/publicIPAddresses/read", "Microsoft.Network/publicIPAddresses/join/action",
		"Microsoft.Network/virtualNetworks/subnets/join/action", "Microsoft.Network/networkSecurityGroups/join/action",
	}
	for _, missing := range all {
		bad := checked(t, func(w *fake.Cloud) {
			w.SetRole("b", slices.DeleteFunc(slices.Clone(all), func(a string) bool { return a == missing })...)
		}, items)
		named := slices.ContainsFunc(bad, func(f cloud.Finding) bool { return f.Permission == missing && f.Fix != "" })
		other := slices.ContainsFunc(bad, func(f cloud.Finding) bool { return f.Permission != missing })
		if !named || other {
			t.Errorf("without %s: %s", missing, asJSON(bad))
		}
	}
	for name, c := range map[string]struct {
		spoil func(*fake.Cloud)
		items []cloud.Item
		want  string
	}{
		"forwarding": {func(w *fake.Cloud) {
			w.Edit("networkInterfaces", "b-nic0", func(p map[string]any) { p["enableIPForwarding"] = false })
		}, vips3, "forwarding"},
		"outside":   {nil, []cloud.Item{vip("192.0.2.1")}, "subnet"},
		"no table":  {nil, []cloud.Item{routeTo("absent", dest)}, "object"},
		"no route":  {nil, []cloud.Item{routeTo("rt1", "10.77.0.0/16")}, "object"},
		"no public": {nil, []cloud.Item{{Kind: cloud.PublicIP, Addr: netip.MustParseAddr("203.0.113.99"), Target: vip1.Addr}}, "object"},
		"primary":   {nil, []cloud.Item{vip(addrA)}, "object"},
		"bad name":  {nil, []cloud.Item{routeTo("a/b/c", dest)}, "object"},
		"unreachable": {func(w *fake.Cloud) {
			w.SetScript(func(string, int) fakecloud.Fault { return fakecloud.Fault{Reset: true} })
		}, vips3, "discovery"},
	} {
		bad := checked(t, c.spoil, c.items)
		if len(bad) == 0 || !slices.ContainsFunc(bad, func(f cloud.Finding) bool { return f.Check == c.want }) {
			t.Errorf("%s: %s", name, asJSON(bad))
		}
	}
}

func TestPolicy(t *testing.T) {
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		w, _, b := newWorld()
		p := provider(t, b, 0).(interface {
			Policy(context.Context, []cloud.Item, cloud.CheckOptions) (string, error)
		})
		text, err := p.Policy(context.Background(), append(append([]cloud.Item{}, routes3...), vips3...), cloud.CheckOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var role struct {
			Actions          []string
			AssignableScopes []string
		}
		if err := json.Unmarshal([]byte(text), &role); err != nil {
			t.Fatal(err)
		}
		if len(role.AssignableScopes) != 1 || !strings.HasSuffix(role.AssignableScopes[0], strings.ToLower(fake.Group)) {
			t.Errorf("scopes: %v", role.AssignableScopes)
		}
		// What is rendered is enough for a check to be content.
		if slices.ContainsFunc(role.Actions, func(a string) bool { return strings.Contains(a, "*") }) {
			t.Errorf("wildcards: %v", role.Actions)
		}
		w.SetRole("b", role.Actions...)
		c := provider(t, b, 0).(cloud.Checker)
		for _, f := range c.Check(context.Background(), append(append([]cloud.Item{}, routes3...), vips3...), cloud.CheckOptions{ProbeWrites: true}) {
			if f.Severity != cloud.SeverityOK {
				t.Errorf("%s", asJSON(f))
			}
		}
	})
}

func TestRouteLister(t *testing.T) {
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		_, _, b := newWorld()
		p := provider(t, b, 0)
		l := p.(cloud.RouteLister)
		node, err := p.Discover(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for scope, want := range map[string]int{"tag": 12, "network": 12, "network and wrong tag": 0, "table": 4, "nothing": 0} {
			s := map[string]cloud.RouteScope{
				"tag": {Tag: "vrrpd=wan"}, "network": {Network: "vnet1"}, "network and wrong tag": {Network: fake.Network, Tag: "vrrpd=lan"},
				"table": {Tables: []string{"rt1"}},
			}[scope]
			got, err := l.Routes(context.Background(), node, s)
			if err != nil || len(got) != want {
				t.Errorf("%s: %d routes, want %d: %v", scope, len(got), want, err)
			}
		}
		if h, err := l.HolderOf(context.Background(), node, netip.MustParseAddr(addrA)); err != nil || h != addrA {
			t.Errorf("%q, %v", h, err)
		}
	})
}
