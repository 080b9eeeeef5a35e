// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// probe is a named function.
type probe struct {
	name string
	side Side
	ask  func(ctx context.Context) (Answer, error)
}

func (p probe) Name() string                            { return p.name }
func (p probe) Side() Side                              { return p.side }
func (p probe) Ask(ctx context.Context) (Answer, error) { return p.ask(ctx) }

// Func makes a probe of a function.
func Func(name string, s Side, ask func(context.Context) (Answer, error)) Probe {
	return probe{name, s, ask}
}

// TCP asks whether a TCP port accepts a connection. A refusal is an answer
// too: a machine that sends resets is alive.
func TCP(name string, s Side, address string) Probe {
	return probe{name, s, func(ctx context.Context) (Answer, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return Answer{Alive: true}, conn.Close()
		}
		if refused(err) {
			return Answer{Alive: true}, nil
		}
		return Answer{}, err
	}}
}

// HTTP asks whether a URL is served at all: any status is an answer. The
// client decides about certificates; it must not follow the environment's
// proxy for a peer.
func HTTP(name string, s Side, client *http.Client, url string) Probe {
	return probe{name, s, func(ctx context.Context) (Answer, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return Answer{}, err
		}
		resp, err := client.Do(r)
		if err != nil {
			return Answer{}, err
		}
		return Answer{Alive: true}, resp.Body.Close()
	}}
}

// Ping asks by ICMP echo, three times at most. It needs the right to open
// ping sockets (net.ipv4.ping_group_range) or raw sockets.
func Ping(name string, s Side, addr netip.Addr) Probe {
	return probe{name, s, func(ctx context.Context) (Answer, error) { return ping(ctx, addr) }}
}

func ping(ctx context.Context, addr netip.Addr) (Answer, error) {
	conn, dst, err := pingSocket(addr)
	if err != nil {
		return Answer{}, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	id := os.Getpid() & 0xffff
	for seq := 1; seq <= 3 && ctx.Err() == nil; seq++ {
		if err := sendEcho(conn, dst, addr.Is6(), id, seq); err != nil {
			return Answer{}, err
		}
		if waitEcho(conn, addr, time.Now().Add(300*time.Millisecond)) {
			return Answer{Alive: true}, nil
		}
	}
	return Answer{}, fmt.Errorf("no echo from %s", addr)
}

// pingSocket prefers the unprivileged kind of socket, where the kernel matches
// replies to requests.
func pingSocket(addr netip.Addr) (*icmp.PacketConn, net.Addr, error) {
	unprivileged, raw, any := "udp4", "ip4:icmp", "0.0.0.0"
	if addr.Is6() {
		unprivileged, raw, any = "udp6", "ip6:ipv6-icmp", "::"
	}
	if conn, err := icmp.ListenPacket(unprivileged, any); err == nil {
		return conn, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)), nil
	}
	conn, err := icmp.ListenPacket(raw, any)
	return conn, &net.IPAddr{IP: addr.AsSlice(), Zone: addr.Zone()}, err
}

func sendEcho(conn *icmp.PacketConn, dst net.Addr, v6 bool, id, seq int) error {
	var kind icmp.Type = ipv4.ICMPTypeEcho
	if v6 {
		kind = ipv6.ICMPTypeEchoRequest
	}
	msg := icmp.Message{Type: kind, Body: &icmp.Echo{ID: id, Seq: seq, Data: []byte("vrrpd guard")}}
	b, err := msg.Marshal(nil)
	if err != nil {
		return err
	}
	_, err = conn.WriteTo(b, dst)
	return err
}

// waitEcho reads until an echo reply from the address arrives. A raw socket
// sees replies to other programs too; those say that the address is alive just
// as well.
func waitEcho(conn *icmp.PacketConn, addr netip.Addr, until time.Time) bool {
	if err := conn.SetReadDeadline(until); err != nil {
		return false
	}
	buf := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return false
		}
		proto := 1
		if addr.Is6() {
			proto = 58
		}
		m, err := icmp.ParseMessage(proto, buf[:n])
		if err != nil || (m.Type != ipv4.ICMPTypeEchoReply && m.Type != ipv6.ICMPTypeEchoReply) {
			continue
		}
		if source(from) == addr.WithZone("") {
			return true
		}
	}
}

func source(a net.Addr) netip.Addr {
	var ip net.IP
	switch a := a.(type) {
	case *net.UDPAddr:
		ip = a.IP
	case *net.IPAddr:
		ip = a.IP
	}
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap()
}
