// SPDX-License-Identifier: Apache-2.0

//go:build !noaws && !noazure && !nooci

package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/fakecloud/aws"
	"github.com/govrrp/vrrpd/internal/fakecloud/azure"
	"github.com/govrrp/vrrpd/internal/fakecloud/oci"
)

// checkedCloud is a fake cloud, seen from the node that is not MASTER, and the
// ways in which it can be wrong.
type checkedCloud struct {
	name     string
	handler  http.Handler
	metadata func(url string) string
	items    []string // what a claim names there
	deny     func()   // one permission
	drop     func()   // forwarding
	ahead    func(time.Duration)
}

// hermeticClouds keeps the developer's own accounts out of a test.
func hermeticClouds(t *testing.T) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		for _, p := range []string{"AWS_", "AZURE_", "OCI_", "IDENTITY_", "MSI_", "VRRPD_CLOUD_", "HTTP_PROXY", "HTTPS_PROXY"} {
			if strings.HasPrefix(name, p) {
				t.Setenv(name, "")
			}
		}
	}
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
}

func checkedOCI() checkedCloud {
	c := oci.New()
	a, b := c.AddInstance("a"), c.AddInstance("b")
	subnet := c.AddSubnet("10.0.0.0/24", "")
	holder := a.AddVNIC(subnet, "10.0.0.2", "02:00:00:00:0a:00")
	own := b.AddVNIC(subnet, "10.0.0.3", "02:00:00:00:0b:00")
	c.AddPrivateIP(holder, "10.0.0.4")
	return checkedCloud{
		name: "oci", handler: c, items: []string{"--ip", "10.0.0.4"},
		metadata: func(url string) string { c.URL = url; return b.MetadataURL() },
		deny:     func() { c.Deny(b, "VNIC_ASSIGN") },
		drop:     func() { c.SetForwarding(own, false) },
		ahead:    func(d time.Duration) { c.Now = func() time.Time { return time.Now().Add(d) } },
	}
}

func checkedAWS() checkedCloud {
	w := aws.New()
	a, b := w.AddNode("a", "10.0.0.2"), w.AddNode("b", "10.0.0.3")
	w.AddAddress("10.0.0.4", a.ENI())
	w.AddTable("rtb-1", "private", nil)
	w.SetRoute("rtb-1", "10.50.0.0/16", a.ENI())
	mux := http.NewServeMux()
	mux.Handle("/latest/", b.Metadata())
	mux.Handle("/", w.EC2())
	return checkedCloud{
		name: "aws", handler: mux, items: []string{"--ip", "10.0.0.4", "--route", "private=10.50.0.0/16"},
		metadata: func(url string) string { return url },
		deny: func() {
			w.SetFault(func(r aws.Request) aws.Fault {
				if r.Op != "ReplaceRoute" {
					return aws.Fault{}
				}
				return aws.Fault{Status: http.StatusForbidden, Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation."}
			})
		},
		drop:  func() { w.SetSourceDestCheck(b.ENI(), true) },
		ahead: func(d time.Duration) { w.Skew = d },
	}
}

func checkedAzure() checkedCloud {
	c := azure.New()
	ahead := time.Duration(0)
	c.AddNode("a", "10.0.0.2")
	b := c.AddNode("b", "10.0.0.3")
	c.AddTable("rt1", nil, "10.50.0.0/16", "10.0.0.2")
	return checkedCloud{
		name: "azure", items: []string{"--route", "rt1=10.50.0.0/16"},
		handler:  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.ServeHTTP(late{w, ahead}, r) }),
		ahead:    func(d time.Duration) { ahead = d },
		metadata: func(url string) string { c.URL = url; return b.MetadataURL() },
		deny: func() {
			c.SetRole("b", "Microsoft.Compute/virtualMachines/read", "Microsoft.Network/networkInterfaces/read",
				"Microsoft.Network/routeTables/read", "Microsoft.Network/routeTables/routes/read")
		},
		drop: func() {
			c.Edit("networkInterfaces", "b-nic0", func(p map[string]any) { p["enableIPForwarding"] = false })
		},
	}
}

// late is a reply of a server whose clock is ahead.
type late struct {
	http.ResponseWriter
	by time.Duration
}

