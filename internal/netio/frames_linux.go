// SPDX-License-Identifier: Apache-2.0

package netio

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/vrrp"
)

// frames sends whole Ethernet frames, on one packet socket an interface.
type frames struct {
	mu    sync.Mutex
	ports map[string]*port
}

// port is a packet socket that only sends.
type port struct {
	index int
	mac   net.HardwareAddr // the interface's own
	conn  *packet.Conn
	raw   syscall.RawConn
}

func newFrames() *frames { return &frames{ports: map[string]*port{}} }

// port returns the open socket of an interface, or opens it.
func (f *frames) port(device string) (*port, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p, ok := f.ports[device]; ok {
		return p, nil
	}
	link, err := netlink.LinkByName(device)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", device, err)
	}
	a := link.Attrs()
	p := &port{index: a.Index, mac: a.HardwareAddr}
	// Protocol 0: nothing is ever received.
	p.conn, err = packet.Listen(&net.Interface{Index: a.Index, Name: device, HardwareAddr: a.HardwareAddr}, packet.Raw, 0, nil)
	if err != nil {
		return nil, fmt.Errorf("packet socket on %s: %w", device, err)
	}
	if p.raw, err = p.conn.SyscallConn(); err != nil {
		p.conn.Close()
		return nil, err
	}
	f.ports[device] = p
	return p, nil
}

// forget closes an interface's socket; the next frame opens a new one.
func (f *frames) forget(device string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p, ok := f.ports[device]; ok {
		p.conn.Close()
		delete(f.ports, device)
	}
}

func (f *frames) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for device, p := range f.ports {
		p.conn.Close()
		delete(f.ports, device)
	}
}

// send puts one frame on an interface's queue and never waits.
func (f *frames) send(device string, frame func(own net.HardwareAddr) ([]byte, error)) error {
	p, err := f.port(device)
	if err != nil {
		return err
	}
	b, err := frame(p.mac)
	if err != nil {
		return err
	}
	var serr error
	err = p.raw.Write(func(fd uintptr) bool {
		serr = unix.Sendto(int(fd), b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, &unix.SockaddrLinklayer{Ifindex: p.index})
		return true
	})
	if err == nil && serr != nil {
		err = os.NewSyscallError("sendto", serr)
	}
	if err != nil {
		f.forget(device) // the interface may have been made anew, or its MAC address changed
		return fmt.Errorf("interface %s: %w", device, err)
	}
	return nil
}

// advert sends a router's multicast advert with its virtual MAC address.
func (f *frames) advert(r *Router, p vrrp.Packet) error {
	return f.send(r.ID.Interface, func(net.HardwareAddr) ([]byte, error) {
		return advertFrame(r.VMAC.MAC, p)
	})
}

// advertFrame builds the frame of a multicast advert (RFC 9568 §5.1, §7.3).
func advertFrame(src [6]byte, p vrrp.Packet) ([]byte, error) {
	eth := &layers.Ethernet{SrcMAC: src[:], DstMAC: multicastMAC(p.Destination), EthernetType: layers.EthernetTypeIPv4}
	if p.Destination.Is4() {
		return serialize(eth, &layers.IPv4{
			Version: 4, TOS: tosControl, TTL: vrrp.TTL, Protocol: layers.IPProtocolVRRP,
			SrcIP: p.Source.AsSlice(), DstIP: p.Destination.AsSlice(),
		}, gopacket.Payload(p.Payload))
	}
	eth.EthernetType = layers.EthernetTypeIPv6
	return serialize(eth, &layers.IPv6{
		Version: 6, TrafficClass: tosControl, HopLimit: vrrp.TTL, NextHeader: layers.IPProtocolVRRP,
		SrcIP: p.Source.AsSlice(), DstIP: p.Destination.AsSlice(),
	}, gopacket.Payload(p.Payload))
}

// multicastMAC maps a group to its MAC address (RFC 1112 §6.4, RFC 2464 §7).
func multicastMAC(group netip.Addr) net.HardwareAddr {
	if group.Is4() {
		g := group.As4()
		return net.HardwareAddr{0x01, 0x00, 0x5e, g[1] & 0x7f, g[2], g[3]}
	}
	g := group.As16()
	return net.HardwareAddr{0x33, 0x33, g[12], g[13], g[14], g[15]}
}

func serialize(l ...gopacket.SerializableLayer) ([]byte, error) {
	b := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(b, opts, l...); err != nil {
		return nil, fmt.Errorf("build a frame: %w", err)
	}
	return b.Bytes(), nil
}
