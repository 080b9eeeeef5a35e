// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/config/diag"
)

const pairText = `
vrrp_script chk { script "/bin/true" }
vrrp_instance V1 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 150
    unicast_src_ip 10.0.0.2
    unicast_peer { 10.0.0.3 }
    authentication {
        auth_type PASS
        auth_pass s3cret
    }
    virtual_ipaddress {
        10.0.0.9/24
        10.0.0.10/24
    }
}
vrrp_instance V2 {
    interface eth1
    virtual_router_id 52
    priority 150
    virtual_ipaddress { 10.0.1.9/24 }
}
vrrp_sync_group G { group { V1 V2 } }
`

func mustParse(t testing.TB, src string) *Config {
	t.Helper()
	c, ds := Parse("test.conf", []byte(src), Options{ConfigID: "x"})
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	return c
}

// edit replaces old by new and insists that old is there.
func edit(t testing.TB, src string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(src, pairs[i]) {
			t.Fatalf("%q is not in the text", pairs[i])
		}
		src = strings.Replace(src, pairs[i], pairs[i+1], 1)
	}
	return src
}

func TestDiff(t *testing.T) {
	for _, c := range []struct {
		name  string
		edits []string
		want  string
	}{
		{"nothing", nil, ""},
		{"comment and layout", []string{"vrrp_instance V1 {", "# hello\nvrrp_instance V1\n{"}, ""},
		{"priority", []string{"priority 150", "priority 90"}, "changed V1[priority]"},
		{"rename keeps state", []string{"vrrp_instance V1", "vrrp_instance W1", "{ V1 V2 }", "{ W1 V2 }"}, "changed W1(V1)[vrrp_instance]; vrrp_sync_group G changed"},
		{"password", []string{"s3cret", "other"}, "changed V1[authentication]"},
		{"peer", []string{"10.0.0.3 }", "10.0.0.4 }"}, "changed V1[unicast_peer]"},
		{"address", []string{"10.0.0.10/24", "10.0.0.11/24"}, "changed V1[virtual_ipaddress]"},
		{"interface", []string{"interface eth1", "interface eth2"}, "restarted V2[interface]"},
		{"VRID", []string{"virtual_router_id 52", "virtual_router_id 53"}, "restarted V2[virtual_router_id]"},
		{"version", []string{"interface eth1", "interface eth1\nversion 3"}, "restarted V2[version]"},
		{"to multicast", []string{"    unicast_peer { 10.0.0.3 }\n", "", "unicast_src_ip", "mcast_src_ip"}, "restarted V1[unicast_peer unicast_ttl check_unicast_src]"},
		{"removed and added", []string{"vrrp_instance V2", "vrrp_instance V3", "_id 52", "_id 60", "V1 V2", "V1 V3"}, "added V3; removed V2; vrrp_sync_group G changed"},
		{"script", []string{"/bin/true", "/bin/false"}, "vrrp_script chk changed"},
		{"globals", []string{"vrrp_script", "global_defs {\nrouter_id y\n}\nvrrp_script"}, "global_defs  changed"},
		{"a track", []string{"interface eth1", "interface eth1\ntrack_script { chk }"}, "changed V2[track_script]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Diff(mustParse(t, pairText), mustParse(t, edit(t, pairText, c.edits...)))
			if got := planText(p); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if b, err := json.Marshal(p); err != nil || strings.Contains(string(b), "s3cret") {
				t.Errorf("the plan shows a secret or does not marshal: %s %v", b, err)
			}
			if p.Empty() != (c.want == "") {
				t.Errorf("Empty is %t for %s", p.Empty(), c.want)
			}
		})
	}
}

func planText(p Plan) string {
	var parts []string
	list := func(kind string, cs []InstanceChange) {
		for _, c := range cs {
			var kws []string
			for _, f := range c.Fields {
				kws = append(kws, f.Keyword)
			}
			name := c.Name
			if c.OldName != "" {
				name += "(" + c.OldName + ")"
			}
			parts = append(parts, kind+" "+name+fmt.Sprint(kws))
		}
	}
	for _, n := range p.Added {
		parts = append(parts, "added "+n)
	}
	list("changed", p.Changed)
	for _, n := range p.Removed {
		parts = append(parts, "removed "+n)
	}
	list("restarted", p.Restarted)
	for _, o := range p.Others {
		parts = append(parts, o.Block+" "+o.Name+" "+o.Change)
	}
	return strings.Join(parts, "; ")
}

