// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/internal/fakecloud/aws"
	"github.com/govrrp/vrrpd/internal/testnet/build"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// layout is a pair of routers as somebody else's documentation sets them up.
type layout struct {
	name, dialect string
	files         [2]string
	nics          []string // name and address; NODE is the last byte of a router's own
	group         string   // its only sync-group
	members       []string
	vips          []string
	cut           string   // a link; the whole group leaves with it
	back          bool     // the first router takes over again
	calls         []string // commands the new MASTER has run
	left          []string // what convert says it cannot translate
}

var layouts = []layout{
	{
		name: "IBM VRA: two bonds and three VIFs", dialect: "vyatta", files: [2]string{"vra1.set", "vra2.set"},
		nics: []string{
			"dp0bond0 10.20.30.NODE/26", "dp0bond0.10 192.168.10.NODE/24", "dp0bond0.20 192.168.20.NODE/24",
			"dp0bond1 198.51.100.NODE/28", "dp0bond1.30 192.168.30.NODE/24",
		},
		group:   "vgroup1",
		members: []string{"dp0bond0-1", "dp0bond0.10-10", "dp0bond0.20-20", "dp0bond1-1", "dp0bond1.30-30"},
		vips:    []string{"10.20.30.1/26", "192.168.10.1/24", "10.20.40.1/25", "10.20.41.1/25", "198.51.100.1/28", "203.0.113.65/26"},
		cut:     "dp0bond1.30", calls: []string{"ipsec ", "conntrackd -C"},
		left: []string{"service connsync event-queue-size", "service connsync interface dp0bond0"},
	},
	{
		name: "VyOS: a trunk and a sync-group", dialect: "vyos", files: [2]string{"vyos1.boot", "vyos2.set"},
		nics:    []string{"eth0 203.0.113.NODE/24", "eth1.100 10.0.100.NODE/24", "eth1.201 10.0.201.NODE/24"},
		group:   "main",
		members: []string{"wan", "users", "servers"},
		vips:    []string{"203.0.113.1/24", "10.0.100.1/24", "10.0.201.1/24", "10.0.202.1/24"},
		cut:     "eth1.201", back: true, calls: []string{"vrrp.sh users", "conntrackd -C"},
		left: []string{"service conntrack-sync accept-protocol", "service conntrack-sync interface eth2", "service conntrack-sync mcast-group"},
	},
}

// TestConverted runs what convert makes of other routers' files: each pair
// elects, and leaves and comes back as a whole.
func TestConverted(t *testing.T) {
	require.Need(t, require.NetNS)
	for _, l := range layouts {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			lab := netns.New(t)
			one := converted(t, l.host(lab, 0), l.dialect, l.files[0], l.left)
			two := converted(t, l.host(lab, 1), l.dialect, l.files[1], l.left)
			if out, err := one.host.Try(one.path, "check", one.file("keepalived.conf"), two.file("keepalived.conf")); err != nil {
				t.Errorf("the two do not fit: %v\n%s", err, out)
			}
			one.runWithStubs("ipsec", "swanctl", "systemctl", "conntrackd", "vrrp.sh")
			l.is(one, "MASTER")
			two.runWithStubs("ipsec", "swanctl", "systemctl", "conntrackd", "vrrp.sh")
			l.is(two, "BACKUP")
			one.host.CableOut(l.cut)
			l.is(two, "MASTER")
			l.is(one, "FAULT")
			for _, call := range l.calls {
				eventually(t, fmt.Sprintf("%s to run %q", two.host.Name, call), func() bool { return strings.Contains(two.read("calls"), call) })
			}
			one.host.CableIn(l.cut)
			if l.back {
				l.is(one, "MASTER")
				l.is(two, "BACKUP")
			} else {
				l.is(one, "BACKUP")
				l.is(two, "MASTER")
			}
		})
	}
}

// TestConvertedVNS3 runs what convert makes of the HA plug-in's variables, in a
// fake of their cloud: the routes that point at the primary go to the secondary
// when the primary is cut off. Others stay. What the primary takes back is what
// it has learned in two minutes of peace; package capture tests that.
func TestConvertedVNS3(t *testing.T) {
	require.Need(t, require.NetNS)
	t.Parallel()
	lab, cloud := netns.New(t), aws.New()
	var nodes [2]*daemon
	var vms [2]*aws.Node
	for n, file := range []string{"vns3-primary.yml", "vns3-secondary.yml"} {
		own := fmt.Sprintf("10.0.0.%d", 10+10*n)
		h := lab.Host(fmt.Sprintf("r%d", n+1), netns.NIC{Name: "eth0", Segment: "underlay", Addresses: []string{own + "/24"}})
		h.Exec("ip", "link", "set", "eth0", "address", fmt.Sprintf("02:00:0a:00:00:%02x", 10+10*n)) // as the cloud has it
		vms[n] = cloud.AddNode(h.Name, own)
		serveCloud(t, h, cloud, vms[n])
		nodes[n] = converted(t, h, "vns3", file, []string{"my_overlay_ip", "peer_vns3_api_password: ***"})
		conf := strings.Replace(nodes[n].read("keepalived.conf"), "provider aws", "provider aws\n endpoint "+cloudURL+"\n metadata_endpoint "+cloudURL+"\n#", 1)
		nodes[n].write("keepalived.conf", 0o600, conf)
	}
	cloud.AddTable("rtb-1", "private", nil)
	cloud.SetRoute("rtb-1", "172.31.0.0/16", vms[0].ENI())
	cloud.SetRoute("rtb-1", "192.168.0.0/16", vms[0].ENI())
	cloud.SetRoute("rtb-1", "0.0.0.0/0", "igw-1")
	point := func(n int) {
		t.Helper()
		eventually(t, "the routes to point at "+vms[n].Name, func() bool {
			return cloud.NextHop("rtb-1", "172.31.0.0/16") == vms[n].ENI() && cloud.NextHop("rtb-1", "192.168.0.0/16") == vms[n].ENI()
		})
		if hop := cloud.NextHop("rtb-1", "0.0.0.0/0"); hop != "igw-1" {
			t.Errorf("the default route points at %s", hop)
		}
	}
	for _, d := range nodes {
		d.proc = d.host.Start("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME="+d.dir,
			d.path, "run", "-f", d.file("keepalived.conf"), "--socket", d.file("s"), "--state-dir", d.file("state"))
	}
	nodes[0].want("vns3-ha", "MASTER")
	nodes[1].want("vns3-ha", "BACKUP")
	point(0)
	nodes[0].host.CableOut("eth0")
	nodes[1].want("vns3-ha", "MASTER")
	point(1)
	nodes[0].host.CableIn("eth0")
	nodes[0].want("vns3-ha", "MASTER")
	nodes[1].want("vns3-ha", "BACKUP")
}

