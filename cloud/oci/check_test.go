// SPDX-License-Identifier: Apache-2.0

//go:build !nooci

package oci_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/oci"
	"github.com/govrrp/vrrpd/internal/fakecloud"
)

func (l *lab) check(p cloud.Provider, items ...cloud.Item) []cloud.Finding {
	l.t.Helper()
	before := l.world()
	found := p.(cloud.Checker).Check(context.Background(), items, cloud.CheckOptions{
		ProbeWrites: true, Peer: netip.MustParseAddr("10.0.0.2"),
	})
	if after := l.world(); after != before {
		l.t.Errorf("the check changed something:\n%s\n%s", before, after)
	}
	return found
}

// world is the part of the model that a check might have changed.
func (l *lab) world() string {
	var b strings.Builder
	for _, id := range l.ids {
		fmt.Fprintln(&b, id, l.c.Holder(id))
	}
	return b.String()
}

func worst(found []cloud.Finding) (bad []cloud.Finding) {
	for _, f := range found {
		if f.Severity > cloud.SeverityOK {
			bad = append(bad, f)
		}
	}
	return bad
}

func TestScenario61_CheckGreen(t *testing.T) {
	l := newLab(t)
	table := l.c.AddRouteTable(`{"networkEntityId":"ocid1.privateip.oc1..x","destination":"10.50.0.0/16","destinationType":"CIDR_BLOCK"}`)
	items := append(slices.Clone(l.vips), cloud.Item{
		Kind: cloud.Route, Table: table, Dest: netip.MustParsePrefix("10.50.0.0/16"), Target: l.vips[0].Addr,
	})
	found := l.check(l.b.p, items...)
	if bad := worst(found); len(bad) != 0 {
		t.Errorf("not green: %+v", bad)
	}
	permitted := 0
	for _, f := range found {
		if f.Check == "permission" {
			permitted++
		}
	}
	if permitted != 4 {
		t.Errorf("%d writes were probed, want 4: %+v", permitted, found)
	}
	l.finish()
}

func TestScenario61_CheckNamesEachMissingPermission(t *testing.T) {
	l := newLab(t)
	for _, perm := range []string{"VNIC_READ", "PRIVATE_IP_READ", "PRIVATE_IP_UPDATE", "VNIC_ASSIGN", "VNIC_UNASSIGN"} {
		l.c.Deny(l.b.Instance, perm)
		named := false
		for _, f := range l.check(l.b.p, l.vips...) {
			named = named || f.Severity == cloud.SeverityFail && strings.Contains(f.Permission, perm) && strings.Contains(f.Fix, perm)
		}
		// A listing that is filtered comes back empty: the vendor does not say
		// that a permission is missing, so the finding names the object.
		if !named && perm != "PRIVATE_IP_READ" {
			t.Errorf("%s is not named", perm)
		}
		if len(worst(l.check(l.b.p, l.vips...))) == 0 {
			t.Errorf("without %s everything is green", perm)
		}
		l.c.Allow(l.b.Instance, perm)
	}
}

func TestScenario61_CheckRed(t *testing.T) {
	l := newLab(t)
	expect := func(name, check, fix string, items ...cloud.Item) {
		t.Helper()
		for _, f := range l.check(l.b.p, items...) {
			if f.Check == check && f.Severity == cloud.SeverityFail && strings.Contains(f.Fix+f.Text, fix) {
				return
			}
		}
		t.Errorf("%s: no finding %q with %q", name, check, fix)
	}
	expect("outside", "subnet", "in no local subnet", cloud.VIP(netip.MustParseAddr("192.0.2.1")))
	expect("missing", "object", "assign it once", cloud.VIP(netip.MustParseAddr("10.0.0.200")))
	l.c.SetForwarding(l.b.vnics[0], false)
	expect("own forwarding", "forwarding", "--skip-source-dest-check true", l.vips[0])
	l.c.SetForwarding(l.b.vnics[0], true)
	l.c.SetForwarding(l.a.vnics[0], false)
	expect("peer's forwarding", "forwarding", "the peer", l.vips[0])
	l.c.SetScript(func(op string, _ int) fakecloud.Fault {
		return fakecloud.Fault{Reset: op != "metadata" && op != "x509"}
	})
	expect("unreachable", "api", "GetVnic", l.vips[0])
	l.c.SetScript(func(op string, _ int) fakecloud.Fault { return fakecloud.Fault{Reset: op == "metadata"} })
	fresh := l.provider(l.b, oci.Options{})
	if bad := worst(l.check(fresh, l.vips...)); len(bad) != 1 || bad[0].Check != "metadata" {
		t.Errorf("metadata unreachable: %+v", bad)
	}
}

