// SPDX-License-Identifier: Apache-2.0

package cloudlab

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/internal/testnet/build"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

func TestMain(m *testing.M) { netns.Main(m) }

// fakeURL is where each machine finds the API: on its own loopback.
const fakeURL = "http://127.0.0.1:8640"

// subnets are those of the three interfaces of each router; the VIP of each
// ends in .9.
var subnets = [3]struct{ nic, prefix, vip string }{
	{"ens3", "172.20.136.", "172.20.136.9"},
	{"ens5", "10.0.5.", "10.0.5.9"},
	{"ens6", "10.0.6.", "10.0.6.9"},
}

// primaries are the own addresses of both machines, one for each interface.
func primaries() (addrs [2][3]string) {
	for number := range addrs {
		for i, n := range subnets {
			addrs[number][i] = fmt.Sprint(n.prefix, 130+number)
		}
	}
	return addrs
}

// vendor is a cloud with two machines in it, and what they claim there.
type vendor struct {
	provider string // the word in the configuration
	claim    string // what is claimed, as a configuration says it
	// flags are for `vrrpd claim`, one item each.
	flags    [][]string
	machines [2]machine
	// foreign describes everything that is not to be touched; it never changes.
	foreign func() string
	// throttle makes the API refuse requests for their rate, until it is called
	// with false.
	throttle func(bool)
}

// machine is one router as the cloud sees it.
type machine struct {
	api      http.Handler // and the metadata service
	metadata string       // its URL
	isMeta   func(*http.Request) bool
	env      []string
	owns     func() bool // everything that is claimed is here
}

// kinds are the clouds, and the ways to move something there.
var kinds = []struct {
	name string
	mac  func(netip.Addr) string // of the interface with that primary address
	make func(addrs [2][3]string) *vendor
}{
	{"OCI", localMAC, ociVIPs},
	{"AWS", localMAC, awsVIPs},
	{"AWSRoutes", localMAC, awsRoutes},
	{"Azure", azureMAC, azureVIPs},
	{"AzureRoutes", azureMAC, azureRoutes},
}

func localMAC(a netip.Addr) string {
	b := a.As4()
	return net.HardwareAddr{2, 0, b[0], b[1], b[2], b[3]}.String()
}

// site is a pair of routers in a cloud.
type site struct {
	*vendor
	t   testing.TB
	lab *netns.Lab
	vms [2]*vm
}

// vm is one router: a host with three interfaces, and a daemon.
type vm struct {
	machine
	s      *site
	number int
	host   *netns.Host
	dir    string
	proc   *netns.Process

	apiDown, metaDown atomic.Bool // connections break
	// first is when the API and the metadata service were first asked, in Unix
	// nanoseconds; 0: not yet.
	firstAPI, firstMeta atomic.Int64
	requests            atomic.Int64
}

// newSite builds the network and the cloud; no daemon runs yet.
func newSite(t testing.TB, kind string) *site {
	t.Helper()
	require.Need(t, require.NetNS)
	s := &site{t: t, lab: netns.New(t)}
	for _, k := range kinds {
		if k.name != kind {
			continue
		}
		s.vendor = k.make(primaries())
		for number := range s.vms {
			s.vms[number] = s.newVM(number, k.mac)
		}
		before := s.foreign()
		t.Cleanup(func() {
			if now := s.foreign(); now != before {
				t.Errorf("something undeclared was changed:\n%s\nbefore:\n%s", now, before)
			}
		})
		return s
	}
	t.Fatalf("no cloud %q", kind)
	return nil
}

func (s *site) newVM(number int, mac func(netip.Addr) string) *vm {
	s.t.Helper()
	var nics []netns.NIC
	for i, n := range subnets {
		nics = append(nics, netns.NIC{Name: n.nic, Segment: n.nic, Addresses: []string{primaries()[number][i] + "/24"}})
	}
	v := &vm{machine: s.machines[number], s: s, number: number, dir: s.t.TempDir()}
	v.host = s.lab.Host(fmt.Sprintf("VR%d", number+1), nics...)
	for i, n := range subnets {
		v.host.Exec("ip", "link", "set", n.nic, "address", mac(netip.MustParseAddr(primaries()[number][i])))
	}
	var l net.Listener
	var err error
	v.host.Do(func() { l, err = net.Listen("tcp", strings.TrimPrefix(fakeURL, "http://")) })
	if err != nil {
		s.t.Fatal(err)
	}
	server := &http.Server{Handler: v}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // closed at the end of the test
	}()
	s.t.Cleanup(func() { _ = server.Close(); <-done })
	return v
}

