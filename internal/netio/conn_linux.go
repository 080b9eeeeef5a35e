// SPDX-License-Identifier: Apache-2.0

package netio

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/vrrp"
)

const (
	protocol   = 112
	tosControl = 0xc0    // CS6, internetwork control, as every VRRP speaker uses
	priControl = 7       // TC_PRIO_CONTROL: before all other traffic in the queue
	rcvBuffer  = 1 << 20 // bytes: a burst while this process is stalled must not push out the MASTER's advert
)

// conn is one raw VRRP socket, bound to an interface. It is open until its
// file is closed.
type conn struct {
	family vrrp.Family
	device string // the interface it is bound to
	index  int
	fd     int // to recognize it by
	ttl    int // of IPv4 unicast, as last set; under the lock of raw.Write
	file   *os.File
	raw    syscall.RawConn
	read   func(ms []ipv4.Message, flags int) (int, error) // with MSG_DONTWAIT
	groups map[netip.Addr]bool
	gate   gate

	lost      *atomic.Uint64 // datagrams that found the socket full, of all sockets
	lostTotal uint32         // of this one, as the kernel counts
}

// open binds a socket to the interface that has this name now.
func open(device string, family vrrp.Family, lost *atomic.Uint64) (*conn, error) {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", device, err)
	}
	c, err := newSocket(family)
	if err != nil {
		return nil, fmt.Errorf("VRRP socket on %s: %w", device, err)
	}
	c.device, c.index, c.groups, c.lost = device, link.Attrs().Index, map[netip.Addr]bool{}, lost
	if err := c.setup(c.fd, device); err != nil {
		c.file.Close()
		return nil, fmt.Errorf("VRRP socket on %s: %w", device, err)
	}
	if family == vrrp.IPv6 {
		c.read = ipv6.NewPacketConn(packetConn{raw: c.raw}).ReadBatch
	} else {
		c.read = ipv4.NewPacketConn(packetConn{raw: c.raw}).ReadBatch
	}
	return c, nil
}

// newSocket opens a socket without SOCK_NONBLOCK: see waiter. Each call that
// could block says MSG_DONTWAIT.
func newSocket(family vrrp.Family) (*conn, error) {
	domain := unix.AF_INET
	if family == vrrp.IPv6 {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	c := &conn{family: family, fd: fd, file: os.NewFile(uintptr(fd), "VRRP socket")}
	if c.raw, err = c.file.SyscallConn(); err != nil {
		c.file.Close()
		return nil, err
	}
	return c, nil
}

// setup sets the options of a new socket. The device is bound before anything
// can arrive.
func (c *conn) setup(fd int, device string) error {
	if err := unix.BindToDevice(fd, device); err != nil {
		return os.NewSyscallError("bind to "+device, err)
	}
	// Neither is worth failing for.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, rcvBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, rcvBuffer)
	}
	options := []struct{ level, name, value int }{
		{unix.IPPROTO_IP, unix.IP_TOS, tosControl},
		{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT},
		{unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, vrrp.TTL},
		{unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0},
		{unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0},
	}
	if c.family == vrrp.IPv6 {
		options = []struct{ level, name, value int }{
			{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, tosControl},
			{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, vrrp.TTL},
			{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0},
			{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, c.index},
			{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
			{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1},
		}
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	if c.family == vrrp.IPv6 {
		// Kernels before 4.20 lack it; without it packets of groups that other
		// programs joined arrive too, and the router refuses them.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, priControl)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	return nil
}

// membership is a group that a socket hears. One that is only overheard, so that
// a unicast router finds out that its peer is a multicast one, may fail: there
// are networks without multicast.
type membership struct {
	group     netip.Addr
	overheard bool
}

// include adds a membership to a list that has each group once.
func include(list []membership, m membership) []membership {
	for i := range list {
		if list[i].group == m.group {
			list[i].overheard = list[i].overheard && m.overheard
			return list
		}
	}
	return append(list, m)
}

// join makes the socket a member of exactly these groups.
func (c *conn) join(groups []membership) error {
	ifi := &net.Interface{Index: c.index}
	change := func(join bool, g netip.Addr) error {
		addr := &net.IPAddr{IP: g.AsSlice()}
		if c.family == vrrp.IPv6 {
			p := ipv6.NewPacketConn(packetConn{raw: c.raw})
			if join {
				return p.JoinGroup(ifi, addr)
			}
			return p.LeaveGroup(ifi, addr)
		}
		p := ipv4.NewPacketConn(packetConn{raw: c.raw})
		if join {
			return p.JoinGroup(ifi, addr)
		}
		return p.LeaveGroup(ifi, addr)
	}
	wanted := map[netip.Addr]bool{}
	for _, m := range groups {
		wanted[m.group] = true
		if c.groups[m.group] {
			continue
		}
		switch err := change(true, m.group); {
		case err == nil:
			c.groups[m.group] = true
		case !m.overheard:
			return fmt.Errorf("join %v: %w", m.group, err)
		}
	}
	for g := range c.groups {
		if wanted[g] {
			continue
		}
		if err := change(false, g); err != nil {
			return fmt.Errorf("leave %v: %w", g, err)
		}
		delete(c.groups, g)
	}
	return nil
}

// send sends one packet and never waits.
func (c *conn) send(p vrrp.Packet, ttl int) error {
	var to unix.Sockaddr
	var control []byte
	if c.family == vrrp.IPv6 {
		to = &unix.SockaddrInet6{Addr: p.Destination.As16(), ZoneId: uint32(c.index)}
		control = (&ipv6.ControlMessage{HopLimit: ttl, Src: p.Source.AsSlice(), IfIndex: c.index}).Marshal()
	} else {
		to = &unix.SockaddrInet4{Addr: p.Destination.As4()}
		control = (&ipv4.ControlMessage{Src: p.Source.AsSlice(), IfIndex: c.index}).Marshal()
	}
	var serr error
	err := c.raw.Write(func(fd uintptr) bool { // one at a time
		if c.family == vrrp.IPv4 && ttl != c.ttl {
			if serr = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TTL, ttl); serr != nil {
				return true
			}
			c.ttl = ttl
		}
		_, serr = unix.SendmsgN(int(fd), p.Payload, control, to, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		return true
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("sendmsg", serr)
}

// packetConn lets x/net set options of a socket and read from it without
// waiting. It has no other use: there is no IPConn.
type packetConn struct {
	*net.IPConn
	raw syscall.RawConn
}

// LocalAddr is for x/net's errors.
func (packetConn) LocalAddr() net.Addr { return &net.IPAddr{} }

func (p packetConn) SyscallConn() (syscall.RawConn, error) { return nowait{p.raw}, nil }

type nowait struct{ syscall.RawConn }

// Read calls f once, whether it is ready to return or not.
func (n nowait) Read(f func(fd uintptr) bool) error {
	return n.Control(func(fd uintptr) { f(fd) })
}
