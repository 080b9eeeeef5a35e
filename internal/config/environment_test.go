// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

const twoClaims = `
cloud_claim wan {
    provider aws
    vips {
        10.0.0.4
    }
    routes {
        10.9.0.0/16 table t9
    }
}
cloud_claim lan-2 {
    provider oci
    region eu-west-1
    guard {
        ping 10.0.0.3
    }
}
`

func withEnvironment(t *testing.T, environ ...string) (wan, lan *CloudClaim, ds Diagnostics) {
	t.Helper()
	c, ds := Parse("k.conf", []byte(twoClaims), Options{Environ: environ})
	if len(c.Claims) != 2 {
		t.Fatalf("%v", ds)
	}
	return c.Claims[0], c.Claims[1], ds
}

// Every word of a claim and of its guard can stand in the environment: the
// result is that of the word in the file.
func TestCloudEnvironmentHasEveryWord(t *testing.T) {
	values := map[string]string{
		"vips": "10.0.0.5 10.0.0.6", "routes": "10.1.0.0/16 table t1;10.2.0.0/16 table t2", "mode": "dry_run", "provider": "azure",
		"public_ip": "203.0.113.9=10.0.0.4", "capture": "on", "adopt": "off", "home": "10.0.0.3", "peer": "10.0.0.3", "azure_mode": "nic",
		"probe_port": "8080", "endpoint": "https://api.test/", "metadata_endpoint": "http://127.0.0.1:1/", "timeout": "2.5",
		"check_interval": "15", "linger": "3", "on_yield": "fault", "ping": "10.0.0.9", "api": "https://10.0.0.9/", "status": "http://10.0.0.9:1/wan",
		"listen": "10.0.0.2:8640", "key": "file:/etc/k", "witness": "http://w/", "gateway": "10.0.0.1", "budget": "0.5", "on_suspect": "hold", "hold": "4",
	}
	for scope, inner := range map[Scope]string{scopeClaim: "%", scopeGuard: "guard {\n%\n}"} {
		for name, kw := range keywords.byScope[scope] {
			if name == "guard" || name != kw.Name {
				continue
			}
			value := values[name]
			if value == "" {
				value = "some-" + name
			}
			line := name + " " + value
			if kw.isBlock() {
				line = name + " {\n" + strings.ReplaceAll(value, ";", "\n") + "\n}"
			}
			variable := CloudEnvironment + strings.ToUpper(name)
			if scope == scopeGuard {
				variable = CloudEnvironment + "GUARD_" + strings.ToUpper(name)
			}
			in, _ := Parse("k.conf", []byte("cloud_claim c {\n"+strings.Replace(inner, "%", line, 1)+"\n}\n"), Options{})
			out, ds := Parse("k.conf", []byte("cloud_claim c {\n}\n"), Options{Environ: []string{variable + "=" + value}})
			for _, d := range ds {
				if d.Rule == "unknown-variable" || d.Rule == "bad-word" {
					t.Errorf("%s: %s", variable, d)
				}
			}
			if a, b := bare(in.Claims[0]), bare(out.Claims[0]); !reflect.DeepEqual(a, b) {
				t.Errorf("%s=%s:\n%+v %+v\nin the file:\n%+v %+v", variable, value, b, b.Guard, a, a.Guard)
			}
			if empty, _ := Parse("k.conf", []byte("cloud_claim c {\n}\n"), Options{}); name != "compartment" && scope == scopeClaim && reflect.DeepEqual(bare(empty.Claims[0]), bare(out.Claims[0])) {
				t.Errorf("%s=%s changes nothing", variable, value)
			}
		}
	}
}

// bare is a claim without the places of its words.
func bare(c *CloudClaim) CloudClaim {
	out := *c
	out.Place = Place{}
	if c.Guard != nil {
		g := *c.Guard
		g.Place = Place{}
		out.Guard = &g
	}
	return out
}

