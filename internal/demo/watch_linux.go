// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"

	"github.com/govrrp/vrrpd/vrrp"
)

// heard is one advert on the segment.
type heard struct {
	at       time.Time
	source   netip.Addr
	priority uint8
}

// listen yields every advert on the segment until ctx ends.
func listen(ctx context.Context, yield func(heard)) error {
	socket, err := net.ListenPacket("ip4:112", "0.0.0.0")
	if err != nil {
		return err
	}
	defer socket.Close()
	defer context.AfterFunc(ctx, func() { socket.Close() })()
	segment, err := net.InterfaceByName(segmentName)
	if err != nil {
		return err
	}
	p := ipv4.NewPacketConn(socket)
	if err := p.JoinGroup(segment, &net.IPAddr{IP: vrrp.GroupIPv4.AsSlice()}); err != nil {
		return err
	}
	buf := make([]byte, 2048)
	for {
		n, _, from, err := p.ReadFrom(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		source, _ := netip.AddrFromSlice(from.(*net.IPAddr).IP.To4())
		a, err := vrrp.Parse(vrrp.Datagram{Source: source, Destination: vrrp.GroupIPv4, TTL: vrrp.TTL, Payload: buf[:n]})
		if err == nil {
			yield(heard{time.Now(), source, a.Priority})
		}
	}
}

// pinger pings the virtual address all the time and remembers the answers.
type pinger struct {
	mu      sync.Mutex
	sent    int
	replies []time.Time
}

// pingEvery is the resolution of the measured outages.
const pingEvery = 5 * time.Millisecond

// run pings until ctx ends.
func (p *pinger) run(ctx context.Context, target string) error {
	socket, err := icmp.ListenPacket("ip4:icmp", clientAddress)
	if err != nil {
		return err
	}
	defer socket.Close()
	defer context.AfterFunc(ctx, func() { socket.Close() })()
	go p.collect(socket)
	to := &net.IPAddr{IP: net.ParseIP(target)}
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for seq := 0; ; seq++ {
		m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: 1, Seq: seq & 0xffff, Data: []byte("vrrpd")}}
		b, err := m.Marshal(nil)
		if err != nil {
			return err
		}
		if _, err := socket.WriteTo(b, to); err == nil {
			p.mu.Lock()
			p.sent++
			p.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (p *pinger) collect(socket *icmp.PacketConn) {
	buf := make([]byte, 512)
	for {
		n, _, err := socket.ReadFrom(buf)
		if err != nil {
			return
		}
		m, err := icmp.ParseMessage(1, buf[:n])
		if err != nil || m.Type != ipv4.ICMPTypeEchoReply {
			continue
		}
		p.mu.Lock()
		p.replies = append(p.replies, time.Now())
		p.mu.Unlock()
	}
}

// outage returns the longest silence that ended between from and to, and
// about how many pings it cost.
func (p *pinger) outage(from, to time.Time) (silence time.Duration, lost int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := 1; i < len(p.replies); i++ {
		if p.replies[i].Before(from) || p.replies[i].After(to) {
			continue
		}
		silence = max(silence, p.replies[i].Sub(p.replies[i-1]))
	}
	if silence < 2*pingEvery {
		return 0, 0
	}
	return silence, int(silence/pingEvery) - 1
}

// config is a router's keepalived.conf.
func config(n *node) string {
	return fmt.Sprintf(`vrrp_instance DEMO {
    version 3
    interface eth0
    virtual_router_id 51
    priority %d
    advert_int 0.25
    virtual_ipaddress {
        %s/24
    }
}
`, n.priority, virtualAddress)
}
