// SPDX-License-Identifier: Apache-2.0

//go:build !nooci

package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/govrrp/vrrpd/cloud"
)

// metadataClient reads the instance metadata service, version 2 only.
type metadataClient struct {
	base string
	http *http.Client
}

// instance is what the metadata service says about this machine.
type instance struct {
	ID            string `json:"id"`
	DisplayName   string `json:"displayName"`
	CompartmentID string `json:"compartmentId"`
	Region        string `json:"canonicalRegionName"`
	RegionInfo    struct {
		RealmDomain string `json:"realmDomainComponent"`
	} `json:"regionInfo"`
}

// metadataVNIC is one of this machine's interfaces. Secondary addresses are
// not listed there.
type metadataVNIC struct {
	ID         string   `json:"vnicId"`
	PrivateIP  string   `json:"privateIp"`
	MAC        string   `json:"macAddr"`
	CIDR       string   `json:"subnetCidrBlock"`
	CIDR6      string   `json:"ipv6SubnetCidrBlock"`
	CIDRs6     []string `json:"ipv6SubnetCidrBlocks"`
	VirtualGW  string   `json:"virtualRouterIp"`
	NICIndex   int      `json:"nicIndex"`
	VLANTag    int      `json:"vlanTag"`
	IPv6       []string `json:"ipv6Addresses"`
	VirtualGW6 string   `json:"ipv6VirtualRouterIp"`
}

const maxMetadata = 1 << 20

func (m *metadataClient) get(ctx context.Context, path string) ([]byte, error) {
	op := "metadata " + path
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.base+path, nil)
	if err != nil {
		return nil, &cloud.Error{Class: cloud.ClassInvalid, Op: op, Err: err}
	}
	r.Header.Set("Authorization", "Bearer Oracle")
	resp, err := m.http.Do(r)
	if err != nil {
		return nil, &cloud.Error{Class: cloud.ClassUnknown, Op: op, Err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxMetadata))
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, &cloud.Error{Class: cloud.ClassUnknown, Op: op, Status: resp.StatusCode, Err: err}
	}
	return body, nil
}

func (m *metadataClient) decode(ctx context.Context, path string, v any) error {
	body, err := m.get(ctx, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return &cloud.Error{Class: cloud.ClassUnknown, Op: "metadata " + path, Err: errors.New("not valid JSON")}
	}
	return nil
}

func (m *metadataClient) instance(ctx context.Context) (instance, error) {
	var in instance
	if err := m.decode(ctx, "/instance/", &in); err != nil {
		return in, err
	}
	if in.ID == "" || in.Region == "" {
		return in, &cloud.Error{Class: cloud.ClassUnknown, Op: "metadata /instance/", Err: errors.New("no id or region in it")}
	}
	return in, nil
}

// host returns the host name of a service in this instance's region and realm.
func (in instance) host(service string) string {
	realm := in.RegionInfo.RealmDomain
	if realm == "" {
		realm = "oraclecloud.com"
	}
	return fmt.Sprintf("https://%s.%s.%s", service, strings.ToLower(in.Region), realm)
}
