// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/internal/cloudtest"
	fake "github.com/govrrp/vrrpd/internal/fakecloud/aws"
)

func TestScenario20_BothMaster(t *testing.T) {
	inLab(t, []cloud.Item{vip1, rt1}, func(l *lab) {
		l.a.Master(cloud.CausePriorityZero)
		l.wait(time.Minute)
		l.b.Master(cloud.CauseMasterDown)
		l.wait(2 * time.Minute)
		l.holds(l.a, vip1, rt1)
		l.state(l.b, cloud.StateYielded)
		n := len(l.w.Writes(""))
		l.wait(3 * time.Minute)
		if m := len(l.w.Writes("")); m != n {
			t.Errorf("%d writes after the lower node had yielded", m-n)
		}
	})
}

func TestScenario32_PrefixListIsOneCall(t *testing.T) {
	inLab(t, []cloud.Item{rtPL}, func(l *lab) {
		l.b.Master(cloud.CausePriorityZero)
		l.wait(time.Second)
		l.holds(l.b, rtPL)
		w := l.w.Writes("b")
		if len(w) != 1 || w[0].Op != "ReplaceRoute" || w[0].Params.Get("DestinationPrefixListId") != prefixList || w[0].Params.Has("DestinationCidrBlock") {
			t.Errorf("writes: %v", w)
		}
	})
}

func TestScenario33_TwoHundredRoutes(t *testing.T) {
	declare := declared
	items := []cloud.Item{vip1}
	for i := range 200 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 16, byte(i), 0}), 24)
		items = append(items, cloud.Item{Kind: cloud.Route, Table: table, Dest: p})
		declare.Routes = append(declare.Routes, table+"/"+p.String())
	}
	old := declared
	declared = declare
	defer func() { declared = old }()
	inLab(t, items, func(l *lab) {
		for _, it := range items[1:] {
			l.w.SetRoute(table, it.Dest.String(), l.a.ENI())
		}
		l.wait(time.Minute)
		l.b.Master(cloud.CausePriorityZero)
		l.wait(60 * time.Second)
		l.holds(l.b, items...)
		l.state(l.b, cloud.StateHeld)
		w := l.w.Writes("b")
		if len(w) != 201 || w[0].Op != "AssignPrivateIpAddresses" {
			t.Errorf("%d writes, the first is %s", len(w), w[0].Op)
		}
		for _, r := range l.w.Requests() {
			if r.Code != "" {
				t.Errorf("%s: %s", r.Op, r.Code)
			}
		}
		if d := w[200].At.Sub(w[0].At); d > 45*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

func TestScenario62_DryRunSendsNoWrite(t *testing.T) {
	inLab(t, append([]cloud.Item{vip6, rtPL}, all5...), func(l *lab) {
		var audit cloudtest.Buffer
		epoch := time.Now().Add(-time.Hour)
		c, err := cloud.New(cloud.Config{
			Name: "dry", Provider: l.b.p, Items: l.b.Items, Mode: cloud.ModeDryRun, Audit: cloud.NewAuditLog(&audit),
			Clock: func() time.Duration { return time.Since(epoch) },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = c.Run(ctx)
		}()
		c.SetWanted(cloud.Wanted{Master: true, Cause: cloud.CauseOperator})
		l.wait(time.Minute)
		if s := c.Status(); s.State != cloud.StateWould {
			t.Errorf("%s", asJSON(s))
		}
		if w := l.w.Writes(""); len(w) != 0 {
			t.Errorf("writes: %v", w)
		}
		for _, it := range l.b.Items {
			if !strings.Contains(audit.String(), it.Key()) {
				t.Errorf("%s: not told what would be done", it.Key())
			}
		}
		cancel()
		<-done
	})
}

func TestScenario63_AuditNamesTheRequest(t *testing.T) {
	inLab(t, append([]cloud.Item{vip6}, all5...), func(l *lab) {
		l.faultWrites(func(r fake.Request) fake.Fault {
			if r.Params.Get("RouteTableId") == other {
				return fake.Fault{Status: 403, Code: "UnauthorizedOperation", Message: "no"}
			}
			return fake.Fault{}
		})
		l.b.Master(cloud.CausePriorityZero)
		l.wait(5 * time.Second)
		lines := 0
		for line := range strings.Lines(l.b.Audit.String()) {
			var raw struct {
				Op, Resource string
				RequestID    string `json:"request_id"`
				Status       int
			}
			if err := json.Unmarshal([]byte(line), &raw); err != nil {
				t.Fatal(err)
			}
			if raw.Op == strings.ToLower(raw.Op) {
				continue // a decision, not an operation of EC2's
			}
			lines++
			if !strings.HasPrefix(raw.RequestID, "req-") || raw.Status == 0 || raw.Resource == "" {
				t.Error(strings.TrimSpace(line))
			}
		}
		if want := len(l.w.Writes("b")); lines != want {
			t.Errorf("%d audit lines for %d mutations: %s", lines, want, l.b.Audit)
		}
	})
}

// A route table named by its Name tag is the same table.
func TestTableByName(t *testing.T) {
	inLab(t, []cloud.Item{rt2}, func(l *lab) {
		l.b.Master(cloud.CausePriorityZero)
		l.wait(time.Second)
		l.state(l.b, cloud.StateHeld)
		if w := l.w.Writes("b"); len(w) != 1 || w[0].Params.Get("RouteTableId") != other {
			t.Errorf("%s", fmt.Sprint(w))
		}
	})
}
