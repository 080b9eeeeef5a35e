// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

func bindToDevice(fd int, name string) error { return unix.BindToDevice(fd, name) }

// datagram opens an unprivileged ICMP socket, connected to the target.
func (p Ping) datagram(target netip.Addr) (net.Conn, error) {
	family, protocol := unix.AF_INET6, unix.IPPROTO_ICMPV6
	if target.Is4() {
		family, protocol = unix.AF_INET, unix.IPPROTO_ICMP
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "icmp")
	defer f.Close() // FileConn has a copy
	if p.Interface != "" {
		if err := bindToDevice(fd, p.Interface); err != nil {
			return nil, fmt.Errorf("interface %s: %w", p.Interface, err)
		}
	}
	if p.Source.IsValid() {
		if err := unix.Bind(fd, sockaddr(p.Source.Unmap())); err != nil {
			return nil, fmt.Errorf("source %s: %w", p.Source, err)
		}
	}
	if err := unix.Connect(fd, sockaddr(target)); err != nil {
		return nil, err
	}
	return net.FileConn(f)
}

func sockaddr(a netip.Addr) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4()}
	}
	sa := &unix.SockaddrInet6{Addr: a.As16()}
	if ifi, err := net.InterfaceByName(a.Zone()); err == nil {
		sa.ZoneId = uint32(ifi.Index)
	}
	return sa
}
