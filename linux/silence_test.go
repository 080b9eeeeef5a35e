// SPDX-License-Identifier: Apache-2.0

//go:build linux

package linux_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/linux"
	"github.com/govrrp/vrrpd/runner"
	"github.com/govrrp/vrrpd/vrrp"
)

var id6 = vrrp.ID{Interface: "ens3", VRID: 51, Family: vrrp.IPv6}

// turns is a program that is BACKUP for both families, with virtual MACs and
// every socket open; with an argument it has been MASTER before.
var turns = netns.Program("turns", func(ctx context.Context, args []string) error {
	l := linux.New(linux.Options{})
	err := l.Configure(ctx, []linux.Router{
		{ID: id, Addresses: []linux.Address{{Prefix: netip.MustParsePrefix("10.0.0.100/32")}}, VMAC: &linux.VMAC{}},
		{ID: id6, Addresses: []linux.Address{{Prefix: netip.MustParsePrefix("2001:db8::100/128")}}, VMAC: &linux.VMAC{}},
	})
	if err != nil {
		return err
	}
	stop := listen(ctx, l.Wire(), func(*engine.FrameReceived) {})
	defer stop()
	if len(args) > 0 {
		for _, router := range []vrrp.ID{id, id6} {
			for _, want := range []runner.Ownership{runner.Own, runner.Release} {
				if err := l.Host().Apply(ctx, router, want); err != nil {
					return err
				}
			}
		}
	}
	fmt.Println("backup")
	<-ctx.Done()
	stop()
	return l.Close(context.Background())
})

func TestSilenceWithAllSocketsOpen(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
	}{{"never MASTER", nil}, {"MASTER before", []string{"master"}}} {
		t.Run(tc.name, func(t *testing.T) {
			a, b := lan(t)
			b.Exec("ip", "addr", "add", "2001:db8::2/64", "dev", "ens3")
			wire := a.Capture("ens3")
			p := a.StartProgram(turns, tc.args...)
			p.Expect("backup")
			b.Exec("ping", "-c3", "-i0.2", "10.0.0.1") // whatever was queued is out now
			spoken := map[vrrp.ID]int{id: len(wire.From(id.VirtualMAC())), id6: len(wire.From(id6.VirtualMAC()))}
			if tc.args == nil && spoken[id]+spoken[id6] > 0 {
				t.Errorf("frames with virtual MACs of routers that never were MASTER: %v", spoken)
			}
			_, _ = b.Try("ping", "-c1", "-W1", "10.0.0.100")
			_, _ = b.Try("ping", "-6", "-c1", "-W1", "2001:db8::100")
			a.CableOut("ens3")
			a.CableIn("ens3")
			a.LinkDown("ens3")
			a.LinkUp("ens3")
			b.Exec("ping", "-c10", "-i0.2", "-W1", "10.0.0.1")
			p.Stop()
			for router, before := range spoken {
				if frames := wire.From(router.VirtualMAC()); len(frames) != before {
					t.Errorf("%v: a BACKUP spoke with its virtual MAC: %v", router, frames[before:])
				}
			}
		})
	}
}
