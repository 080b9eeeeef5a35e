// SPDX-License-Identifier: Apache-2.0

//go:build !noaws && !noazure && !nooci

package cloudprovider

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/transport"
)

// Two nodes ask for one account: the MASTER at its full rates, the BACKUP at
// half of the reads and no writes. Together they stay below what the vendor
// publishes.
func TestRatesAreBelowTheVendors(t *testing.T) {
	for provider, theirs := range map[string]cloud.Rates{
		"aws":   {ReadBurst: 100, ReadPerSecond: 20, WriteBurst: 50, WritePerSecond: 5},
		"azure": {ReadBurst: 250, ReadPerSecond: 25, WriteBurst: 200, WritePerSecond: 10},
	} {
		ours := Rates(provider)
		if 1.5*ours.ReadBurst > theirs.ReadBurst || 2*ours.ReadPerSecond > theirs.ReadPerSecond || ours.WriteBurst > theirs.WriteBurst || ours.WritePerSecond > theirs.WritePerSecond {
			t.Errorf("%s: %+v, the vendor allows %+v", provider, ours, theirs)
		}
		if ours.ReadBurst < cloud.DefaultRates.ReadBurst || ours.WriteBurst < cloud.DefaultRates.WriteBurst {
			t.Errorf("%s: %+v is less than where nothing is known", provider, ours)
		}
	}
	if Rates("oci") != cloud.DefaultRates {
		t.Error("Oracle publishes no rates: the default")
	}
}

// Plain http reaches this machine and nobody else, whatever the cloud.
func TestEndpointsAreChecked(t *testing.T) {
	for _, provider := range []string{"oci", "aws", "azure"} {
		for url, ok := range map[string]bool{
			"https://api.example": true, "http://127.0.0.1:1": true, "http://[::1]:1": true, "http://localhost:1": true,
			"http://api.example": false, "http://10.0.0.1": false, "ftp://127.0.0.1": false, "nonsense": false,
		} {
			for _, o := range []Options{{Endpoint: url}, {MetadataEndpoint: url}} {
				o.Provider, o.Region = provider, "eu-central-1"
				_, err := New(context.Background(), o)
				if (err == nil) != ok {
					t.Errorf("%s %+v: %v", provider, o, err)
				}
			}
		}
	}
}

// The variables of the vendors' SDKs are held to the same rule: no byte leaves.
func TestEndpointsOfTheSDKs(t *testing.T) {
	for variable, provider := range map[string]string{
		"AWS_EC2_METADATA_SERVICE_ENDPOINT": "aws",
		"OCI_METADATA_BASE_URL":             "oci", "OCI_SDK_AUTH_CLIENT_REGION_URL": "oci",
	} {
		for url, ok := range map[string]bool{"http://127.0.0.1:1/x": true, "http://192.0.2.1/x": false} {
			t.Run(variable+"="+url, func(t *testing.T) {
				t.Setenv(variable, url)
				p, err := New(context.Background(), Options{Provider: provider, Region: "eu-central-1", Endpoint: "http://127.0.0.1:1"})
				if err == nil && !ok {
					// It may be found out with the first request: no byte leaves then.
					_, err = p.Discover(context.Background())
				}
				if ok && err != nil || !ok && (err == nil || !strings.Contains(err.Error(), transport.ErrPlainHTTP.Error())) {
					t.Errorf("%v", err)
				}
			})
		}
	}
}

func TestNowhere(t *testing.T) {
	p, err := New(context.Background(), Options{Provider: "none"})
	if err != nil {
		t.Fatal(err)
	}
	node, err := p.Discover(context.Background())
	if err != nil || node.Provider != "none" {
		t.Errorf("%+v, %v", node, err)
	}
	item := cloud.VIP(netip.MustParseAddr("10.0.0.4"))
	seen := p.Observe(context.Background(), node, []cloud.Item{item})
	if len(seen) != 1 || seen[0].Owner != cloud.Unknown || cloud.ClassOf(seen[0].Err) != cloud.ClassInvalid {
		t.Errorf("%+v", seen)
	}
	if steps := p.Plan(node, seen); len(steps) != 0 {
		t.Errorf("%+v", steps)
	}
	if out := p.Apply(context.Background(), nil, cloud.Step{}); out.Class != cloud.ClassInvalid {
		t.Errorf("%+v", out)
	}
}

func TestUnknownProvider(t *testing.T) {
	if _, err := New(context.Background(), Options{Provider: "moon"}); err == nil {
		t.Error("a cloud that does not exist")
	}
	if Detect() == "" {
		if _, err := New(context.Background(), Options{Provider: "auto"}); !errors.Is(err, ErrUnknown) {
			t.Errorf("auto: %v", err)
		}
	}
}
