// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/internal/daemon"
)

// The table is made from the JSON that a daemon's status holds.
func TestCloudStatusTable(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	raw, err := json.Marshal([]cloud.Status{{
		Name: "WAN/edge", Provider: "oci", Node: "ocid1.instance.a", State: cloud.StateDegraded, Since: ago(90 * time.Second), Owner: "mixed",
		Items: []cloud.ItemStatus{
			{Key: "vip4/10.0.0.4", Kind: cloud.VIP4, Owner: cloud.Self, Holder: "ocid1.vnic.a", Since: ago(time.Minute), Verified: ago(2500 * time.Millisecond)},
			{Key: "vip4/10.0.0.5", Kind: cloud.VIP4, Since: ago(time.Minute), Error: "no permission"},
		},
		Findings: []cloud.Finding{{Severity: cloud.SeverityWarn, Check: "peer", Text: "the peer is configured otherwise", Fix: "compare"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := daemon.Claims(&control.Status{
		Instances:  []control.Instance{{Name: "WAN", Claim: raw}, {Name: "plain"}},
		SyncGroups: []control.Group{{Name: "G", Claim: json.RawMessage(`[{"name":"G/lb","mode":"enforce","state":"held","items":[],"probe":{"port":8080,"open":true},"capture":{"routes":3}}]`)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := printClaims(&out, claims, now); err != nil {
		t.Fatal(err)
	}
	want := `WAN/edge, enforce, degraded for 1m30s, oci ocid1.instance.a
  ITEM           OWNER    HOLDER        SINCE  VERIFIED
  vip4/10.0.0.4  self     ocid1.vnic.a  1m0s   2.5s ago
  vip4/10.0.0.5  unknown  -             1m0s   never
  ! vip4/10.0.0.5: no permission
  ! the peer is configured otherwise (compare)

G/lb, enforce, held for -, port 8080 open, 3 routes learned
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	if err := printClaims(&out, nil, now); err != nil || !strings.Contains(out.String(), "no claims") {
		t.Errorf("%q, %v", out.String(), err)
	}
	if _, err := daemon.Claims(&control.Status{Instances: []control.Instance{{Claim: json.RawMessage(`{}`)}}}); err == nil {
		t.Error("a malformed status was understood")
	}
}
