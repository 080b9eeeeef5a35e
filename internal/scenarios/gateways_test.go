// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/testnet/build"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
)

// gateways are two routers between a client inside and a peer outside, with a
// link of their own for what they tell each other. Both virtual addresses are
// in one sync-group, VG.
type gateways struct {
	t            *testing.T
	r1, r2       *daemon
	client, peer *netns.Host
}

const (
	insideVIP  = "10.1.0.254"
	outsideVIP = "203.0.113.254"
	peerAddr   = "203.0.113.9"
)

// newGateways builds the network. No daemon runs yet.
func newGateways(t *testing.T) *gateways {
	lab := netns.New(t)
	host := func(name, last string) *netns.Host {
		h := lab.Host(name,
			netns.NIC{Name: "in", Segment: "in", Addresses: []string{"10.1.0." + last + "/24"}},
			netns.NIC{Name: "out", Segment: "out", Addresses: []string{"203.0.113." + last + "/24"}},
			netns.NIC{Name: "sync", Segment: "sync", Addresses: []string{"10.0.0." + last + "/24"}})
		h.Sysctl("net/ipv4/ip_forward", "1")
		return h
	}
	g := &gateways{
		t:      t,
		r1:     &daemon{t: t, host: host("r1", "1"), dir: t.TempDir(), path: build.Vrrpd(t)},
		r2:     &daemon{t: t, host: host("r2", "2"), dir: t.TempDir(), path: build.Vrrpd(t)},
		client: lab.Host("client", netns.NIC{Name: "eth0", Segment: "in", Addresses: []string{"10.1.0.9/24"}}),
		peer:   lab.Host("peer", netns.NIC{Name: "eth0", Segment: "out", Addresses: []string{peerAddr + "/24"}}),
	}
	g.client.Exec("ip", "route", "add", "default", "via", insideVIP)
	return g
}

func (g *gateways) routers() []*daemon { return []*daemon{g.r1, g.r2} }

// start starts the daemons; group is what the sync-group has besides its
// members. r1 becomes MASTER.
func (g *gateways) start(group string) {
	g.t.Helper()
	for n, d := range g.routers() {
		conf := d.preamble + fmt.Sprintf(`
global_defs {
    script_user root
}
vrrp_sync_group VG {
    group {
        OUT
        IN
    }
%[2]s
}
vrrp_instance OUT {
    interface out
    virtual_router_id 1
    priority %[1]d
    version 3
    advert_int 0.1
    virtual_ipaddress {
        %[3]s/32
    }
}
vrrp_instance IN {
    interface in
    virtual_router_id 2
    priority %[1]d
    version 3
    advert_int 0.1
    virtual_ipaddress {
        %[4]s/32
    }
}
`, 200-100*n, strings.ReplaceAll(group, "DIR", d.dir), outsideVIP, insideVIP)
		d.write("keepalived.conf", 0o600, conf)
		d.run()
		d.want("OUT", []string{"MASTER", "BACKUP"}[n])
		d.want("IN", []string{"MASTER", "BACKUP"}[n])
	}
}

// losesPower ends a router's daemon without a word, and then its links.
func (g *gateways) losesPower(d *daemon) {
	d.proc.Kill()
	for _, nic := range []string{"in", "out", "sync"} {
		d.host.CableOut(nic)
	}
}

const conntrackdConf = `
Sync {
    Mode FTFW {
    }
    UDP {
        IPv4_address 10.0.0.%[1]d
        IPv4_Destination_Address 10.0.0.%[2]d
        Port 3780
        Interface sync
        Checksum on
    }
}
General {
    HashSize 1024
    HashLimit 4096
    LogFile off
    LockFile %[3]s/lock
    UNIX {
        Path %[3]s/ctl
    }
    Filter From Kernelspace {
        Protocol Accept {
            TCP
        }
    }
}
`

// conntrackd runs conntrackd on both routers, as an init system would.
func (g *gateways) conntrackd(program string) {
	g.t.Helper()
	for n, d := range g.routers() {
		d.write("conntrackd.conf", 0o600, fmt.Sprintf(conntrackdConf, 1+n, 2-n, d.dir))
		d.host.Start(program, "-C", d.file("conntrackd.conf"))
		eventually(g.t, "conntrackd of "+d.host.Name, func() bool {
			_, err := d.host.Try(program, "-C", d.file("conntrackd.conf"), "-s")
			return err == nil
		})
	}
}

// translates makes the routers translate what leaves to the virtual address,
// and drop what belongs to no connection they know.
func (g *gateways) translates() {
	for _, d := range g.routers() {
		d.write("rules.nft", 0o600, `
table ip edge {
    chain leaving {
        type nat hook postrouting priority srcnat
        oifname "out" snat to `+outsideVIP+`
    }
    chain forwarded {
        type filter hook forward priority filter
        ct state invalid drop
        tcp flags & (syn | ack) != syn ct state new drop
    }
}
`)
		d.host.Exec("nft", "-f", d.file("rules.nft"))
		d.host.Sysctl("net/netfilter/nf_conntrack_tcp_loose", "0")
	}
}

// listen opens a port of the peer.
func (g *gateways) listen() net.Listener {
	g.t.Helper()
	var l net.Listener
	var err error
	g.peer.Do(func() { l, err = net.Listen("tcp", peerAddr+":0") })
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = l.Close() })
	return l
}

// dial connects the client.
func (g *gateways) dial(to net.Addr) net.Conn {
	g.t.Helper()
	var c net.Conn
	var err error
	g.client.Do(func() { c, err = net.DialTimeout("tcp", to.String(), limit) })
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = c.Close() })
	return c
}
