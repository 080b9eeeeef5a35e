// SPDX-License-Identifier: Apache-2.0

//go:build !nooci

package oci

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/govrrp/vrrpd/cloud"
)

// grant is one line of a policy: a resource family and the permissions in it.
type grant struct {
	verb, family string
	permissions  []string
}

var (
	grantVIP    = grant{"use", "private-ips", []string{"PRIVATE_IP_READ", "PRIVATE_IP_UPDATE"}}
	grantVNIC   = grant{"use", "vnics", []string{"VNIC_READ", "VNIC_ASSIGN", "VNIC_UNASSIGN"}}
	grantVIP6   = grant{"manage", "ipv6s", []string{"IPV6_READ", "IPV6_UPDATE"}}
	grantPublic = grant{"manage", "public-ips", []string{
		"PUBLIC_IP_READ", "PUBLIC_IP_UPDATE", "PUBLIC_IP_ASSIGN_PRIVATE_IP", "PUBLIC_IP_UNASSIGN_PRIVATE_IP",
	}}
	grantPublicSide = grant{"use", "private-ips", []string{"PRIVATE_IP_ASSIGN_PUBLIC_IP", "PRIVATE_IP_UNASSIGN_PUBLIC_IP"}}
	grantTable      = grant{"manage", "route-tables", []string{"ROUTE_TABLE_READ", "ROUTE_TABLE_UPDATE"}}
	grantTableSide  = grant{"manage", "private-ips", []string{"PRIVATE_IP_ROUTE_TABLE_ATTACH", "PRIVATE_IP_ROUTE_TABLE_DETACH"}}
)

func (g grant) render(compartment string) string {
	var any []string
	for _, p := range g.permissions {
		any = append(any, "request.permission='"+p+"'")
	}
	return fmt.Sprintf("Allow dynamic-group vrrpd to %s %s in compartment id %s where any {%s}",
		g.verb, g.family, compartment, strings.Join(any, ", "))
}

// grantsFor returns what the operations of the items need.
func grantsFor(items []cloud.Item) []grant {
	out := []grant{grantVIP, grantVNIC}
	seen := map[cloud.Kind]bool{}
	for _, it := range items {
		if seen[it.Kind] {
			continue
		}
		seen[it.Kind] = true
		switch it.Kind {
		case cloud.VIP6:
			out = append(out, grantVIP6)
		case cloud.PublicIP:
			out = append(out, grantPublic, grantPublicSide)
		case cloud.Route:
			out = append(out, grantTable, grantTableSide)
		}
	}
	return out
}

// Policy renders the smallest policy that lets both nodes claim the items,
// with the ids of this instance: each node must be able to take what the other
// has. The other instance's OCID is not visible from here and is left to fill in.
func (p *Provider) Policy(ctx context.Context, items []cloud.Item, _ cloud.CheckOptions) (string, error) {
	in, err := p.instance(ctx)
	if err != nil {
		return "", err
	}
	return policyText(in, items), nil
}

func policyText(in instance, items []cloud.Item) string {
	compartment := cmp.Or(in.CompartmentID, "<OCID of the compartment>")
	var b strings.Builder
	fmt.Fprintf(&b, "# dynamic group \"vrrpd\", matching rule:\n#   Any {instance.id = '%s', instance.id = '<OCID of the other instance>'}\n", cmp.Or(in.ID, "<OCID of this instance>"))
	for _, g := range grantsFor(items) {
		b.WriteString(g.render(compartment) + "\n")
	}
	return b.String()
}

// fixFor returns the statements that grant a missing permission.
func fixFor(in instance, permission string) string {
	var lines []string
	compartment := cmp.Or(in.CompartmentID, "<OCID of the compartment>")
	for _, g := range []grant{grantVIP, grantVNIC, grantVIP6, grantPublic, grantPublicSide, grantTable, grantTableSide} {
		for _, p := range g.permissions {
			if strings.Contains(permission, p) {
				lines = append(lines, g.render(compartment))
				break
			}
		}
	}
	return strings.Join(lines, "\n")
}