// cloudURL is where each host finds the fake: on its own loopback.
const cloudURL = "http://127.0.0.1:8641"

func serveCloud(t *testing.T, h *netns.Host, cloud *aws.World, vm *aws.Node) {
	t.Helper()
	var l net.Listener
	var err error
	h.Do(func() { l, err = net.Listen("tcp", strings.TrimPrefix(cloudURL, "http://")) })
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", cloud.EC2())
	mux.Handle("/latest/", vm.Metadata())
	server := &http.Server{Handler: mux}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // closed at the end of the test
	}()
	t.Cleanup(func() { _ = server.Close(); <-done })
}

// host makes the first or the second router of the pair.
func (l layout) host(lab *netns.Lab, node int) *netns.Host {
	var nics []netns.NIC
	for _, text := range l.nics {
		name, address, _ := strings.Cut(text, " ")
		nics = append(nics, netns.NIC{Name: name, Segment: name, Addresses: []string{strings.Replace(address, "NODE", fmt.Sprint(2+node), 1)}})
	}
	return lab.Host(fmt.Sprintf("r%d", node+1), nics...)
}

// is waits until the group and all its members are in the state, with all
// their addresses or none.
func (l layout) is(d *daemon, state string) {
	d.t.Helper()
	var last string
	eventually(d.t, fmt.Sprintf("%s on %s to be %s", l.group, d.host.Name, state), func() bool {
		last, _ = d.ctl("status", "--json")
		var s control.Status
		if json.Unmarshal([]byte(last), &s) != nil || len(s.Instances) != len(l.members) || len(s.SyncGroups) != 1 {
			return false
		}
		for _, name := range l.members {
			if i, ok := s.Instance(name); !ok || i.State != state {
				return false
			}
		}
		addrs := d.host.Exec("ip", "-o", "addr")
		for _, vip := range l.vips {
			if strings.Contains(addrs, " "+vip+" ") != (state == "MASTER") {
				return false
			}
		}
		return s.SyncGroups[0].Name == l.group && s.SyncGroups[0].State == state
	})
}

// converted writes the daemon's file from another router's, and holds convert
// to its word: what it leaves out it names.
func converted(t *testing.T, h *netns.Host, dialect, file string, left []string) *daemon {
	t.Helper()
	path := build.Vrrpd(t)
	d := &daemon{t: t, host: h, dir: t.TempDir(), path: path}
	source, err := filepath.Abs(filepath.Join("testdata", "converted", file))
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("%s convert --from %s %s >%s 2>%s", path, dialect, source, d.file("keepalived.conf"), d.file("left"))
	if _, err := h.Try("sh", "-c", script); err == nil {
		t.Errorf("%s: exit code 0, although lines are left", file)
	}
	said := slices.Collect(strings.Lines(d.read("left")))
	for n, want := range left {
		if n >= len(said) || !strings.Contains(said[n], want) {
			t.Fatalf("%s: line %d of what is left should be %q: %q", file, n, want, said)
		}
	}
	if len(said) != len(left)+1 { // and a summary
		t.Errorf("%s: more is left: %q", file, said)
	}
	d.write("keepalived.conf", 0o600, strings.ReplaceAll(d.read("keepalived.conf"), "/config/scripts", d.file("bin")))
	if out, err := h.Try(path, "check", d.file("keepalived.conf")); err != nil {
		t.Errorf("%s: %v\n%s", file, err, out)
	}
	return d
}

// runWithStubs starts the daemon with programs that only note their calls.
func (d *daemon) runWithStubs(programs ...string) {
	d.t.Helper()
	d.host.Exec("mkdir", "-p", d.file("bin"))
	for _, p := range programs {
		d.write("bin/"+p, 0o755, fmt.Sprintf("#!/bin/sh\necho \"${0##*/} $*\" >>%s\n", d.file("calls")))
	}
	d.proc = d.host.Start("env", "PATH="+d.file("bin")+":/usr/sbin:/usr/bin:/sbin:/bin",
		d.path, "run", "-f", d.file("keepalived.conf"), "--socket", d.file("s"))
}
