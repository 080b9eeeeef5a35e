// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure_test

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/azure"
	"github.com/govrrp/vrrpd/internal/fakecloud"
)

type openFence struct{ err error }

func (f openFence) Allowed() error { return f.err }

// Over real sockets, with both endpoints pointed elsewhere, as for a private
// cloud: the token is asked for there too, and nothing is written through a
// shut fence.
func TestOverSockets(t *testing.T) {
	hermetic(t)
	w, _, b := newWorld()
	w.Takes = 0
	s := httptest.NewServer(w)
	defer s.Close()
	w.URL = s.URL
	links := func() ([]net.Interface, error) {
		mac, err := net.ParseMAC("00:0d:3a:00:00:03")
		return []net.Interface{{Name: "enP1s1f0", HardwareAddr: mac}, {Name: "eth0", HardwareAddr: mac}}, err
	}
	for name, o := range map[string]azure.Options{
		"metadata": {Endpoint: s.URL, MetadataEndpoint: b.MetadataURL(), Links: links},
		"named":    {Endpoint: s.URL, MetadataEndpoint: b.MetadataURL(), Links: links, NICs: []string{b.NIC(0), b.NIC(1)}},
	} {
		t.Run(name, func(t *testing.T) {
			w.Forget()
			p, err := azure.New(o)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			node, err := p.Discover(ctx)
			if err != nil {
				t.Fatal(err)
			}
			nic, err := node.NICFor(vip1)
			if err != nil || nic.Name != "eth0" || nic.Addr.String() != addrB || !nic.Primary {
				t.Errorf("%+v, %v", nic, err)
			}
			byName := rt1
			byName.NIC = "B-NIC0"
			w.SetRoute("rt1", dest, addrA)
			obs := p.Observe(ctx, node, []cloud.Item{byName})
			steps := p.Plan(node, obs)
			if obs[0].Owner != cloud.Other || obs[0].Holder != addrA || len(steps) != 1 {
				t.Fatalf("%+v: %v", obs, steps)
			}
			for _, shut := range []error{cloud.ErrFenced, cloud.ErrDryRun} {
				if out := p.Apply(ctx, openFence{shut}, steps[0]); !errors.Is(out.Err, shut) {
					t.Errorf("%+v", out)
				}
			}
			if n := w.Count(func(c fakecloud.Call) bool { return c.Mutates && c.Status != 200 }); n != 0 {
				t.Errorf("%d writes through a shut fence", n)
			}
			out := p.Apply(ctx, openFence{}, steps[0])
			if out.Class != cloud.ClassDone || out.Status != 200 || out.RequestID == "" || out.Version == "" {
				t.Errorf("%+v", out)
			}
			after := p.Observe(ctx, node, []cloud.Item{byName})
			if after[0].Owner != cloud.Self || after[0].Version != out.Version || len(p.Plan(node, after)) != 0 {
				t.Errorf("%+v", after)
			}
			if out := p.Apply(ctx, openFence{}, steps[0]); out.Class != cloud.ClassConflict {
				t.Errorf("an old step: %+v", out)
			}
		})
	}
}
