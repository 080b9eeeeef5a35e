// SPDX-License-Identifier: Apache-2.0

package config

import "testing"

// TestPlanIsReadable: values are shown as a person would write them.
func TestPlanIsReadable(t *testing.T) {
	for _, c := range []struct{ old, new, from, to string }{
		{"priority 150", "priority 90", "150", "90"},
		{"    virtual_router_id 51", "    advert_int 2\n    virtual_router_id 51", "1s", "2s"},
		{"10.0.0.10/24", "10.0.0.11/24 dev eth7", "[10.0.0.9/24, 10.0.0.10/24]", "[10.0.0.9/24, Dev eth7 Prefix 10.0.0.11/24]"},
		{"interface eth1", "interface eth1\ntrack_script { chk }", "none", "[chk]"},
		{"{ 10.0.0.3 }", "{ 10.0.0.4 }", "[Addr 10.0.0.3 MaxTTL 255]", "[Addr 10.0.0.4 MaxTTL 255]"},
		{"interface eth1", "interface eth1\nuse_vmac", "none", ""},
		{"s3cret", "other", "Password *** Type 1", "Password *** Type 1"},
	} {
		p := Diff(mustParse(t, pairText), mustParse(t, edit(t, pairText, c.old, c.new)))
		all := append(p.Changed, p.Restarted...)
		if len(all) != 1 || len(all[0].Fields) == 0 {
			t.Errorf("%s: %+v", c.new, p)
			continue
		}
		if f := all[0].Fields[0]; f.Old != c.from || f.New != c.to {
			t.Errorf("%s: %q -> %q, want %q -> %q", f.Keyword, f.Old, f.New, c.from, c.to)
		}
	}
}
