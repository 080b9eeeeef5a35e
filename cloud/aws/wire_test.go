// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/aws"
	fake "github.com/govrrp/vrrpd/internal/fakecloud/aws"
)

// overSockets serves a world over loopback.
func overSockets(t *testing.T, w *fake.World, n *fake.Node) (api, metadata string) {
	t.Helper()
	e, m := httptest.NewServer(w.EC2()), httptest.NewServer(n.Metadata())
	t.Cleanup(e.Close)
	t.Cleanup(m.Close)
	return e.URL, m.URL
}

func claimOnce(t *testing.T, o aws.Options, items ...cloud.Item) cloud.Status {
	t.Helper()
	p, err := aws.New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := cloud.Once(ctx, cloud.Config{Name: "wan", Provider: p, Items: items}, cloud.CauseOperator, "test")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOverSockets(t *testing.T) {
	for _, how := range []string{"options", "environment"} {
		t.Run(how, func(t *testing.T) {
			hermetic(t)
			w, _, b := newWorld()
			api, metadata := overSockets(t, w, b)
			o := aws.Options{Endpoint: api, MetadataEndpoint: metadata}
			if how == "environment" {
				t.Setenv("AWS_ENDPOINT_URL_EC2", api)
				t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata)
				o = aws.Options{}
			}
			if s := claimOnce(t, o, everything...); s.State != cloud.StateHeld {
				t.Errorf("%s", asJSON(s))
			}
			for _, v := range w.Violations(declared) {
				t.Error(v)
			}
		})
	}
}

// Keys that the SDK finds in the environment are used like those of a role.
func TestWrongKeys(t *testing.T) {
	hermetic(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAWRONG")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "very-secret-key")
	w, _, b := newWorld()
	api, metadata := overSockets(t, w, b)
	p, err := aws.New(context.Background(), aws.Options{Endpoint: api, MetadataEndpoint: metadata})
	if err != nil {
		t.Fatal(err)
	}
	node, err := p.Discover(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	o := p.Observe(context.Background(), node, []cloud.Item{vip1})[0]
	if o.Owner != cloud.Unknown || cloud.ClassOf(o.Err) != cloud.ClassCredentials || strings.Contains(fmt.Sprint(o.Err), "very-secret") {
		t.Errorf("%+v", o)
	}
	out := p.Apply(context.Background(), openFence{}, p.Plan(node, []cloud.Observed{{Item: vip1, Owner: cloud.None}})[0])
	if out.Class != cloud.ClassCredentials || out.Status != 401 || out.RequestID == "" || w.Holder(v1) != "eni-a0" {
		t.Errorf("%+v", out)
	}
}

func TestCredentialsFile(t *testing.T) {
	hermetic(t)
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte("[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = very-secret-key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, _, b := newWorld()
	api, metadata := overSockets(t, w, b)
	p, err := aws.New(context.Background(), aws.Options{Endpoint: api, MetadataEndpoint: metadata, CredentialsFile: file})
	if err != nil {
		t.Fatal(err)
	}
	fs := p.Check(context.Background(), []cloud.Item{vip1}, cloud.CheckOptions{})
	if !slices.ContainsFunc(fs, func(f cloud.Finding) bool {
		return f.Check == "credentials" && f.Severity == cloud.SeverityWarn && strings.Contains(f.Text, file)
	}) || strings.Contains(asJSON(fs), "very-secret") {
		t.Errorf("%s", asJSON(fs))
	}
}

// A private certificate authority is believed where the SDK looks for it.
func TestCABundle(t *testing.T) {
	hermetic(t)
	w, _, b := newWorld()
	api := httptest.NewTLSServer(w.EC2())
	defer api.Close()
	_, metadata := overSockets(t, w, b)
	o := aws.Options{Endpoint: api.URL, MetadataEndpoint: metadata}
	observe := func() cloud.Observed {
		t.Helper()
		p, err := aws.New(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		node, err := p.Discover(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return p.Observe(context.Background(), node, []cloud.Item{vip1})[0]
	}
	if got := observe(); got.Owner != cloud.Unknown || !strings.Contains(fmt.Sprint(got.Err), "certificate") {
		t.Errorf("an unknown authority is believed: %+v", got)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw})
	if err := os.WriteFile(file, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", file)
	if got := observe(); got.Owner != cloud.Other || got.Holder != "eni-a0" {
		t.Errorf("%+v", got)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	hermetic(t)
	for _, o := range []aws.Options{
		{Endpoint: "http://ec2.example.com"},
		{MetadataEndpoint: "http://10.0.0.9"},
		{Endpoint: "nonsense"},
		{Profile: "does-not-exist"},
	} {
		if _, err := aws.New(context.Background(), o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
	if _, err := aws.New(context.Background(), aws.Options{Endpoint: "https://ec2.example.com", Source: netip.MustParseAddr("192.0.2.1")}); err != nil {
		t.Error(err)
	}
}

// An endpoint from the environment is held to the same rule, when it is used.
func TestPlainHTTPFromTheEnvironment(t *testing.T) {
	hermetic(t)
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://192.0.2.1")
	p, err := aws.New(context.Background(), aws.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Discover(context.Background()); err == nil || !strings.Contains(err.Error(), "plain http") {
		t.Errorf("got %v", err)
	}
}
