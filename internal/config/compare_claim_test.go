// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
)

// claimedNode is one node of a pair with a claim of these lines.
func claimedNode(t *testing.T, own, peer, priority, lines string) *Config {
	t.Helper()
	c, ds := Parse("k.conf", []byte("cloud_claim wan {\n"+lines+"\n}\nvrrp_instance V {\ninterface eth0\nvirtual_router_id 5\npriority "+priority+
		"\nunicast_src_ip "+own+"\nunicast_peer {\n"+peer+"\n}\nvirtual_ipaddress {\n10.0.0.9/24\n}\ncloud_claim wan\n}\n"), Options{})
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	return c
}

func TestCompareClaims(t *testing.T) {
	const base = "provider aws\ncapture\nnetwork vpc-1\n"
	key := func(c string) string { return "guard {\nkey " + strings.Repeat(c, 32) + "\n}\n" }
	for _, tc := range []struct{ name, a, b, want string }{
		{"alike, home by address", base + "home 10.0.0.2", base + "home 10.0.0.2", ""},
		{"alike, home by word", base + "home self", base + "home peer", ""},
		{"endpoints may differ", base + "home self\nendpoint https://a/", base + "home peer\nendpoint https://b/", ""},
		{"both home", base + "home self", base + "home self", "pair-home"},
		{"another home", base + "home 10.0.0.2", base + "home 10.0.0.3", "pair-home"},
		{"network", base + "home self", strings.ReplaceAll(base, "vpc-1", "vpc-2") + "home peer", "pair-claim"},
		{"addresses", "vips {\n10.0.0.9\n}", "vips {\n10.0.0.8\n}", "pair-claim"},
		{"mode", "mode enforce", "mode dry_run", "pair-claim"},
		{"one key", key("k"), key("k"), ""},
		{"two keys", key("k"), key("j"), "pair-key"},
	} {
		var got []string
		for _, d := range Compare(claimedNode(t, "10.0.0.2", "10.0.0.3", "150", tc.a), claimedNode(t, "10.0.0.3", "10.0.0.2", "100", tc.b)) {
			got = append(got, d.Rule)
			if strings.Contains(d.String(), "kkkk") || strings.Contains(d.String(), "jjjj") {
				t.Errorf("%s: a key is shown: %s", tc.name, d)
			}
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
	other := claimedNode(t, "10.0.0.3", "10.0.0.2", "100", "provider aws")
	other.Claims = nil
	if ds := Compare(claimedNode(t, "10.0.0.2", "10.0.0.3", "150", "provider aws"), other); len(ds) != 1 || ds[0].Rule != "pair-claim" {
		t.Errorf("a claim on one node only: %v", ds)
	}
}