func (w late) WriteHeader(status int) {
	w.Header().Set("Date", time.Now().Add(w.by).UTC().Format(http.TimeFormat))
	w.ResponseWriter.WriteHeader(status)
}

// check prints what vrrpd cloud check says there, and its exit code.
func (c checkedCloud) check(t *testing.T, reachable bool, items ...string) (text string, code int) {
	t.Helper()
	s := httptest.NewServer(c.handler)
	defer s.Close()
	endpoint := s.URL
	metadata := c.metadata(s.URL)
	if !reachable {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		endpoint = "http://" + l.Addr().String()
		_ = l.Close()
	}
	t.Setenv("OCI_SDK_AUTH_CLIENT_REGION_URL", s.URL)
	var out, talk bytes.Buffer
	args := append([]string{"vrrpd", "cloud", "check", c.name, "--endpoint", endpoint, "--metadata-endpoint", metadata, "--probe-writes", "--peer", "10.0.0.2"}, items...)
	code = run(args, &out, &talk)
	text = out.String() + talk.String()
	for old, new := range map[string]string{strings.TrimPrefix(endpoint, "http://"): "API", strings.TrimPrefix(s.URL, "http://"): "METADATA"} {
		text = strings.ReplaceAll(text, old, new)
	}
	for expr, fixed := range map[string]string{
		`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`: "2026-03-01T12:00:00Z", `(\d+h)?(\d+m)\d+(\.\d+)?s`: "${1}${2}0s", ` +\n`: "\n",
		`\[request [^\]]+\]`: "[request ID]",
	} {
		text = regexp.MustCompile(expr).ReplaceAllString(text, fixed)
	}
	return text, code
}

const checkPage = "../../docs/clouds/check.md"

// TestCloudCheckOutput holds docs/clouds/check.md to what the command prints,
// over sockets, in each of the three clouds and each of six situations.
func TestCloudCheckOutput(t *testing.T) {
	hermeticClouds(t)
	var page strings.Builder
	page.WriteString("# What the preflight prints\n\n" +
		"`vrrpd cloud check CLOUD … --probe-writes --peer 10.0.0.2`, on the node that is not MASTER, in six situations.\n" +
		"Made by `go test ./cmd/vrrpd -run CloudCheckOutput -update` against the fakes of `internal/fakecloud`; do not edit.\n")
	situations := []struct {
		title string
		spoil func(checkedCloud)
		away  bool
		items []string
		code  int
		want  string // in the line of a finding that is not ok
	}{
		{title: "All is well"},
		{title: "One permission is missing", spoil: func(c checkedCloud) { c.deny() }, code: 1, want: "permission"},
		{title: "The interface does not forward", spoil: func(c checkedCloud) { c.drop() }, code: 1, want: "forwarding"},
		{title: "A VIP outside of the subnet", items: []string{"--ip", "192.0.2.1"}, code: 1, want: "subnet"},
		{title: "The clocks are six minutes apart", spoil: func(c checkedCloud) { c.ahead(6*time.Minute + 30*time.Second) }, code: 1, want: "clock"},
		{title: "The API cannot be reached", away: true, code: 1, want: "connection refused"},
	}
	for _, make := range []func() checkedCloud{checkedOCI, checkedAWS, checkedAzure} {
		fmt.Fprintf(&page, "\n## %s\n", make().name)
		for _, s := range situations {
			c := make()
			if s.spoil != nil {
				s.spoil(c)
			}
			items := slices.Concat(c.items, s.items)
			text, code := c.check(t, !s.away, items...)
			if code != s.code {
				t.Errorf("%s: %s: exit code %d, want %d\n%s", c.name, s.title, code, s.code, text)
			}
			if !strings.Contains(text, s.want) || s.code == 0 && (strings.Contains(text, "fail") || strings.Contains(text, "warn")) {
				t.Errorf("%s: %s: %q is not in\n%s", c.name, s.title, s.want, text)
			}
			fmt.Fprintf(&page, "\n### %s: %s\n\n```\n$ vrrpd cloud check %s %s\n%s```\n", c.name, s.title, c.name, strings.Join(items, " "), text)
		}
	}
	if *update {
		if err := os.WriteFile(checkPage, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(checkPage); err != nil || string(have) != page.String() {
		t.Errorf("%s is not what is printed (%v): go test ./cmd/vrrpd -run CloudCheckOutput -update", checkPage, err)
	}
}