func TestScenario64_ClockSkew(t *testing.T) {
	for skew, want := range map[time.Duration]cloud.Severity{
		6 * time.Minute: cloud.SeverityFail, -6 * time.Minute: cloud.SeverityFail,
		90 * time.Second: cloud.SeverityWarn, 10 * time.Second: cloud.SeverityOK,
	} {
		l := newLab(t)
		if _, err := l.b.p.Discover(context.Background()); err != nil { // a token from before the clocks parted
			t.Fatal(err)
		}
		l.c.Now = func() time.Time { return time.Now().Add(skew) }
		got := cloud.SeverityOK
		for _, f := range l.check(l.b.p, l.vips...) {
			if f.Check == "clock" {
				got = f.Severity
			}
		}
		if got != want {
			t.Errorf("skew %v: %s, want %s", skew, got, want)
		}
	}
}

func TestPolicy(t *testing.T) {
	l := newLab(t)
	text, err := l.b.p.(interface {
		Policy(context.Context, []cloud.Item, cloud.CheckOptions) (string, error)
	}).Policy(context.Background(), l.vips, cloud.CheckOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{l.b.ID, "PRIVATE_IP_UPDATE", "VNIC_UNASSIGN", "ocid1.compartment.oc1..0001"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in:\n%s", want, text)
		}
	}
	for _, too := range []string{"ROUTE_TABLE", "PUBLIC_IP_UPDATE", "IPV6", "DELETE", "CREATE"} {
		if strings.Contains(text, too) {
			t.Errorf("%s is more than is needed:\n%s", too, text)
		}
	}
}

func TestConfigFile(t *testing.T) {
	l := newLab(t)
	dir := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keyFile, file := dir+"/key.pem", dir+"/config"
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	content := "[ROUTER]\nuser=ocid1.user.oc1..u\ntenancy=ocid1.tenancy.oc1..t\nfingerprint=aa:bb\nregion=eu-frankfurt-1\nkey_file=" + keyFile + "\n"
	if err := errors.Join(os.WriteFile(keyFile, block, 0o600), os.WriteFile(file, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
	l.c.AddAPIKey(l.b.Instance, "ocid1.tenancy.oc1..t/ocid1.user.oc1..u/aa:bb", &key.PublicKey)
	l.b.p = l.provider(l.b, oci.Options{ConfigFile: file, Profile: "ROUTER"})
	l.start(l.b)
	l.b.master()
	l.held(l.b)
	if n := l.c.Count(func(c fakecloud.Call) bool { return c.Op == "x509" }); n != 0 {
		t.Errorf("%d tokens were asked for with a key at hand", n)
	}
	l.finish()
}

func TestVNICsNamedByOCID(t *testing.T) {
	l := newLab(t)
	l.b.p = l.provider(l.b, oci.Options{VNICs: l.b.vnics})
	l.start(l.b)
	l.b.master()
	l.held(l.b)
	l.finish()
}

func TestBadOptions(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"no region": "[DEFAULT]\nuser=u\n", "empty": "",
	} {
		file := dir + "/" + strings.ReplaceAll(name, " ", "-")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := oci.New(oci.Options{ConfigFile: file}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, e := range []string{"http://10.0.0.1", "http://iaas.example.com", "iaas.example.com"} {
		for _, o := range []oci.Options{{Endpoint: e}, {AuthEndpoint: e}, {MetadataEndpoint: e}} {
			if _, err := oci.New(o); err == nil {
				t.Errorf("%+v: accepted", o)
			}
		}
	}
}