// ServeHTTP implements http.Handler: the cloud, as this machine reaches it.
func (v *vm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	down, first := &v.apiDown, &v.firstAPI
	if v.isMeta(r) {
		down, first = &v.metaDown, &v.firstMeta
	}
	v.requests.Add(1)
	first.CompareAndSwap(0, time.Now().UnixNano())
	if down.Load() {
		panic(http.ErrAbortHandler)
	}
	v.api.ServeHTTP(w, r)
}

func (v *vm) peer() *vm               { return v.s.vms[1-v.number] }
func (v *vm) file(name string) string { return filepath.Join(v.dir, name) }
func (v *vm) address(nic int) string  { return primaries()[v.number][nic] }

// command runs something with nothing in its environment but what leads to
// the fake: whoever runs the tests may have an account in one of the clouds.
func (v *vm) command(args ...string) []string {
	return append(append([]string{"env", "-i", "HOME=" + v.dir}, v.env...), args...)
}

// claimCommand is a `vrrpd claim` of some items.
func (v *vm) claimCommand(items ...string) []string {
	return append(v.command(build.Vrrpd(v.s.t), "claim", v.s.provider, "--endpoint", fakeURL, "--metadata-endpoint", v.metadata), items...)
}

func (v *vm) write(name, text string, mode os.FileMode) {
	v.s.t.Helper()
	if err := os.WriteFile(v.file(name), []byte(text), mode); err != nil {
		v.s.t.Fatal(err)
	}
}

// instance is a vrrp_instance on the first interface, without its claim.
func (v *vm) instance(priority int, more string) string {
	return fmt.Sprintf(`vrrp_instance ISV {
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
    %s
}
`, priority, v.address(0), v.peer().address(0), more)
}

// run starts the daemon, or starts it again.
func (v *vm) run(priority int) {
	v.s.t.Helper()
	v.write("keepalived.conf", fmt.Sprintf(`cloud_claim blog {
    provider %s
    %s
    endpoint %s
    metadata_endpoint %s
}
`, v.s.provider, v.s.claim, fakeURL, v.metadata)+v.instance(priority, "cloud_claim blog"), 0o600)
	v.proc = v.host.Start(v.command(build.Vrrpd(v.s.t), "run", "-f", v.file("keepalived.conf"), "--socket", v.file("s"))...)
}

// state is what the daemon says of its instance, and of its claim.
func (v *vm) state() (state, claim string) {
	out, err := v.host.Try(build.Vrrpd(v.s.t), "status", "--json", "--socket", v.file("s"))
	if err != nil {
		return out, ""
	}
	var s control.Status
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		return err.Error(), ""
	}
	i, _ := s.Instance("ISV")
	return i.State, string(i.Claim)
}

// start runs both daemons and waits until the first is MASTER and has everything.
func (s *site) start(run func(v *vm, priority int)) (a, b *vm) {
	s.t.Helper()
	a, b = s.vms[0], s.vms[1]
	run(a, 200)
	run(b, 100)
	a.untilMaster(0)
	a.moved()
	return a, b
}

// within waits for something that takes at most that long.
func (s *site) within(d time.Duration, what string, done func() bool) time.Duration {
	s.t.Helper()
	began := time.Now()
	for !done() {
		if time.Since(began) > d {
			_, a := s.vms[0].state()
			_, b := s.vms[1].state()
			s.t.Fatalf("%s: not within %v\nVR1: %s\nVR2: %s", what, d, a, b)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(began)
}

// moved waits until everything is at v, and returns how long that took.
func (v *vm) moved() time.Duration {
	v.s.t.Helper()
	return v.s.within(40*time.Second, "everything moves to "+v.host.Name, v.owns)
}

// masters counts how often the daemon of v has become MASTER.
func (v *vm) masters() int { return strings.Count(v.proc.Output(), "Entering MASTER STATE") }

// untilMaster waits until v has become MASTER once more.
func (v *vm) untilMaster(before int) {
	v.s.t.Helper()
	v.s.within(20*time.Second, v.host.Name+" is MASTER", func() bool { return v.masters() > before })
}

// stillMaster checks that v has become MASTER once, and is it now.
func (v *vm) stillMaster() {
	v.s.t.Helper()
	if state, claim := v.state(); state != "MASTER" || v.masters() != 1 {
		v.s.t.Errorf("%s is %s, and became MASTER %d times: %s", v.host.Name, state, v.masters(), claim)
	}
}