func TestCompare(t *testing.T) {
	other := edit(t, pairText, "10.0.0.2", "10.0.0.X", "{ 10.0.0.3", "{ 10.0.0.2", "10.0.0.X", "10.0.0.3", "priority 150", "priority 100", "priority 150", "priority 100")
	for _, c := range []struct {
		name  string
		edits []string
		want  string
	}{
		{"a good pair", nil, ""},
		{"VRID", []string{"_id 52", "_id 53"}, "pair-sync-group pair-missing pair-missing"},
		{"version", []string{"interface eth1", "interface eth1\nversion 3"}, "pair-version!"},
		{"interval", []string{"interface eth1", "interface eth1\nadvert_int 2"}, "pair-interval!"},
		{"interval of version 3", []string{"interface eth1", "interface eth1\nadvert_int 2\nversion 3"}, "pair-version!"},
		{"VIP list", []string{"        10.0.0.10/24\n", ""}, "pair-vips!"},
		{"VIP order is free", []string{"10.0.0.9/24", "10.0.0.X/24", "10.0.0.10/24", "10.0.0.9/24", "10.0.0.X", "10.0.0.10"}, ""},
		{"prefix length", []string{"10.0.0.9/24", "10.0.0.9/32"}, "pair-length"},
		{"password", []string{"s3cret", "s3crets"}, "pair-auth!"},
		{"type", []string{"PASS", "AH"}, "pair-auth!"},
		{"peers do not point at each other", []string{"{ 10.0.0.2 }", "{ 10.0.0.7 }"}, "pair-peers!"},
		{"unicast against multicast", []string{"    unicast_peer { 10.0.0.2 }\n", ""}, "pair-unicast!"},
		{"equal priorities", []string{"priority 100", "priority 150"}, "pair-priority"},
		{"groups", []string{"{ V1 V2 }", "{ V1 }"}, "pair-sync-group pair-sync-group"},
		{"preemption", []string{"interface eth1", "interface eth1\nnopreempt"}, "pair-preempt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ds := Compare(mustParse(t, pairText), mustParse(t, edit(t, other, c.edits...)))
			var rules []string
			for _, d := range ds {
				r := d.Rule
				if d.Severity == diag.Error {
					r += "!"
				}
				rules = append(rules, r)
				if strings.Contains(d.String()+d.Text, "s3cret") {
					t.Errorf("a finding shows the secret: %s", d)
				}
			}
			if got := strings.Join(rules, " "); got != c.want {
				t.Errorf("got  %s\nwant %s\n%v", got, c.want, ds)
			}
		})
	}
}

func TestCompareWeights(t *testing.T) {
	with := "    track_interface { eth2 weight -20 }\n    interface eth1"
	a := mustParse(t, edit(t, strings.Replace(pairText, "vrrp_sync_group G { group { V1 V2 } }", "", 1), "    interface eth1", with))
	b := mustParse(t, edit(t, pairText, "vrrp_sync_group G { group { V1 V2 } }", "", "priority 150\n    virtual", "priority 100\n    virtual"))
	ds := Compare(a, b)
	for _, d := range ds {
		if d.Rule == "pair-weight" && strings.Contains(d.Why, "150 and 100") {
			return
		}
	}
	t.Errorf("a weight of -20 over a gap of 50 is not reported: %v", ds)
}

func TestFingerprint(t *testing.T) {
	c := mustParse(t, pairText)
	a := c.Instance("V1").Fingerprint()
	same := mustParse(t, edit(t, pairText, "s3cret", "other", "priority 150", "priority 10", "10.0.0.9/24", "10.0.0.9/32")).Instance("V1").Fingerprint()
	other := mustParse(t, edit(t, pairText, "10.0.0.9/24", "10.0.0.8/24")).Instance("V1").Fingerprint()
	if a != same || a == other || len(a) != 8 {
		t.Errorf("fingerprints %s %s %s", a, same, other)
	}
}

func TestSecretNeverPrints(t *testing.T) {
	c := mustParse(t, pairText)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if s := fmt.Sprintf(format, *c.Instance("V1")); strings.Contains(s, "s3cret") || strings.Contains(s, "733363726574") {
			t.Errorf("%s shows the secret", format)
		}
	}
	b, err := json.Marshal(c.Instance("V1"))
	if err != nil || strings.Contains(string(b), "s3cret") {
		t.Errorf("json: %v %s", err, b)
	}
	if got := c.Instance("V1").Auth.Password.Reveal(); got != "s3cret" {
		t.Errorf("Reveal gives %q", got)
	}
}

// TestManyInstances reads 100,000 instances; memory and time are bounded by the limits of package syntax.
func TestManyInstances(t *testing.T) {
	var b strings.Builder
	for i := range 100000 {
		fmt.Fprintf(&b, "vrrp_instance V%d {\n interface e%d\n virtual_router_id %d\n priority 100\n virtual_ipaddress { 10.%d.%d.%d/24 }\n}\n", i, i/255, i%255+1, i>>16, i>>8&255, i&255)
	}
	start := time.Now()
	c, ds := Parse("many", []byte(b.String()), Options{ConfigID: "x"})
	if len(c.Instances) != 100000 || ds.HasErrors() {
		t.Fatalf("%d instances, %d findings", len(c.Instances), len(ds))
	}
	if p := Diff(c, c); !p.Empty() {
		t.Error("Diff of a configuration with itself is not empty")
	}
	t.Logf("%d bytes in %v", b.Len(), time.Since(start))
}

func FuzzConfig(f *testing.F) {
	for _, file := range archive(f, "testdata/faults.txtar") {
		f.Add(string(file.Data))
	}
	f.Add(pairText)
	f.Fuzz(func(t *testing.T, src string) {
		c, ds := Parse("fuzz.conf", []byte(src), Options{ConfigID: "x", Getenv: func(string) string { return "" }, Files: none{}})
		if !Diff(c, c).Empty() {
			t.Fatal("Diff(a, a) is not empty")
		}
		if _, err := MarshalModel(c); err != nil {
			t.Fatal(err)
		}
		for _, d := range Compare(c, c) {
			_ = d.String()
		}
		if ds.HasErrors() {
			return
		}
		for _, v := range c.Instances {
			if v.VRID == 0 || v.Priority == 0 || v.AdvertInterval < 10*time.Millisecond || v.Interface == "" || v.Version < 2 || v.DownTimerAdverts < 1 {
				t.Fatalf("an instance without errors cannot run: %+v", v)
			}
		}
	})
}

// none is a file system without files.
type none struct{}

func (none) ReadFile(string, int) ([]byte, error) { return nil, fmt.Errorf("no file") }
func (none) Glob(string) ([]string, error)        { return nil, nil }
