// SPDX-License-Identifier: Apache-2.0

//go:build !nooci

package oci_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/oci"
	"github.com/govrrp/vrrpd/internal/fakecloud"
	fakeoci "github.com/govrrp/vrrpd/internal/fakecloud/oci"
)

// quick shortens the reconciler for tests over real sockets.
var quick = cloud.Timing{
	Verify: []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond},
	Settle: []time.Duration{50 * time.Millisecond}, Drift: 100 * time.Millisecond, Idle: 200 * time.Millisecond,
	BackoffMin: 5 * time.Millisecond, BackoffMax: 50 * time.Millisecond, Blocked: 100 * time.Millisecond,
	Refresh: 100 * time.Millisecond, Warm: 50 * time.Millisecond, HintMax: 20 * time.Millisecond,
}

// lab is the layout of Oracle's own guide: two machines with a VNIC in each of
// three subnets, and a virtual address per subnet.
type lab struct {
	t     *testing.T
	c     *fakeoci.Cloud
	a, b  *machine
	vips  []cloud.Item
	ids   []string // of the virtual addresses
	items []cloud.Item
}

type machine struct {
	*fakeoci.Instance
	p     cloud.Provider
	vnics []string
	claim *cloud.Claim
	audit *syncBuffer
	stop  func()
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, c: fakeoci.Start(t)}
	l.a = &machine{Instance: l.c.AddInstance("a")}
	l.b = &machine{Instance: l.c.AddInstance("b")}
	for n := range 3 {
		sub := l.c.AddSubnet(fmt.Sprintf("10.0.%d.0/24", n), fmt.Sprintf("2001:db8:0:%d::/64", n))
		l.a.vnics = append(l.a.vnics, l.a.AddVNIC(sub, fmt.Sprintf("10.0.%d.2", n), fmt.Sprintf("02:00:00:00:0a:%02x", n)))
		l.b.vnics = append(l.b.vnics, l.b.AddVNIC(sub, fmt.Sprintf("10.0.%d.3", n), fmt.Sprintf("02:00:00:00:0b:%02x", n)))
		addr := fmt.Sprintf("10.0.%d.4", n)
		l.vips = append(l.vips, cloud.VIP(netip.MustParseAddr(addr)))
		l.ids = append(l.ids, l.c.AddPrivateIP(l.a.vnics[n], addr))
	}
	l.items = l.vips
	for _, m := range []*machine{l.a, l.b} {
		m.p = l.provider(m, oci.Options{})
	}
	return l
}

func (l *lab) provider(m *machine, o oci.Options) cloud.Provider {
	l.t.Helper()
	o.Endpoint, o.AuthEndpoint, o.MetadataEndpoint = l.c.URL, l.c.URL, m.MetadataURL()
	if o.ConfigFile == "" {
		o.Auth = oci.AuthInstancePrincipal
	}
	o.Links = func() ([]net.Interface, error) {
		return []net.Interface{{Name: "ens3-" + m.Name, HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0x0a + m.Name[0] - 'a', 0}}}, nil
	}
	p, err := oci.New(o)
	if err != nil {
		l.t.Fatal(err)
	}
	return p
}

// start runs a machine's claim until the test ends.
func (l *lab) start(m *machine) {
	l.t.Helper()
	m.audit = &syncBuffer{}
	c, err := cloud.New(cloud.Config{
		Name: "wan", Provider: m.p, Items: l.items, Timing: quick, Audit: cloud.NewAuditLog(m.audit),
		Limiter: cloud.NewLimiterWithRates(nil, cloud.Rates{ReadBurst: 1e4, ReadPerSecond: 1e4, WriteBurst: 1e4, WritePerSecond: 1e4}),
	})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }()
	m.claim, m.stop = c, func() { cancel(); <-done }
	l.t.Cleanup(m.stop)
}

func (m *machine) master() {
	m.claim.SetWanted(cloud.Wanted{Master: true, Cause: cloud.CausePriorityZero, Reason: "test"})
}

// until waits for a condition, for a generous time.
func (l *lab) until(what string, cond func() bool) {
	l.t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if cond() {
			return
		}
	}
	var status []byte
	for _, m := range []*machine{l.a, l.b} {
		if m.claim != nil {
			s, err := json.MarshalIndent(m.claim.Status(), "", " ")
			status = append(append(status, s...), fmt.Sprint(err)...)
		}
	}
	l.t.Fatalf("not in time: %s\n%s", what, status)
}

func (l *lab) held(m *machine) {
	l.t.Helper()
	l.until(m.Name+" holds everything", func() bool { return m.claim.Status().State == cloud.StateHeld })
	for n, id := range l.ids {
		if got := l.c.Holder(id); got != m.vnics[n] {
			l.t.Errorf("%s is on %s, want %s", l.vips[n].Key(), got, m.vnics[n])
		}
	}
}

// finish is part of every test: the calls that must never be made were not,
// every write had an etag, and no secret is in the audit log.
func (l *lab) finish() {
	l.t.Helper()
	for _, c := range l.c.Calls() {
		if c.Method == "DELETE" || c.Method == "POST" && c.Op != "x509" && c.Op != "GetPublicIpByIpAddress" {
			l.t.Errorf("%s %s was sent", c.Method, c.Path)
		}
		if strings.HasPrefix(c.Op, "Update") && !strings.Contains(c.Body, `"vnicId":"ocid1.`) &&
			!strings.Contains(c.Body, `"privateIpId":"ocid1.`) && !strings.Contains(c.Body, `"routeRules":[`) {
			l.t.Errorf("%s sent %s", c.Op, c.Body)
		}
	}
	for _, m := range []*machine{l.a, l.b} {
		if m.audit == nil {
			continue
		}
		for _, secret := range []string{"ST$", "PRIVATE KEY", "eyJ"} {
			if strings.Contains(m.audit.String(), secret) {
				l.t.Errorf("%q is in the audit log", secret)
			}
		}
	}
}

func (l *lab) writes(m *machine) int {
	return l.c.Count(func(c fakecloud.Call) bool { return c.Mutates && c.Principal == m.ID })
}

// observe reads items once, without a reconciler.
func (l *lab) observe(m *machine, items ...cloud.Item) []cloud.Observed {
	l.t.Helper()
	node, err := m.p.Discover(context.Background())
	if err != nil {
		l.t.Fatal(err)
	}
	return m.p.Observe(context.Background(), node, items)
}

type open struct{}

func (open) Allowed() error { return nil }

// apply plans and applies once, and returns the outcomes.
func (l *lab) apply(m *machine, fence cloud.Fence, items ...cloud.Item) []cloud.Outcome {
	l.t.Helper()
	node, err := m.p.Discover(context.Background())
	if err != nil {
		l.t.Fatal(err)
	}
	var out []cloud.Outcome
	for _, s := range m.p.Plan(node, m.p.Observe(context.Background(), node, items)) {
		out = append(out, m.p.Apply(context.Background(), fence, s))
	}
	return out
}

func class(err error) cloud.Class {
	var e *cloud.Error
	if errors.As(err, &e) {
		return e.Class
	}
	return cloud.ClassOf(err)
}
