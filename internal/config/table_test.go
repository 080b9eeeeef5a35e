// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/config/diag"
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

// TestNotCarriedOut: an option that is read and dropped is said aloud, and a
// rule is not made wider by it.
func TestNotCarriedOut(t *testing.T) {
	const head = "vrrp_instance V {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 10.0.0.1/24%s\n }\n virtual_routes {\n 10.9.0.0/16 via 10.0.0.9%s\n }\n virtual_rules {\n from 10.0.0.1 table 9 preference 9%s\n }\n}\n"
	said := func(address, route, rule string) (*Config, bool) {
		c, ds := Parse("x", fmt.Appendf(nil, head, address, route, rule), Options{})
		return c, slices.ContainsFunc(ds, func(d diag.Diagnostic) bool { return d.Rule == "unsupported" })
	}
	c, warned := said("", "", "")
	if warned || !c.Instances[0].Rules[0].Complete() {
		t.Error("the plain lines are not carried out")
	}
	for _, o := range append(slices.Clone(routeValues), "vrf", "encap", "mtu lock") {
		if _, warned := said("", " "+o+" 1", ""); !warned {
			t.Errorf("route option %s is dropped in silence", o)
		}
	}
	for _, o := range ruleValues {
		if c, warned := said("", "", " "+o+" 1"); !warned || c.Instances[0].Rules[0].Complete() == narrows(o) {
			t.Errorf("rule option %s: warning %v, complete %v", o, warned, c.Instances[0].Rules[0].Complete())
		}
	}
	for _, o := range []string{"use_vmac", "mngtmpaddr", "autojoin"} {
		if _, warned := said(" "+o, "", ""); !warned {
			t.Errorf("address option %s is dropped in silence", o)
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

// TestCommonWordsAct: what most files in use have is carried out.
func TestCommonWordsAct(t *testing.T) {
	for scope, words := range map[Scope]string{
		scopeTop: "global_defs vrrp_instance vrrp_script vrrp_sync_group vrrp_track_process track_file static_ipaddress static_routes static_rules",
		scopeGlobal: `router_id script_user enable_script_security vrrp_garp_interval vrrp_gna_interval vrrp_skip_check_adv_addr vrrp_strict vrrp_version
			vrrp_garp_master_delay vrrp_garp_master_repeat vrrp_garp_master_refresh vrrp_garp_master_refresh_repeat vrrp_check_unicast_src vrrp_notify_fifo
			notification_email notification_email_from smtp_server smtp_connect_timeout smtp_alert smtp_alert_vrrp`,
		scopeInstance: `state interface virtual_router_id priority advert_int authentication virtual_ipaddress virtual_ipaddress_excluded nopreempt preempt
			unicast_src_ip unicast_peer mcast_src_ip track_script track_interface track_process track_file dont_track_primary notify notify_master notify_backup
			notify_fault notify_stop smtp_alert version preempt_delay virtual_routes virtual_rules check_unicast_src use_vmac vmac_xmit_base strict_mode
			skip_check_adv_addr garp_master_delay garp_master_repeat garp_master_refresh garp_master_refresh_repeat garp_lower_prio_delay garp_lower_prio_repeat`,
		scopeGroup:  "group track_interface track_script track_file track_process notify notify_master notify_backup notify_fault notify_stop smtp_alert",
		scopeScript: "script interval timeout weight rise fall user init_fail",
	} {
		for _, w := range strings.Fields(words) {
			if k := keywords.lookup(scope, w); k == nil || k.Status != Acts {
				t.Errorf("%s in %s: %+v", w, scope, k)
			}
		}
	}
	// keepalived's cure for what vrrpd does anyway.
	for _, w := range []string{"dynamic_interfaces", "max_auto_priority", "reload_check_config"} {
		if k := keywords.lookup(scopeGlobal, w); k.Status != NoEffect {
			t.Errorf("%s: %v", w, k.Status)
		}
	}
}
