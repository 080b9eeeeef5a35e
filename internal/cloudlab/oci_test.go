// SPDX-License-Identifier: Apache-2.0

package cloudlab

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/internal/fakecloud/oci"
	"github.com/govrrp/vrrpd/internal/testnet/build"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

func TestMain(m *testing.M) { netns.Main(m) }

// fakeURL is where each host finds the fake: on its own loopback.
const fakeURL = "http://127.0.0.1:8640"

// subnets are those of the three VNICs; the VIP of each ends in .9.
var subnets = []struct{ nic, cidr, vip string }{
	{"ens3", "172.20.136.0/24", "172.20.136.9"},
	{"ens5", "10.0.5.0/24", "10.0.5.9"},
	{"ens6", "10.0.6.0/24", "10.0.6.9"},
}

// site is a pair of router VMs in a cloud.
type site struct {
	t     testing.TB
	cloud *oci.Cloud
	vips  []string // OCIDs
	vms   [2]*vm
}

// vm is one router: three VNICs and a daemon.
type vm struct {
	s        *site
	host     *netns.Host
	instance *oci.Instance
	vnics    []string
	dir      string
	path     string
	proc     *netns.Process
}

func newSite(t testing.TB) *site {
	t.Helper()
	require.Need(t, require.NetNS)
	lab := netns.New(t)
	s := &site{t: t, cloud: oci.New()}
	s.cloud.URL = fakeURL
	nets := make([]string, len(subnets))
	for i, n := range subnets {
		nets[i] = s.cloud.AddSubnet(n.cidr, "")
	}
	for i := range s.vms {
		s.vms[i] = newVM(s, lab, i, nets)
	}
	for i, n := range subnets {
		s.vips = append(s.vips, s.cloud.AddPrivateIP(s.vms[0].vnics[i], n.vip))
	}
	return s
}

func newVM(s *site, lab *netns.Lab, number int, nets []string) *vm {
	s.t.Helper()
	name := fmt.Sprintf("VR%d", number+1)
	address := func(cidr string) string { return strings.Replace(cidr, ".0/24", fmt.Sprintf(".%d", 130+number), 1) }
	var nics []netns.NIC
	for _, n := range subnets {
		nics = append(nics, netns.NIC{Name: n.nic, Segment: n.nic, Addresses: []string{address(n.cidr) + "/24"}})
	}
	v := &vm{s: s, host: lab.Host(name, nics...), instance: s.cloud.AddInstance(name), dir: s.t.TempDir(), path: build.Vrrpd(s.t)}
	for i, n := range subnets {
		fields := strings.Fields(v.host.Exec("ip", "-o", "link", "show", n.nic))
		mac := fields[slices.Index(fields, "link/ether")+1]
		v.vnics = append(v.vnics, v.instance.AddVNIC(nets[i], address(n.cidr), mac))
	}
	var l net.Listener
	var err error
	v.host.Do(func() { l, err = net.Listen("tcp", strings.TrimPrefix(fakeURL, "http://")) })
	if err != nil {
		s.t.Fatal(err)
	}
	server := &http.Server{Handler: s.cloud}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // closed at the end of the test
	}()
	s.t.Cleanup(func() { _ = server.Close(); <-done })
	return v
}

func (v *vm) socket() string { return filepath.Join(v.dir, "vrrpd.sock") }

// env is what the SDK needs to find the fake.
func (v *vm) env() []string {
	return []string{"env", "OCI_SDK_AUTH_CLIENT_REGION_URL=" + fakeURL, "OCI_METADATA_BASE_URL=" + v.instance.MetadataURL(), "HOME=" + v.dir}
}

// run starts the daemon, or starts it again.
func (v *vm) run(priority int, peer string) {
	v.s.t.Helper()
	own := "172.20.136.130"
	if peer == own {
		own = "172.20.136.131"
	}
	conf := fmt.Sprintf(`global_defs {
    enable_script_security
    script_user root
}
cloud_claim blog {
    provider oci
    vips {
        172.20.136.9
        10.0.5.9
        10.0.6.9
    }
    endpoint %s
    metadata_endpoint %s
}
vrrp_instance ISV {
    interface ens3
    track_interface {
        ens5
        ens6
    }
    virtual_router_id 51
    priority %d
    unicast_src_ip %s
    unicast_peer {
        %s
    }
    authentication {
        auth_type PASS
        auth_pass ISV-test
    }
    cloud_claim blog
}
`, fakeURL, v.instance.MetadataURL(), priority, own, peer)
	path := filepath.Join(v.dir, "keepalived.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		v.s.t.Fatal(err)
	}
	v.proc = v.host.Start(append(v.env(), v.path, "run", "-f", path, "--socket", v.socket())...)
}

// claim is what the daemon says of its claim.
func (v *vm) claim() string {
	out, err := v.host.Try(v.path, "status", "--json", "--socket", v.socket())
	if err != nil {
		return out
	}
	var s control.Status
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		return err.Error()
	}
	if i, ok := s.Instance("ISV"); ok {
		return i.State + " " + string(i.Claim)
	}
	return out
}

// owns reports whether every VIP is on v's VNICs, each on the right one.
func (v *vm) owns() bool {
	for i, vip := range v.s.vips {
		if v.s.cloud.Holder(vip) != v.vnics[i] {
			return false
		}
	}
	return true
}

// moved waits until v owns every VIP and returns how long that took.
func (v *vm) moved() time.Duration {
	v.s.t.Helper()
	began := time.Now()
	for !v.owns() {
		if time.Since(began) > 40*time.Second {
			v.s.t.Fatalf("the VIPs did not move to %s: %s", v.host.Name, v.claim())
		}
		time.Sleep(2 * time.Millisecond)
	}
	return time.Since(began)
}

// TestOCIFailover kills the MASTER of a pair and brings it back: all three
// VIPs follow, and nothing is ever unassigned.
func TestOCIFailover(t *testing.T) {
	s := newSite(t)
	a, b := s.vms[0], s.vms[1]
	a.run(200, "172.20.136.131")
	b.run(100, "172.20.136.130")
	a.proc.Expect("Entering MASTER STATE")
	a.moved()
	a.proc.Kill()
	b.moved()
	a.run(200, "172.20.136.131")
	a.moved()
	for _, c := range s.cloud.Calls() {
		if c.Method == http.MethodDelete {
			t.Errorf("%s %s: a claim never releases", c.Method, c.Path)
		}
	}
}

// BenchmarkOCIFailover measures the time from kill -9 of the MASTER until the
// cloud shows all three VIPs at the other node, and back. Run it with
//
//	go test -run '^$' -bench OCIFailover -benchtime 50x ./internal/cloudlab
func BenchmarkOCIFailover(b *testing.B) {
	s := newSite(b)
	x, y := s.vms[0], s.vms[1]
	x.run(200, "172.20.136.131")
	y.run(100, "172.20.136.130")
	x.proc.Expect("Entering MASTER STATE")
	x.moved()
	var times []time.Duration
	for b.Loop() {
		x.proc.Kill()
		times = append(times, y.moved())
		x.run(200, "172.20.136.131")
		x.moved()
		time.Sleep(1500 * time.Millisecond) // the peer must have heard it before it is killed again
	}
	slices.Sort(times)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(times[len(times)/2].Seconds(), "p50-s")
	b.ReportMetric(times[len(times)*99/100].Seconds(), "p99-s")
}
