// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	for _, k := range keywords.all {
		if len(k.Scopes) == 0 || k.Doc == "" && k.Status == Acts {
			t.Errorf("%s: no scope or no text", k.Name)
		}
		if k.Status == NoEffect && k.Why == "" {
			t.Errorf("%s: no effect and no reason", k.Name)
		}
		if k.set == nil && k.Status == Acts && k.Name != "no_virtual_ipaddress" {
			t.Errorf("%s says that it acts and sets nothing", k.Name)
		}
	}
}

// TestSharedScopes calls the setters that instances and groups share on both.
func TestSharedScopes(t *testing.T) {
	for _, k := range sharedTable() {
		for _, s := range k.Scopes {
			block := ""
			if k.isBlock() {
				block = " {\n}"
			}
			src := string(s) + " X {\n" + k.Name + strings.Repeat(" x", k.minArgs()) + block + "\n}\n"
			if _, ds := Parse("x", []byte(src), Options{}); len(ds) == 0 {
				t.Errorf("%s: no finding for half an instance", src)
			}
		}
	}
}

func TestReference(t *testing.T) {
	var b bytes.Buffer
	if err := WriteReference(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"## `vrrp_instance`", "| `virtual_router_id` | `VRID` |", "`cloud_claim`", "accepted, no effect: ", "out of scope", "(`vmac_garp_intvl`)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the reference lacks %q", want)
		}
	}
	for i, line := range strings.Split(b.String(), "\n") {
		if strings.HasPrefix(line, "|") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 7 {
			t.Errorf("line %d is not a row of six cells: %s", i+1, line)
		}
	}
}

func TestFieldRulesAreComplete(t *testing.T) {
	typ := reflect.TypeFor[Instance]()
	for i := range typ.NumField() {
		if f := typ.Field(i); f.IsExported() && !f.Anonymous && fieldRules[f.Name].keyword == "" {
			t.Errorf("fieldRules lacks %s", f.Name)
		}
	}
	for name := range fieldRules {
		if _, ok := typ.FieldByName(name); !ok {
			t.Errorf("fieldRules has %s, Instance does not", name)
		}
	}
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{"priorty": "priority", "virtual_ipadress": "virtual_ipaddress", "nopremept": "nopreempt", "garp_master_dealy": "garp_master_delay", "zzzzzz": ""} {
		if got := keywords.nearest(scopeInstance, word); got != want {
			t.Errorf("nearest to %s is %q, want %q", word, got, want)
		}
	}
}
