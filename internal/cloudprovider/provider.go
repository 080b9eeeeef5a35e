// SPDX-License-Identifier: Apache-2.0

// Package cloudprovider picks the vendor's package for a claim. It is apart
// from package cloud so that a library user who imports that one compiles no
// vendor SDK.
package cloudprovider

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/aws"
	"github.com/govrrp/vrrpd/cloud/azure"
	"github.com/govrrp/vrrpd/cloud/oci"
)

// Options say which cloud and how to reach it. Empty fields are found out by
// the vendor's package.
type Options struct {
	Provider         string // oci, aws, azure, none, or auto: by this machine's firmware
	Endpoint         string // of the API
	MetadataEndpoint string
	Region, Profile  string
	CredentialsFile  string
	Subscription     string   // azure
	ResourceGroup    string   // azure
	PeerNICs         []string // azure: the peer's, where they are in another resource group
	NICs             []string
	Source           netip.Addr    // address that requests leave from
	Timeout          time.Duration // of one request; 0 = the vendor package's default
}

// ErrUnknown means that auto could not tell where this machine runs.
var ErrUnknown = errors.New("cannot tell which cloud this machine runs in: name oci, aws or azure")

// New returns the provider. It sends nothing.
func New(ctx context.Context, o Options) (cloud.Provider, error) {
	name := o.Provider
	if name == "" || name == "auto" {
		name = Detect()
	}
	switch name {
	case "oci":
		return oci.New(oci.Options{
			Endpoint: o.Endpoint, MetadataEndpoint: o.MetadataEndpoint, Region: o.Region, Profile: o.Profile,
			ConfigFile: o.CredentialsFile, VNICs: o.NICs, Source: o.Source, Timeout: o.Timeout,
		})
	case "aws":
		p, err := aws.New(ctx, aws.Options{
			Endpoint: o.Endpoint, MetadataEndpoint: o.MetadataEndpoint, Region: o.Region, Profile: o.Profile,
			CredentialsFile: o.CredentialsFile, Source: o.Source, Timeout: o.Timeout,
		})
		if err != nil {
			return nil, err
		}
		return p, nil
	case "azure":
		return azure.New(azure.Options{
			Endpoint: o.Endpoint, MetadataEndpoint: o.MetadataEndpoint, Subscription: o.Subscription,
			ResourceGroup: o.ResourceGroup, NICs: o.NICs, PeerNICs: o.PeerNICs, Source: o.Source, Timeout: o.Timeout,
		})
	case "none":
		return nowhere{}, nil
	case "":
		return nil, ErrUnknown
	}
	return nil, fmt.Errorf("unknown cloud %q: oci, aws or azure", name)
}

// Rates are below what a vendor allows one account, for which two nodes may
// ask: EC2 gives 100 reads and then 20 a second, and half as many writes for
// most operations, at 5; Azure 250 reads at 25 and 200 writes at 10. Oracle
// publishes none.
func Rates(provider string) cloud.Rates {
	switch provider {
	case "aws":
		return cloud.Rates{ReadBurst: 60, ReadPerSecond: 8, WriteBurst: 40, WritePerSecond: 4}
	case "azure":
		return cloud.Rates{ReadBurst: 100, ReadPerSecond: 10, WriteBurst: 80, WritePerSecond: 4}
	default:
		return cloud.DefaultRates
	}
}

// marks are what the firmware of each cloud's machines says.
var marks = []struct{ file, text, provider string }{
	{"/sys/class/dmi/id/chassis_asset_tag", "OracleCloud", "oci"},
	{"/sys/class/dmi/id/sys_vendor", "Amazon EC2", "aws"},
	{"/sys/class/dmi/id/bios_vendor", "Amazon EC2", "aws"},
	{"/sys/class/dmi/id/chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77", "azure"},
}

// Detect tells by the firmware which cloud this machine runs in, or "".
func Detect() string {
	for _, m := range marks {
		text, err := os.ReadFile(m.file)
		if err == nil && strings.Contains(string(text), m.text) {
			return m.provider
		}
	}
	return ""
}
