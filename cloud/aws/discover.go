// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/govrrp/vrrpd/cloud"
)

// identity is what the metadata service says of this node.
type identity struct {
	node    cloud.Node
	account string
	vpcs    map[string]string // by network interface
}

// vpc returns the VPC of the primary interface.
func (id identity) vpc() string {
	for _, nic := range id.node.NICs {
		if nic.Primary {
			return id.vpcs[nic.ID]
		}
	}
	return ""
}

func (id identity) interfaceIDs() []string {
	var ids []string
	for _, nic := range id.node.NICs {
		ids = append(ids, nic.ID)
	}
	return ids
}

// Discover implements [cloud.Provider]. It asks the metadata service only, and
// so works while the API is out of reach.
func (p *Provider) Discover(ctx context.Context) (cloud.Node, error) {
	ctx = unmetered(ctx)
	var doc struct {
		AccountID  string `json:"accountId"`
		InstanceID string `json:"instanceId"`
		Region     string `json:"region"`
	}
	raw, err := p.dynamic(ctx, "instance-identity/document")
	if err != nil {
		return cloud.Node{}, err
	}
	if err := json.Unmarshal([]byte(raw), &doc); err != nil || doc.InstanceID == "" || doc.Region == "" {
		return cloud.Node{}, &cloud.Error{Op: opMetadata, Err: fmt.Errorf("%w: instance identity document", errIncomplete)}
	}
	id := identity{
		node:    cloud.Node{Provider: "aws", ID: doc.InstanceID, Region: doc.Region},
		account: doc.AccountID, vpcs: map[string]string{},
	}
	primary, err := p.metadata(ctx, "mac")
	if err != nil {
		return cloud.Node{}, err
	}
	macs, err := p.metadata(ctx, "network/interfaces/macs/")
	if err != nil {
		return cloud.Node{}, err
	}
	names := p.linkNames()
	for _, mac := range strings.Fields(macs) {
		mac = strings.ToLower(strings.TrimSuffix(mac, "/"))
		nic, vpc, err := p.discoverNIC(ctx, mac)
		if err != nil {
			return cloud.Node{}, err
		}
		nic.Name, nic.Primary = names[mac], mac == strings.ToLower(strings.TrimSpace(primary))
		id.node.NICs = append(id.node.NICs, nic)
		id.vpcs[nic.ID] = vpc
	}
	slices.SortFunc(id.node.NICs, func(a, b cloud.NIC) int { return strings.Compare(a.ID, b.ID) })
	p.learn(id)
	return id.node, nil
}

// learn keeps the identity, and makes the API client when the region is known.
func (p *Provider) learn(id identity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.self = id
	if p.api != nil {
		return
	}
	cfg := p.cfg.Copy()
	if cfg.Region == "" {
		cfg.Region = id.node.Region
	}
	p.api = ec2.NewFromConfig(cfg, func(o *ec2.Options) {
		if p.opts.Endpoint != "" {
			o.BaseEndpoint = &p.opts.Endpoint
		}
	})
}

func (p *Provider) discoverNIC(ctx context.Context, mac string) (nic cloud.NIC, vpc string, err error) {
	base := "network/interfaces/macs/" + mac + "/"
	get := func(leaf string) string {
		if err != nil {
			return ""
		}
		var v string
		v, err = p.metadata(ctx, base+leaf)
		return strings.TrimSpace(v)
	}
	optional := func(leaf string) string {
		v := get(leaf)
		if notFound(err) {
			err = nil
		}
		return v
	}
	nic = cloud.NIC{ID: get("interface-id"), MAC: mac, Subnet: get("subnet-id")}
	vpc = get("vpc-id")
	blocks := optional("subnet-ipv4-cidr-block") + "\n" + optional("subnet-ipv6-cidr-blocks")
	addrs := strings.Fields(optional("local-ipv4s"))
	if err != nil {
		return nic, "", err
	}
	for _, s := range strings.Fields(blocks) {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return nic, "", &cloud.Error{Op: opMetadata, Err: fmt.Errorf("subnet of %s: %w", nic.ID, err)}
		}
		nic.Prefixes = append(nic.Prefixes, prefix)
	}
	// The primary address comes first.
	if len(addrs) > 0 {
		if nic.Addr, err = netip.ParseAddr(addrs[0]); err != nil {
			return nic, "", &cloud.Error{Op: opMetadata, Err: fmt.Errorf("address of %s: %w", nic.ID, err)}
		}
	}
	return nic, vpc, nil
}

// linkNames maps MAC addresses to the kernel's names; of several links with
// one MAC the first is meant, those after it are built on it.
func (p *Provider) linkNames() map[string]string {
	names := map[string]string{}
	links, err := p.opts.Links()
	if err != nil {
		return names
	}
	for _, l := range links {
		mac := strings.ToLower(l.HardwareAddr.String())
		if mac != "" && names[mac] == "" {
			names[mac] = l.Name
		}
	}
	return names
}

// localAddrs reads the addresses that the node's own metadata shows on a NIC.
func (p *Provider) localAddrs(ctx context.Context, mac string, kind cloud.Kind) (map[netip.Addr]bool, error) {
	leaf := "local-ipv4s"
	if kind == cloud.VIP6 {
		leaf = "ipv6s"
	}
	v, err := p.metadata(unmetered(ctx), "network/interfaces/macs/"+mac+"/"+leaf)
	if err != nil && !notFound(err) {
		return nil, err
	}
	out := map[netip.Addr]bool{}
	for _, s := range strings.Fields(v) {
		if a, err := netip.ParseAddr(s); err == nil {
			out[a] = true
		}
	}
	return out, nil
}

const opMetadata = "metadata"

// maxMetadata bounds a reply of the metadata service.
const maxMetadata = 1 << 20

func (p *Provider) metadata(ctx context.Context, path string) (string, error) {
	out, err := p.meta.GetMetadata(ctx, &imds.GetMetadataInput{Path: path})
	if err != nil {
		return "", classified(opMetadata+" "+path, err)
	}
	return readAll(out.Content)
}

func (p *Provider) dynamic(ctx context.Context, path string) (string, error) {
	out, err := p.meta.GetDynamicData(ctx, &imds.GetDynamicDataInput{Path: path})
	if err != nil {
		return "", classified(opMetadata+" "+path, err)
	}
	return readAll(out.Content)
}

func readAll(r io.ReadCloser) (string, error) {
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxMetadata))
	if err != nil {
		return "", &cloud.Error{Op: opMetadata, Err: err}
	}
	return string(b), nil
}

func notFound(err error) bool {
	var e *cloud.Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}
