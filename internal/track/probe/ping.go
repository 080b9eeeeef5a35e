// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Protocol numbers of ICMP, for the parser.
const (
	protocolICMP   = 1
	protocolICMPv6 = 58
)

// Ping sends one ICMP echo request and waits for its reply.
type Ping struct {
	Target string // an address, with a zone if it is link-local, or a host name
	From
}

// Validate implements [Probe].
func (p Ping) Validate() error {
	if p.Target == "" || strings.ContainsAny(p.Target, " /") {
		return fmt.Errorf("target %q: needs an address or a host name", p.Target)
	}
	if a, err := netip.ParseAddr(p.Target); err == nil && p.Source.IsValid() && a.Unmap().Is4() != p.Source.Unmap().Is4() {
		return fmt.Errorf("target %s and source %s are of different families", a, p.Source)
	}
	return nil
}

// Try implements [Probe].
func (p Ping) Try(ctx context.Context) error {
	target, err := p.resolve(ctx)
	if err != nil {
		return err
	}
	// The kernel matches replies to datagram sockets, so these are preferred; it
	// permits them to the groups in net.ipv4.ping_group_range. Raw sockets need a
	// privilege.
	conn, err := p.datagram(target)
	if err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, errors.ErrUnsupported) {
		return brief(err)
	}
	if err != nil {
		var rawErr error
		if conn, rawErr = p.raw(ctx, target); rawErr != nil {
			return fmt.Errorf("no ICMP socket: %w; raw: %w", brief(err), brief(rawErr))
		}
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := echo(conn, target); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return brief(err)
	}
	return nil
}

func (p Ping) resolve(ctx context.Context) (netip.Addr, error) {
	if a, err := netip.ParseAddr(p.Target); err == nil {
		return a.Unmap(), nil
	}
	network := "ip"
	if p.Source.IsValid() {
		network = "ip6"
		if p.Source.Unmap().Is4() {
			network = "ip4"
		}
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, network, p.Target)
	if err != nil {
		return netip.Addr{}, err
	}
	if len(all) == 0 {
		return netip.Addr{}, errors.New("the name has no address")
	}
	return all[0].Unmap(), nil
}

// raw opens a raw socket that receives from the target only.
func (p Ping) raw(ctx context.Context, target netip.Addr) (net.Conn, error) {
	network := "ip6:ipv6-icmp"
	if target.Is4() {
		network = "ip4:icmp"
	}
	local := &net.IPAddr{IP: p.Source.AsSlice(), Zone: p.Source.Zone()}
	return p.dialer(local).DialContext(ctx, network, target.String())
}

// echo sends a request and reads until its reply has come. The payload is random:
// it tells the reply from those to anybody else's requests.
func echo(conn net.Conn, target netip.Addr) error {
	var payload [24]byte
	_, _ = rand.Read(payload[:]) // never fails
	request := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{
		ID: int(payload[0])<<8 | int(payload[1]), Seq: 1, Data: payload[:],
	}}
	protocol, reply := protocolICMP, icmp.Type(ipv4.ICMPTypeEchoReply)
	if target.Is6() {
		protocol, reply = protocolICMPv6, ipv6.ICMPTypeEchoReply
		request.Type = ipv6.ICMPTypeEchoRequest
	}
	b, err := request.Marshal(nil) // for IPv6 the kernel fills in the checksum
	if err != nil {
		return err
	}
	if _, err := conn.Write(b); err != nil {
		return err
	}
	buf := make([]byte, 1500)
	for {
		n, err := receive(conn, buf)
		if err != nil {
			return err
		}
		m, err := icmp.ParseMessage(protocol, buf[:n])
		if err != nil || m.Type != reply {
			continue
		}
		if got, ok := m.Body.(*icmp.Echo); ok && bytes.Equal(got.Data, payload[:]) {
			return nil
		}
	}
}

// receive reads one ICMP message. For raw IPv4 sockets only ReadFrom takes the
// header of the packet off.
func receive(conn net.Conn, buf []byte) (int, error) {
	if raw, ok := conn.(*net.IPConn); ok {
		n, _, err := raw.ReadFrom(buf)
		return n, err
	}
	return conn.Read(buf)
}
