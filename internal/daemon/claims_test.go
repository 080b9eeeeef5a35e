// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/guard"
	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/vrrp"
)

func TestClaimSpecs(t *testing.T) {
	c := parse(t, `
cloud_claim own {
    provider oci
    nic ocid1.vnic
    vips {
        192.0.2.77
    }
    public_ip 203.0.113.5
    routes {
        198.51.100.0/24 table rt1
    }
}
cloud_claim theirs {
    provider aws
    interface ens5
}
`+router(vip+"advert_int 2\ncloud_claim own theirs\n")+"vrrp_sync_group VG {\n group {\n VI_1\n }\n cloud_claim theirs\n}\n")
	specs, err := claimSpecs(c)
	if err != nil || len(specs) != 3 {
		t.Fatalf("%+v, %v", specs, err)
	}
	vi, vg := notify.Subject{Kind: notify.Instance, Name: "VI_1"}, notify.Subject{Kind: notify.Group, Name: "VG"}
	for n, want := range []claimKey{{vi, "own"}, {vi, "theirs"}, {vg, "theirs"}} {
		if specs[n].key != want || specs[n].lease != 6*time.Second {
			t.Errorf("%+v, want %+v with three intervals of lease", specs[n], want)
		}
	}
	own := []cloud.Item{
		{Kind: cloud.VIP4, Addr: addr("192.0.2.77"), NIC: "ocid1.vnic"},
		{Kind: cloud.PublicIP, Addr: addr("203.0.113.5"), Target: addr("192.0.2.77"), NIC: "ocid1.vnic"},
		{Kind: cloud.Route, Table: "rt1", Dest: prefix("198.51.100.0/24"), NIC: "ocid1.vnic"},
	}
	if !reflect.DeepEqual(specs[0].items, own) {
		t.Errorf("got  %+v\nwant %+v", specs[0].items, own)
	}
	theirs := []cloud.Item{{Kind: cloud.VIP4, Addr: addr("192.0.2.10"), NIC: "ens5"}}
	if !reflect.DeepEqual(specs[1].items, theirs) || !reflect.DeepEqual(specs[2].items, theirs) {
		t.Errorf("got %+v and %+v, want the instance's own addresses", specs[1].items, specs[2].items)
	}
	c.Instances[0].Claims = []string{"nosuch"}
	if _, err := claimSpecs(c); err == nil || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("%v", err)
	}
}

func TestClaimModes(t *testing.T) {
	for m, want := range map[config.ClaimMode]cloud.Mode{
		config.ClaimEnforce: cloud.ModeEnforce, config.ClaimDryRun: cloud.ModeDryRun, config.ClaimOff: cloud.ModeOff,
	} {
		if got := claimMode(m); got != want {
			t.Errorf("%s: %v", m, got)
		}
	}
}

// The guard doubts silence and nothing else.
func TestClaimCause(t *testing.T) {
	for code, want := range map[vrrp.CauseCode]cloud.Cause{
		vrrp.CauseMasterDown: cloud.CauseMasterDown, vrrp.CauseMasterResigned: cloud.CausePriorityZero,
		vrrp.CausePreempted: cloud.CausePreempt, vrrp.CauseOwner: cloud.CausePreempt, vrrp.CauseStarted: cloud.CauseMasterDown,
	} {
		if got := claimCause(vrrp.Cause{Code: code}); got != want {
			t.Errorf("%s: %v, want %v", code, got, want)
		}
		if got := claimCause(vrrp.Cause{Code: vrrp.CauseGroup, Detail: string(code)}); got != want {
			t.Errorf("a group by %s: %v, want %v", code, got, want)
		}
	}
}

func TestClaimGuard(t *testing.T) {
	d, _ := idle(t)
	c := parse(t, `cloud_claim edge {
    provider none
    metadata_endpoint https://127.0.0.1/opc
    guard {
        ping 192.0.2.2 192.0.2.3
        api https://192.0.2.2/
        status http://192.0.2.2:8640/edge
        witness https://w/edge
        gateway 192.0.2.1
        hold 1
        on_suspect hold
        key 0123456789abcdef0123456789abcdef
    }
}
`+router(vip+"cloud_claim edge"))
	specs, err := claimSpecs(c)
	if err != nil {
		t.Fatal(err)
	}
	run, err := d.claims.make(t.Context(), specs[0])
	if err != nil {
		t.Fatal(err)
	}
	names := func(g *guard.Guard) (all []string) {
		for _, p := range g.Probes {
			all = append(all, p.Side().String()+"="+p.Name())
		}
		return all
	}
	self := []string{"gateway=gateway", "metadata=metadata"}
	want := append([]string{"peer=ping 192.0.2.2", "peer=ping 192.0.2.3", "peer=api https://192.0.2.2/", "peer=status", "witness=witness"}, self...)
	if got := names(run.guard); !slices.Equal(got, want) || run.guard.Hold != time.Second {
		t.Errorf("%q, %v", got, run.guard.Hold)
	}
	if got := names(run.self); !slices.Equal(got, self) {
		t.Errorf("%q", got)
	}
	if suspicion(c.Claims[0].Guard) != cloud.SuspectHold || suspicion(&config.Guard{}) != cloud.SuspectClaim {
		t.Error("suspicion")
	}
	for endpoint, want := range map[string]string{
		"": "169.254.169.254:80", "http://127.0.0.1:8640/x": "127.0.0.1:8640", "https://h/x": "h:443", "http://[::1]": "[::1]:80",
	} {
		if got := metadataHost(endpoint); got != want {
			t.Errorf("%q: %s, want %s", endpoint, got, want)
		}
	}
}

// Nobody that has no claim shows one or waits for one.
func TestNoClaims(t *testing.T) {
	d, _ := idle(t)
	who := notify.Subject{Kind: notify.Instance, Name: "VI_1"}
	if err := d.claims.configure(t.Context(), nil); err != nil {
		t.Error(err)
	}
	d.claims.tick()
	if got := d.claims.status(who); got != nil {
		t.Errorf("%s", got)
	}
	for _, state := range []notify.State{notify.Master, notify.Backup} {
		if out := d.afterClaim(who).Target.Notify(t.Context(), notify.Event{State: state}); out.Err != nil {
			t.Errorf("%s: %v", state, out.Err)
		}
	}
	d.claims.close()
}
