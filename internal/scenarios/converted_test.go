// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/control"
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

// TestConvertedVNS3 runs what convert makes of the HA plug-in's variables. The
// claim has no cloud here: package cloudlab moves routes.
func TestConvertedVNS3(t *testing.T) {
	require.Need(t, require.NetNS)
	t.Parallel()
	lab := netns.New(t)
	var nodes []*daemon
	for n, file := range []string{"vns3-primary.yml", "vns3-secondary.yml"} {
		h := lab.Host(fmt.Sprintf("r%d", n+1), netns.NIC{Name: "eth0", Segment: "underlay", Addresses: []string{fmt.Sprintf("10.0.0.%d/24", 10+10*n)}})
		d := converted(t, h, "vns3", file, []string{"my_overlay_ip", "peer_vns3_api_password: ***"})
		d.write("keepalived.conf", 0o600, strings.Replace(d.read("keepalived.conf"), "provider aws",
			"provider aws\n mode dry_run\n endpoint http://127.0.0.1:9\n metadata_endpoint http://127.0.0.1:9\n#", 1))
		d.run()
		nodes = append(nodes, d)
	}
	primary, secondary := nodes[0], nodes[1]
	primary.want("vns3-ha", "MASTER")
	secondary.want("vns3-ha", "BACKUP")
	primary.proc.Kill() // no word of it to anyone
	secondary.want("vns3-ha", "MASTER")
	if i := secondary.instance("vns3-ha"); i == nil || !strings.Contains(string(i.Claim), "vns3-ha") {
		t.Errorf("the claim is not shown: %+v", i)
	}
	primary.run()
	primary.want("vns3-ha", "MASTER")
	secondary.want("vns3-ha", "BACKUP")
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
