// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// TestSuspensionIsReplayed: a recording tells of time its clock did not see.
func TestSuspensionIsReplayed(t *testing.T) {
	c := engine.Config{Routers: []engine.Router{{Name: "V", Config: vrrp.Config{
		ID: vrrp.ID{Interface: "eth0", VRID: 7, Family: vrrp.IPv4}, Version: vrrp.V3, Priority: 100, Interval: time.Second,
	}}}}
	e, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	w := NewWriter(&file, c)
	var want []string
	now := time.Now()
	for _, in := range []engine.Input{
		engine.LinkChanged{Interface: "eth0", Present: true, Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}},
		engine.Started{},
		engine.Suspended{For: time.Minute},
		engine.Woke{},
	} {
		w.Record(now, in)
		want = append(want, decisions(e.Step(now, in))...)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := replayed(t, bytes.NewReader(file.Bytes()), 4); !slices.Equal(got, want) || len(want) != 2 {
		t.Errorf("decided %q, want %q", got, want)
	}
	var told strings.Builder
	if err := Replay(&file, &told); err != nil || !strings.Contains(told.String(), "late_wakeup") {
		t.Errorf("%v:\n%s", err, told.String())
	}
}
