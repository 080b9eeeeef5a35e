// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
	"github.com/govrrp/vrrpd/vrrp"
)

const hostileConf = `vrrp_instance V {
    interface ens3
    virtual_router_id 7
    priority 50
    authentication {
        auth_type PASS
        auth_pass secret
    }
    virtual_ipaddress {
        192.0.2.9/24
    }
}
`

var (
	masterAddress = netip.MustParseAddr("192.0.2.200")
	hostilePass   = vrrp.MakePassword("secret")
)

// goodAdvert is what the MASTER of the hostile test sends.
func goodAdvert() vrrp.Advertisement {
	return vrrp.Advertisement{
		Version: vrrp.V2, Family: vrrp.IPv4, VRID: 7, Priority: 100, Interval: time.Second,
		Addresses: vrrp.MakeAddressList(vrrp.IPv4, []netip.Addr{netip.MustParseAddr("192.0.2.9")}),
		AuthType:  vrrp.AuthPass, AuthData: hostilePass,
	}
}

// hostilePacket makes a good advert one to be refused.
type hostilePacket struct {
	reason vrrp.Refusal
	ttl    int
	make   func(a *vrrp.Advertisement) []byte
}

// hostile is one packet for each reason a packet on the wire can be refused
// for. Each would end or begin a mastership if it were believed: priority 0.
var hostile = []hostilePacket{
	{vrrp.RefusedTooShort, 255, func(a *vrrp.Advertisement) []byte { return encode(a)[:6] }},
	{vrrp.RefusedVersion, 255, func(a *vrrp.Advertisement) []byte { return patch(encode(a), 0, 0x41) }},
	{vrrp.RefusedType, 255, func(a *vrrp.Advertisement) []byte { return patch(encode(a), 0, 0x22) }},
	{vrrp.RefusedAuthType, 255, func(a *vrrp.Advertisement) []byte { return patch(encode(a), 4, 9) }},
	{vrrp.RefusedInterval, 255, func(a *vrrp.Advertisement) []byte { return patch(encode(a), 5, 0) }},
	{vrrp.RefusedLength, 255, func(a *vrrp.Advertisement) []byte { return patch(encode(a), 3, 200) }},
	{vrrp.RefusedChecksum, 255, func(a *vrrp.Advertisement) []byte { return patch(encode(a), 6, ^encode(a)[6]) }},
	{vrrp.RefusedTTL, 254, encode},
	{vrrp.RefusedAuthMismatch, 255, func(a *vrrp.Advertisement) []byte { a.AuthType = vrrp.AuthNone; return encode(a) }},
	{vrrp.RefusedPassword, 255, func(a *vrrp.Advertisement) []byte { a.AuthData = vrrp.MakePassword("guess"); return encode(a) }},
	{vrrp.RefusedHMACUnexpected, 255, func(a *vrrp.Advertisement) []byte { return append(encode(a), make([]byte, vrrp.TrailerLen)...) }},
}

func encode(a *vrrp.Advertisement) []byte {
	return a.AppendTo(nil, masterAddress, vrrp.GroupIPv4, vrrp.ChecksumPseudo)
}

func patch(b []byte, at int, value byte) []byte {
	b[at] = value
	return b
}

// master keeps a BACKUP a BACKUP with good adverts and, when told a number on
// its command line, sends that hostile packet once.
var master = netns.Program("hostile-master", func(ctx context.Context, args []string) error {
	socket, err := net.ListenPacket("ip4:112", masterAddress.String())
	if err != nil {
		return err
	}
	defer socket.Close()
	ens3, err := net.InterfaceByName("ens3")
	if err != nil {
		return err
	}
	p := ipv4.NewPacketConn(socket)
	if err := p.SetMulticastInterface(ens3); err != nil {
		return err
	}
	send := func(ttl int, payload []byte) error {
		if err := p.SetMulticastTTL(ttl); err != nil {
			return err
		}
		_, err := p.WriteTo(payload, nil, &net.IPAddr{IP: vrrp.GroupIPv4.AsSlice()})
		return err
	}
	good := goodAdvert()
	if len(args) == 1 {
		var n int
		if _, err := fmt.Sscan(args[0], &n); err != nil {
			return err
		}
		good.Priority = vrrp.PriorityResign
		return send(hostile[n].ttl, hostile[n].make(&good))
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if err := send(vrrp.TTL, encode(&good)); err != nil {
			return errors.Join(errors.New("good advert"), err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
})

// TestHostilePackets sends a running BACKUP one packet for each reason. Each
// is counted once and changes nothing.
func TestHostilePackets(t *testing.T) {
	require.Need(t, require.NetNS)
	lab := netns.New(t)
	victim := lab.Host("victim", netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"192.0.2.1/24"}})
	attacker := lab.Host("attacker", netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"192.0.2.200/24"}})
	attacker.StartProgram(master)
	d := start(t, ours, victim, hostileConf)
	d.want("V", "BACKUP")
	eventually(t, "the MASTER to be heard", func() bool {
		s, _ := d.status()
		i, ok := s.Instance("V")
		return ok && i.Master != nil
	})
	for n, h := range hostile {
		t.Run(h.reason.String(), func(t *testing.T) {
			attacker.StartProgram(master, fmt.Sprint(n)).Wait()
			eventually(t, "the refusal to be counted", func() bool {
				s, _ := d.status()
				i, _ := s.Instance("V")
				return i != nil && i.Counters.Refused[h.reason.String()] == 1
			})
		})
	}
	s, _ := d.status()
	i, _ := s.Instance("V")
	if i.State != "BACKUP" || i.Transitions != 1 || i.Counters.PriorityZeroReceived != 0 {
		t.Errorf("%s after %d transitions, %d priority 0 heard; want BACKUP after 1 and none",
			i.State, i.Transitions, i.Counters.PriorityZeroReceived)
	}
	total := uint64(0)
	for _, n := range i.Counters.Refused {
		total += n
	}
	if total != uint64(len(hostile)) {
		t.Errorf("%d packets refused in all, want %d: %v", total, len(hostile), i.Counters.Refused)
	}
}
