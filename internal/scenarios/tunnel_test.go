// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/fakecloud/oci"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

const charonConf = `
charon {
    load = random nonce drbg aes sha1 sha2 hmac kdf gmp kernel-libipsec kernel-netlink socket-default vici
    filelog {
        main {
            path = %s/charon.log
            default = 1
            flush_line = yes
        }
    }
}
`

const tunnelConf = `
connections {
    site {
        local_addrs = %[1]s
        remote_addrs = %[2]s
        proposals = aes128-sha256-modp2048
        mobike = no
        unique = replace
        dpd_delay = 5s
        local {
            auth = psk
            id = %[3]s
        }
        remote {
            auth = psk
            id = %[4]s
        }
        children {
            net {
                local_ts = %[5]s
                remote_ts = %[6]s
                esp_proposals = aes128-sha256
            }
        }
    }
}
secrets {
    ike-1 {
        secret = change-this
    }
}
`

// farNet is behind the peer, and farHost in it.
const (
	farNet  = "10.2.0.0/24"
	farHost = "10.2.0.1"
)

// tunnels is a host's swanctl.conf; dir is a place for files.
func tunnels(t *testing.T, h *netns.Host, dir string, conf ...any) {
	t.Helper()
	d := &daemon{t: t, dir: dir}
	d.write("swanctl.conf", 0o600, fmt.Sprintf(tunnelConf, conf...))
	into(h, d.file("swanctl.conf"), "/etc/swanctl/swanctl.conf")
}

// charon runs strongSwan in a host.
func charon(t *testing.T, h *netns.Host, program, dir string) {
	t.Helper()
	d := &daemon{t: t, dir: dir}
	d.write("strongswan.conf", 0o600, fmt.Sprintf(charonConf, dir))
	h.Start("env", "STRONGSWAN_CONF="+d.file("strongswan.conf"), program)
	eventually(t, "charon of "+h.Name, func() bool {
		_, err := h.Try("swanctl", "--stats")
		return err == nil
	})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("charon of %s:\n%s", h.Name, d.read("charon.log"))
		}
	})
}

// strongswan runs charon at both ends; the routers load nothing yet.
func (g *gateways) strongswan(program string) {
	g.t.Helper()
	for _, d := range g.routers() {
		tunnels(g.t, d.host, d.dir, outsideVIP, peerAddr, "routers", "peer", "10.1.0.0/24", farNet)
		charon(g.t, d.host, program, d.dir)
	}
	g.farEnd(program)
}

// farEnd runs charon on the peer.
func (g *gateways) farEnd(program string) {
	g.t.Helper()
	dir := g.t.TempDir()
	g.peer.Exec("ip", "address", "add", farHost+"/32", "dev", "lo")
	tunnels(g.t, g.peer, dir, peerAddr, outsideVIP, "peer", "routers", farNet, "10.1.0.0/24")
	charon(g.t, g.peer, program, dir)
	g.peer.Exec("swanctl", "--load-all", "--noprompt")
}

// cloud puts the routers' outside interfaces into one, and the virtual address
// to the first. holder is the router that has it.
func (g *gateways) cloud() (holder func() *daemon) {
	g.t.Helper()
	const url = "http://127.0.0.1:8640"
	c := oci.New()
	c.URL = url
	subnet := c.AddSubnet("203.0.113.0/24", "")
	vnics := []string{}
	for n, d := range g.routers() {
		mac := net.HardwareAddr{2, 0, 203, 0, 113, byte(1 + n)}.String()
		d.host.Exec("ip", "link", "set", "out", "address", mac)
		in := c.AddInstance(d.host.Name)
		vnics = append(vnics, in.AddVNIC(subnet, fmt.Sprintf("203.0.113.%d", 1+n), mac))
		// Whoever runs the tests may have an account there.
		d.env = []string{"-i", "PATH=" + os.Getenv("PATH"), "HOME=" + d.dir, "OCI_SDK_AUTH_CLIENT_REGION_URL=" + url}
		d.preamble = fmt.Sprintf("cloud_claim edge {\n provider oci\n endpoint %s\n metadata_endpoint %s\n vips {\n %s\n }\n}\n", url, in.MetadataURL(), outsideVIP)
		var l net.Listener
		var err error
		d.host.Do(func() { l, err = net.Listen("tcp", strings.TrimPrefix(url, "http://")) })
		if err != nil {
			g.t.Fatal(err)
		}
		server := &http.Server{Handler: c}
		done := make(chan error, 1)
		go func() { done <- server.Serve(l) }()
		g.t.Cleanup(func() {
			_ = server.Close()
			if err := <-done; !errors.Is(err, http.ErrServerClosed) {
				g.t.Error(err)
			}
		})
	}
	vip := c.AddPrivateIP(vnics[0], outsideVIP)
	return func() *daemon { return g.routers()[slices.Index(vnics, c.Holder(vip))] }
}

// witness notes what is there when somebody calls it: the virtual address, and
// tunnels.
const witness = `#!/bin/sh
address=$(ip -o address show to ` + outsideVIP + ` | wc -l)
tunnels=$(swanctl --list-sas 2>/dev/null | grep -c ESTABLISHED)
echo "$1 address=$address tunnels=$tunnels" >>%s
`