func TestCloudEnvironment(t *testing.T) {
	wan, lan, ds := withEnvironment(t,
		"VRRPD_CLOUD_REGION=us-east-1", "VRRPD_CLOUD_LAN_2_REGION=us-west-2", "VRRPD_CLOUD_WAN_VIPS=10.0.0.7",
		"VRRPD_CLOUD_GUARD_BUDGET=2", "VRRPD_CLOUD_LAN_2_GUARD_PING=10.0.0.8", "VRRPD_CLOUD_WAN_ROUTES=10.1.0.0/16 table t1; 10.2.0.0/16 table t2",
		"PATH=/bin", "VRRPD_CLOUD_=x", "VRRPD_CLOUD_REGOIN=x", "VRRPD_CLOUD_LAN_2_MODE=perhaps")
	if wan.Region != "us-east-1" || lan.Region != "us-west-2" {
		t.Errorf("regions %q and %q: the variable of one claim goes before that of all", wan.Region, lan.Region)
	}
	if want := []netip.Addr{netip.MustParseAddr("10.0.0.7")}; !reflect.DeepEqual(wan.VIPs, want) || lan.VIPs != nil {
		t.Errorf("VIPs %v and %v, want a replaced list in the one named", wan.VIPs, lan.VIPs)
	}
	if len(wan.Routes) != 2 || wan.Routes[1].Table != "t2" {
		t.Errorf("routes %+v", wan.Routes)
	}
	if wan.Guard == nil || wan.Guard.Budget != 2*time.Second || wan.Guard.Hold != 10*time.Second || lan.Guard.Budget != 2*time.Second {
		t.Errorf("guards %+v and %+v", wan.Guard, lan.Guard)
	}
	if want := []netip.Addr{netip.MustParseAddr("10.0.0.8")}; !reflect.DeepEqual(lan.Guard.Ping, want) || len(wan.Guard.Ping) != 0 {
		t.Errorf("pings %v and %v", lan.Guard.Ping, wan.Guard.Ping)
	}
	var told []string
	for _, d := range ds {
		told = append(told, d.File+": "+d.Rule+": "+d.What)
	}
	want := []string{
		"the environment: unknown-variable: VRRPD_CLOUD_ names no word of a cloud_claim",
		"the environment: unknown-variable: VRRPD_CLOUD_REGOIN names no word of a cloud_claim",
		"VRRPD_CLOUD_LAN_2_MODE: bad-word: perhaps is not known after mode",
	}
	for _, w := range want {
		if !strings.Contains(strings.Join(told, "\n"), w) {
			t.Errorf("%q is not in\n%s", w, strings.Join(told, "\n"))
		}
	}
}

// Plain http leaves this host for nothing that is signed or secret, by whatever
// way the endpoint was given.
func TestCloudEndpoints(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://api.example/": true, "http://127.0.0.1:8080": true, "http://localhost/": true, "http://[::1]:1/": true,
		"http://api.example/": false, "http://10.0.0.9/": false, "http://169.254.169.254/": false, "ftp://127.0.0.1/": false, "nowhere": false, "https://": false,
	} {
		if m, _ := Parse("k.conf", []byte("cloud_claim c {\nmetadata_endpoint "+url+"\n}\n"), Options{}); (m.Claims[0].MetadataEndpoint == url) != (ok || url == "http://169.254.169.254/") {
			t.Errorf("metadata_endpoint %s: %q", url, m.Claims[0].MetadataEndpoint)
		}
		_, fromFile := Parse("k.conf", []byte("cloud_claim c {\nendpoint "+url+"\n}\n"), Options{})
		c, fromEnvironment := Parse("k.conf", []byte("cloud_claim c {\n}\n"), Options{Environ: []string{"VRRPD_CLOUD_ENDPOINT=" + url}})
		if fromFile.HasErrors() == ok || fromEnvironment.HasErrors() == ok || (c.Claims[0].Endpoint == url) != ok {
			t.Errorf("%s: accepted %v, %v, want %v", url, !fromFile.HasErrors(), !fromEnvironment.HasErrors(), ok)
		}
	}
}
