// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fakeHost has eth0 with one address, and programs by path.
type fakeHost map[string]error

func (fakeHost) Interface(name string) ([]netip.Addr, bool) {
	return []netip.Addr{netip.MustParseAddr("10.0.0.2")}, name == "eth0"
}

func (h fakeHost) Program(path string) error {
	if err, ok := h[path]; ok {
		return err
	}
	return fs.ErrNotExist
}

func TestHost(t *testing.T) {
	const text = `
global_defs {
    script_user root
    enable_script_security
}
vrrp_script chk { script "/bin/good" }
vrrp_instance V {
    interface eth0
    virtual_router_id 1
    unicast_src_ip 10.0.0.99
    unicast_peer { 10.0.0.3 }
    virtual_ipaddress { 10.0.0.9/24 dev eth7 }
    track_interface { eth8 }
    notify_master /bin/unsafe
    notify_backup /bin/absent
}`
	host := fakeHost{"/bin/good": nil, "/bin/unsafe": fmt.Errorf("/bin: %w", ErrUnsafe)}
	for _, c := range []struct{ name, text, want string }{
		{"as it is", text, "10 host-source warning, 12 host-interface error, 13 host-interface error, 14 host-unsafe warning, 15 host-program warning"},
		{"dynamic interfaces", strings.Replace(text, "script_user root", "script_user root\ndynamic_interfaces", 1), "11 host-source warning, 13 host-interface warning, 14 host-interface warning, 15 host-unsafe warning, 16 host-program warning"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, ds := Parse("x", []byte(c.text), Options{ConfigID: "x", Host: host})
			var got []string
			for _, d := range ds {
				if strings.HasPrefix(d.Rule, "host-") {
					got = append(got, fmt.Sprintf("%d %s %s", d.Line, d.Rule, d.Severity))
				}
			}
			slices.Sort(got)
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), c.want)
			}
		})
	}
}

func TestLocalHost(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "s.sh")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var h LocalHost
	if err := h.Program(file); err == nil {
		t.Error("a file without execute bit can be run")
	}
	if err := h.Program(filepath.Join(dir, "none")); err == nil {
		t.Error("a missing file can be run")
	}
	if err := os.Chmod(file, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := h.Program(file); err == nil || !strings.Contains(err.Error(), ErrUnsafe.Error()) {
		t.Errorf("a file that all can write to: %v", err)
	}
	if _, ok := h.Interface("nosuchif"); ok {
		t.Error("an interface that is not there is found")
	}
	if addrs, ok := h.Interface("lo"); !ok {
		t.Errorf("no loopback interface: %v", addrs)
	}
}

// BenchmarkParse reads configurations of the sizes that keepalived -t is compared at.
func BenchmarkParse(b *testing.B) {
	for _, n := range []int{250, 1000, 4000} {
		text := []byte(instances(n))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if c, _ := Parse("many", text, Options{ConfigID: "x"}); len(c.Instances) != n {
					b.Fatal(len(c.Instances))
				}
			}
		})
	}
}

func instances(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "vrrp_instance V%d {\n interface eth0\n virtual_router_id %d\n priority 100\n unicast_peer { 10.1.%d.%d }\n virtual_ipaddress { 10.%d.%d.%d/24 }\n}\n", i, i%255+1, i>>8&255, i&255, i>>16, i>>8&255, i&255)
	}
	return b.String()
}

// TestBenchmarkText holds the text of the benchmark to be a valid configuration.
func TestBenchmarkText(t *testing.T) {
	if _, ds := Parse("many", []byte(instances(300)), Options{ConfigID: "x"}); ds.HasErrors() {
		t.Fatal(ds)
	}
}
