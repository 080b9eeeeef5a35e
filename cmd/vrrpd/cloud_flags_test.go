// SPDX-License-Identifier: Apache-2.0

//go:build !noaws && !noazure && !nooci

package main

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// cloudCommands are those that talk to a cloud.
func cloudCommands() [][]string {
	return [][]string{{"claim"}, {"cloud", "check"}, {"cloud", "plan"}, {"cloud", "policy"}}
}

// An endpoint that would be reached in clear over a network is refused by every
// command, for every cloud, by flag and by variable, before anything is sent.
func TestPlainHTTPIsRefused(t *testing.T) {
	hermeticClouds(t)
	refused := func(args ...string) {
		t.Helper()
		var out, talk bytes.Buffer
		if code := run(append([]string{"vrrpd"}, args...), &out, &talk); code == 0 || !strings.Contains(talk.String(), "plain http") {
			t.Errorf("%v: exit %d: %s%s", args, code, out.String(), talk.String())
		}
	}
	for _, command := range cloudCommands() {
		for _, name := range []string{"oci", "aws", "azure"} {
			args := append(slices.Clone(command), name, "--ip", "10.0.0.4", "--timeout", "5s")
			refused(append(args, "--endpoint", "http://192.0.2.1/")...)
			refused(append(args, "--metadata-endpoint", "http://192.0.2.1/")...)
			for _, v := range []string{"VRRPD_CLOUD_ENDPOINT", "VRRPD_CLOUD_METADATA_ENDPOINT"} {
				t.Setenv(v, "http://192.0.2.1/")
				refused(args...)
				t.Setenv(v, "")
			}
		}
	}
}

// Every command reaches a cloud where its flags, and where the variables, say
// that it is.
func TestEndpointsAreUsed(t *testing.T) {
	hermeticClouds(t)
	for _, make := range []func() checkedCloud{checkedOCI, checkedAWS, checkedAzure} {
		for _, command := range cloudCommands() {
			c := make()
			s := httptest.NewServer(c.handler)
			metadata := c.metadata(s.URL)
			t.Setenv("OCI_SDK_AUTH_CLIENT_REGION_URL", s.URL)
			args := slices.Concat(command, []string{c.name}, c.items)
			for _, byVariable := range []bool{false, true} {
				full := args
				if byVariable {
					t.Setenv("VRRPD_CLOUD_ENDPOINT", s.URL)
					t.Setenv("VRRPD_CLOUD_METADATA_ENDPOINT", metadata)
				} else {
					full = append(full, "--endpoint", s.URL, "--metadata-endpoint", metadata)
				}
				var out, talk bytes.Buffer
				if code := run(append([]string{"vrrpd"}, full...), &out, &talk); code != 0 || out.Len() == 0 {
					t.Errorf("%v (by variable: %v): exit %d: %s%s", args, byVariable, code, out.String(), talk.String())
				}
				t.Setenv("VRRPD_CLOUD_ENDPOINT", "")
				t.Setenv("VRRPD_CLOUD_METADATA_ENDPOINT", "")
			}
			s.Close()
		}
	}
}

// The SDK's own variable is held to the same rule, and used.
func TestEC2EndpointOfTheSDK(t *testing.T) {
	hermeticClouds(t)
	c := checkedAWS()
	s := httptest.NewServer(c.handler)
	defer s.Close()
	for url, want := range map[string]int{s.URL: 0, "http://192.0.2.1/": exitFailed} {
		t.Setenv("AWS_ENDPOINT_URL_EC2", url)
		var out, talk bytes.Buffer
		args := append([]string{"vrrpd", "cloud", "check", "aws", "--metadata-endpoint", s.URL}, c.items...)
		if code := run(args, &out, &talk); code != want || strings.Contains(out.String(), "plain http") != (want != 0) {
			t.Errorf("%s: exit %d: %s%s", url, code, out.String(), talk.String())
		}
	}
}

// Where no daemon runs, the claims of a file are read from the cloud itself.
func TestCloudStatusWithoutADaemon(t *testing.T) {
	hermeticClouds(t)
	c := checkedAWS()
	s := httptest.NewServer(c.handler)
	defer s.Close()
	conf := filepath.Join(t.TempDir(), "k.conf")
	text := `cloud_claim edge {
    provider aws
    endpoint ` + s.URL + `
    metadata_endpoint ` + s.URL + `
    vips {
        10.0.0.4 10.0.0.77
    }
    routes {
        10.50.0.0/16 table private
    }
}
vrrp_instance V {
    interface eth0
    virtual_router_id 51
    no_virtual_ipaddress
    cloud_claim edge
}
`
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, talk bytes.Buffer
	if code := run([]string{"vrrpd", "cloud", "status", "--conf", conf}, &out, &talk); code != 0 {
		t.Fatalf("exit %d: %s%s", code, out.String(), talk.String())
	}
	for _, want := range []string{"V/edge, enforce, aws i-b\n", "vip4/10.0.0.4 other eni-a0 - 0s ago", "vip4/10.0.0.77 none - - 0s ago", "route/private/10.50.0.0/16 other eni-a0 - 0s ago"} {
		got := regexp.MustCompile(`\d+(\.\d+)?s ago`).ReplaceAllString(regexp.MustCompile(` +`).ReplaceAllString(out.String(), " "), "0s ago")
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	out.Reset()
	if code := run([]string{"vrrpd", "--socket", filepath.Join(t.TempDir(), "none"), "cloud", "status"}, &out, &talk); code != exitFailed {
		t.Errorf("without a daemon: exit %d: %s", code, out.String())
	}
}