// follows is everything that follows a MASTER, with witnesses.
const follows = `
    conntrack_sync {
        command DIR/conntrackd.sh
        config_file DIR/conntrackd.conf
    }
    cloud_claim edge
    notify_ipsec {
        stack strongswan
    }
    notify_master "DIR/witness.sh notify_master"
    notify_backup "DIR/witness.sh notify_backup"
`

// newTunnel builds gateways with a tunnel and everything else that follows a
// MASTER, which is r1.
func newTunnel(t *testing.T) (g *gateways, holder func() *daemon) {
	require.Need(t, require.NetNS)
	conntrackd, program := require.Peer(t, "conntrackd"), require.Peer(t, "charon")
	require.Peer(t, "swanctl")
	tun, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		require.Missing(t, require.Peers, err)
	}
	tun.Close()
	g = newGateways(t)
	holder = g.cloud()
	for _, d := range g.routers() {
		d.host.Exec("mount", "-t", "tmpfs", "none", "/var/lib")
		d.write("witness.sh", 0o755, fmt.Sprintf(witness, d.file("seen")))
		d.write("conntrackd.sh", 0o755, "#!/bin/sh\ncase $3 in -[cfRBtn]) "+d.file("witness.sh")+" conntrackd$3 ;; esac\nexec "+conntrackd+" \"$@\"\n")
	}
	g.conntrackd(conntrackd)
	g.strongswan(program)
	g.start(follows)
	return g, holder
}

// told are the targets of the group's lanes in the order in which they ended
// since the log was as long as from, for one state.
func told(log, state string) (all []string) {
	line := regexp.MustCompile(`notified.*lane="?GROUP VG.*target=(\S+).*state=` + state + `\b`)
	for _, m := range line.FindAllStringSubmatch(log, -1) {
		all = append(all, m[1])
	}
	return all
}

// TestEverythingFollows: what follows a MASTER comes in the documented order,
// on promotion and on demotion, with conntrackd, strongSwan, a cloud and
// scripts; traffic through the tunnel goes on.
func TestEverythingFollows(t *testing.T) {
	g, holder := newTunnel(t)
	arrived := func(d *daemon) {
		t.Helper()
		eventually(t, "scripts on "+d.host.Name, func() bool { return strings.Contains(d.read("seen"), "notify_master") })
		if holder() != d {
			t.Errorf("the scripts ran while %s held the address in the cloud", holder().host.Name)
		}
	}
	arrived(g.r1)
	ping := g.client.Start("ping", "-D", "-i", "0.05", farHost)
	ping.Expect("icmp_seq=20 ")

	if out, err := g.r1.ctl("failover", "VG", "--for", "1h"); err != nil {
		t.Fatal(err, out)
	}
	arrived(g.r2)
	t.Logf("planned: %v without an answer", outage(t, ping))
	eventually(t, "scripts of the BACKUP", func() bool { return strings.Contains(g.r1.read("seen"), "notify_backup address=0 tunnels=0") })
	checkOrder(t, g.r1, g.r2)

	g.r1.write("seen", 0o600, "")
	g.losesPower(g.r2)
	arrived(g.r1)
	t.Logf("power cut: %v without an answer", outage(t, ping))
}

// checkOrder compares what the old MASTER and the new one logged, and what
// the witnesses saw, with the documented order.
func checkOrder(t *testing.T, old, new *daemon) {
	t.Helper()
	beside := func(s string) bool { return s == "conntrack_sync" } // after the addresses, beside the others
	up := told(new.proc.Output(), "MASTER")
	if want := []string{"conntrack_commit", "addresses", "cloud_claim", "notify_ipsec", "notify_master"}; !slices.Equal(slices.DeleteFunc(up, beside), want) {
		t.Errorf("promotion: %q, want %q", up, want)
	}
	log := old.proc.Output()
	down := told(log[strings.Index(log, "VRRP_Group(VG) Entering MASTER STATE"):], "BACKUP")
	if want := []string{"addresses", "notify_ipsec", "notify_backup"}; !slices.Equal(slices.DeleteFunc(down, beside), want) {
		t.Errorf("demotion: %q, want %q", down, want)
	}
	seen := new.read("seen")
	for _, want := range []string{
		"conntrackd-c address=0 tunnels=0\n", "conntrackd-f address=1 ", "conntrackd-B address=1 ", "notify_master address=1 tunnels=1\n",
	} {
		if !strings.Contains(seen, want) {
			t.Errorf("no %q in %q", want, seen)
		}
	}
	if strings.Contains(seen, "conntrackd-c address=1") {
		t.Errorf("entries committed after the address came: %q", seen)
	}
}

// outage waits until answers come again, and returns the longest time without
// one so far.
func outage(t *testing.T, ping *netns.Process) (longest time.Duration) {
	t.Helper()
	stamp := regexp.MustCompile(`(?m)^\[([0-9.]+)\] .*icmp_seq=`)
	begin := len(stamp.FindAllString(ping.Output(), -1))
	var at []float64
	eventually(t, "answers through the tunnel", func() bool {
		at = at[:0]
		for _, m := range stamp.FindAllStringSubmatch(ping.Output(), -1) {
			s, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			at = append(at, s)
		}
		return len(at) >= begin+20
	})
	for n := 1; n < len(at); n++ {
		longest = max(longest, time.Duration((at[n]-at[n-1])*float64(time.Second)))
	}
	return longest.Round(time.Millisecond)
}
