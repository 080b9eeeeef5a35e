// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/aws"
	fake "github.com/govrrp/vrrpd/internal/fakecloud/aws"
)

var everything = append([]cloud.Item{vip6, rtPL}, all5...)

// preflight runs a check on node b, where nothing is, and asserts that it
// changed nothing.
func preflight(t *testing.T, items []cloud.Item, prepare func(*fake.World, *fake.Node), opts cloud.CheckOptions) []cloud.Finding {
	t.Helper()
	hermetic(t)
	var findings []cloud.Finding
	synctest.Test(t, func(t *testing.T) {
		w, _, b := newWorld()
		if prepare != nil {
			prepare(w, b)
		}
		before := w.Fingerprint(fake.Declared{})
		findings = provider(t, b).Check(context.Background(), items, opts)
		if after := w.Fingerprint(fake.Declared{}); after != before {
			t.Errorf("the check changed something:\n%s\nwas\n%s", after, before)
		}
	})
	return findings
}

func peerA() cloud.CheckOptions {
	return cloud.CheckOptions{ProbeWrites: true, Peer: netip.MustParseAddr("10.0.0.2")}
}

// bad returns the findings that are not ok.
func bad(fs []cloud.Finding) []cloud.Finding {
	return slices.DeleteFunc(slices.Clone(fs), func(f cloud.Finding) bool { return f.Severity == cloud.SeverityOK })
}

func TestScenario61_CheckGreen(t *testing.T) {
	fs := preflight(t, everything, nil, peerA())
	if b := bad(fs); len(b) != 0 {
		t.Errorf("findings where all is well: %s", asJSON(b))
	}
	for _, check := range []string{"metadata", "credentials", "api", "clock", "forwarding", "peer", "object", "permission"} {
		if !slices.ContainsFunc(fs, func(f cloud.Finding) bool { return f.Check == check }) {
			t.Errorf("%s was not checked", check)
		}
	}
	permitted := 0
	for _, f := range fs {
		if strings.HasSuffix(f.Text, "is permitted") {
			permitted++
		}
	}
	if permitted != len(everything)+1 { // IPv6 needs two
		t.Errorf("%d permissions proved: %s", permitted, asJSON(fs))
	}
}

func TestScenario61_CheckNamesEachMissingPermission(t *testing.T) {
	for _, op := range []string{
		"DescribeNetworkInterfaces", "DescribeAddresses", "DescribeRouteTables", "AssignPrivateIpAddresses",
		"AssignIpv6Addresses", "UnassignIpv6Addresses", "AssociateAddress", "ReplaceRoute", "CreateRoute",
	} {
		t.Run(op, func(t *testing.T) {
			items := slices.Clone(everything)
			items[1].Create = true
			b := bad(preflight(t, items, func(w *fake.World, _ *fake.Node) {
				w.SetFault(func(r fake.Request) fake.Fault {
					if r.Op != op {
						return fake.Fault{}
					}
					return fake.Fault{Status: 403, Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation."}
				})
			}, peerA()))
			if len(b) == 0 {
				t.Fatal("nothing found")
			}
			for _, f := range b {
				if f.Check != "permission" || f.Permission != "ec2:"+op || !strings.Contains(f.Fix, `"ec2:`+op+`"`) || !json.Valid([]byte(f.Fix)) {
					t.Errorf("finding: %s", asJSON(f))
				}
			}
		})
	}
}

func TestScenario61_CheckRed(t *testing.T) {
	foreign := cloud.VIP(netip.MustParseAddr("10.9.9.9"))
	missing := cloud.Item{Kind: cloud.Route, Table: table, Dest: netip.MustParsePrefix("10.77.0.0/16")}
	noTable := cloud.Item{Kind: cloud.Route, Table: "nowhere", Dest: missing.Dest}
	noPublic := cloud.Item{Kind: cloud.PublicIP, Addr: netip.MustParseAddr("198.51.100.1"), Target: vip1.Addr}
	primary := cloud.VIP(netip.MustParseAddr("10.0.0.2"))
	for name, tc := range map[string]struct {
		item    cloud.Item
		prepare func(*fake.World, *fake.Node)
		opts    cloud.CheckOptions
		check   string
		text    string
	}{
		"address outside the subnets": {item: foreign, check: "subnet", text: "in no local subnet"},
		"primary address":             {item: primary, check: "object", text: "primary address"},
		"no route":                    {item: missing, check: "object", text: "no such route"},
		"no table":                    {item: noTable, check: "object", text: `no route table "nowhere"`},
		"no elastic address":          {item: noPublic, check: "object", text: "no elastic address"},
		"peer unknown":                {item: vip1, opts: cloud.CheckOptions{Peer: foreign.Addr}, check: "peer", text: "no network interface has"},
		"third party": {item: vip1, opts: peerA(), check: "holder", text: "neither", prepare: func(w *fake.World, _ *fake.Node) {
			w.MoveAddress(v1, "eni-stranger0")
		}},
		"api unreachable": {item: vip1, check: "api", text: "deadline", prepare: func(w *fake.World, _ *fake.Node) {
			w.SetFault(func(r fake.Request) fake.Fault {
				return fake.Fault{Delay: map[string]time.Duration{"ec2": time.Hour}[r.Service]}
			})
		}},
		"metadata unreachable": {item: vip1, check: "metadata", text: "deadline", prepare: func(_ *fake.World, n *fake.Node) { n.Cut(true) }},
		"no credentials": {item: vip1, check: "credentials", text: "role", prepare: func(w *fake.World, _ *fake.Node) {
			w.SetFault(func(r fake.Request) fake.Fault {
				if strings.Contains(r.Op, "security-credentials") {
					return fake.Fault{Status: 404}
				}
				return fake.Fault{}
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			fs := bad(preflight(t, []cloud.Item{tc.item}, tc.prepare, tc.opts))
			if !slices.ContainsFunc(fs, func(f cloud.Finding) bool { return f.Check == tc.check && strings.Contains(f.Text, tc.text) }) {
				t.Errorf("no %s finding with %q: %s", tc.check, tc.text, asJSON(fs))
			}
		})
	}
}

func TestScenario47_SourceDestCheck(t *testing.T) {
	for eni, whose := range map[string]string{"eni-b0": "this node", "eni-a1": "the peer"} {
		for _, it := range []cloud.Item{rt1, vip1} {
			fs := bad(preflight(t, []cloud.Item{it}, func(w *fake.World, _ *fake.Node) { w.SetSourceDestCheck(eni, true) }, peerA()))
			want := map[cloud.Kind]cloud.Severity{cloud.Route: cloud.SeverityFail, cloud.VIP4: cloud.SeverityWarn}[it.Kind]
			if len(fs) != 1 || fs[0].Check != "forwarding" || fs[0].Severity != want || !strings.Contains(fs[0].Text, whose) || !strings.Contains(fs[0].Fix, eni) {
				t.Errorf("%s on: %s", eni, asJSON(fs))
			}
		}
	}
}

func TestScenario64_ClockSkew(t *testing.T) {
	for skew, want := range map[time.Duration]cloud.Severity{
		6 * time.Minute: cloud.SeverityFail, -6 * time.Minute: cloud.SeverityFail, 2 * time.Minute: cloud.SeverityWarn,
	} {
		fs := bad(preflight(t, []cloud.Item{vip1}, nil, cloud.CheckOptions{Now: func() time.Time { return time.Now().Add(skew) }}))
		if len(fs) != 1 || fs[0].Check != "clock" || fs[0].Severity != want {
			t.Errorf("%v: %s", skew, asJSON(fs))
		}
	}
}

func TestPolicy(t *testing.T) {
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		w, _, b := newWorld()
		p := provider(t, b)
		items := slices.Clone(everything)
		items[1].Create = true
		if got, err := p.Policy(context.Background(), items, cloud.CheckOptions{}); err != nil || !strings.Contains(got, "eni-a0") {
			t.Errorf("the holder of the addresses is the peer: %v\n%s", err, got)
		}
		nobody := []cloud.Item{cloud.VIP(netip.MustParseAddr("10.0.0.77"))}
		if _, err := p.Policy(context.Background(), nobody, cloud.CheckOptions{}); !errors.Is(err, aws.ErrNeedsPeer) {
			t.Errorf("without a peer: %v", err)
		}
		got, err := p.Policy(context.Background(), items, peerA())
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Version   string
			Statement []struct {
				Sid              string
				Action, Resource []string
			}
		}
		if err := json.Unmarshal([]byte(got), &doc); err != nil {
			t.Fatal(err)
		}
		arn := "arn:aws:ec2:" + fake.Region + ":" + fake.Account + ":"
		want := map[string][]string{
			"Read":      {"*"},
			"Vip":       {arn + "network-interface/eni-a0", arn + "network-interface/eni-b0"},
			"Vip6":      {arn + "network-interface/eni-a0", arn + "network-interface/eni-b0"},
			"Routes":    {arn + "route-table/rtb-1", arn + "route-table/rtb-2"},
			"NewRoutes": {arn + "route-table/rtb-1"},
			"Eip": {
				arn + "elastic-ip/eipalloc-1", arn + "instance/i-a", arn + "instance/i-b", arn + "network-interface/eni-a0",
				arn + "network-interface/eni-a1", arn + "network-interface/eni-b0",
			},
		}
		for _, s := range doc.Statement {
			if !slices.Equal(s.Resource, want[s.Sid]) {
				t.Errorf("%s: %v, want %v", s.Sid, s.Resource, want[s.Sid])
			}
			delete(want, s.Sid)
		}
		if len(want) != 0 || doc.Version != "2012-10-17" {
			t.Errorf("missing: %v in %s", want, got)
		}
		if n := len(w.Writes("")); n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}
