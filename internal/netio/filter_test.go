// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netio

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/bpf"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// filtered is a configuration seen from both sides: as the engine's, and as
// the wire's.
type filtered struct {
	name   string
	family vrrp.Family
	own    netip.Addr
	heard  []netip.Addr // senders to try
	engine []engine.Router
	wire   []Router
}

func scenes() (all []filtered) {
	for _, version := range []vrrp.Version{vrrp.V2, vrrp.V3} {
		for _, family := range []vrrp.Family{vrrp.IPv4, vrrp.IPv6} {
			prefix := "192.0.2."
			if family == vrrp.IPv6 {
				prefix = "fe80::"
			}
			address := func(n int) netip.Addr { return netip.MustParseAddr(fmt.Sprint(prefix, n)) }
			for _, mode := range []string{"multicast", "unicast", "anybody", "mixed"} {
				s := filtered{name: fmt.Sprint(version, family, mode), family: family, own: address(1)}
				for n := 2; n < 9; n++ {
					s.heard = append(s.heard, address(n))
				}
				add := func(vrid uint8, device string, peers []netip.Addr, anybody bool) {
					c := vrrp.Config{
						ID: vrrp.ID{Interface: device, VRID: vrid, Family: family}, Version: version, Priority: 100,
						Interval: time.Second, Source: s.own, AnyUnicastSource: anybody,
					}
					w := Router{ID: c.ID, Unicast: len(peers) > 0}
					for _, p := range peers {
						c.Peers = append(c.Peers, vrrp.Peer{Address: p})
						if !anybody {
							w.OnlyFrom = append(w.OnlyFrom, p)
						}
					}
					s.engine = append(s.engine, engine.Router{Name: c.ID.String(), Config: c})
					s.wire = append(s.wire, w)
				}
				if mode == "multicast" || mode == "mixed" {
					add(7, "eth0", nil, false)
					add(9, "eth0", nil, false)
					add(10, "eth1", nil, false)
				}
				if mode == "unicast" || mode == "mixed" {
					add(20, "eth0", s.heard[:2], false)
					add(21, "eth1", s.heard[2:3], false)
				}
				if mode == "anybody" {
					add(20, "eth0", s.heard[:1], false)
					add(22, "eth0", s.heard[:1], true)
				}
				all = append(all, s)
			}
		}
	}
	return all
}

// draw returns a packet near an advert that some router accepts.
func (s *filtered) draw(rnd *rand.Rand) vrrp.Datagram {
	pick := func(from ...netip.Addr) netip.Addr { return from[rnd.IntN(len(from))] }
	group, strange := vrrp.GroupIPv4, []netip.Addr{netip.MustParseAddr("255.255.255.255"), netip.MustParseAddr("239.1.2.3")}
	if s.family == vrrp.IPv6 {
		group, strange = vrrp.GroupIPv6, []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("ff05::12")}
	}
	r := s.engine[rnd.IntN(len(s.engine))]
	d := vrrp.Datagram{Source: pick(s.heard...), Destination: group, TTL: 255}
	if r.Unicast() {
		d.Destination = s.own
		if rnd.IntN(2) == 0 {
			d.Source = r.Peers[rnd.IntN(len(r.Peers))].Address
		}
	}
	a := vrrp.Advertisement{
		Version: r.Version, Family: s.family, VRID: r.ID.VRID, Priority: uint8(rnd.Uint32()), Interval: r.Interval,
		Addresses: vrrp.MakeAddressList(s.family, s.heard[:rnd.IntN(len(s.heard))]),
	}
	for rnd.IntN(3) == 0 {
		switch rnd.IntN(6) {
		case 0:
			a.VRID = uint8(rnd.Uint32())
		case 1:
			a.Version = vrrp.V2 + vrrp.V3 - a.Version
		case 2:
			d.TTL = rnd.IntN(256)
		case 3:
			d.Destination = pick(append(strange, s.own, group)...)
		case 4:
			d.Source = pick(s.heard...)
		case 5:
			a.AuthType = vrrp.AuthType(rnd.IntN(3))
		}
	}
	d.Payload = a.AppendTo(nil, d.Source, d.Destination, vrrp.ChecksumPseudo)
	if rnd.IntN(5) == 0 {
		d.Payload[rnd.IntN(len(d.Payload))] = byte(rnd.Uint32())
	}
	if rnd.IntN(9) == 0 {
		d.Payload = d.Payload[:rnd.IntN(len(d.Payload))]
	}
	return d
}

// whole is d with its header, and options where there may be some.
func whole(d vrrp.Datagram, rnd *rand.Rand) []byte {
	if d.Source.Is6() {
		b := make([]byte, 40, 40+len(d.Payload))
		b[0], b[7] = 0x60, byte(d.TTL)
		copy(b[8:], d.Source.AsSlice())
		copy(b[24:], d.Destination.AsSlice())
		return append(b, d.Payload...)
	}
	header := 20 + 4*rnd.IntN(11)
	b := make([]byte, header, header+len(d.Payload))
	b[0], b[8] = 0x40|byte(header/4), byte(d.TTL)
	binary.BigEndian.PutUint16(b[2:], uint16(header+len(d.Payload)))
	copy(b[12:], d.Source.AsSlice())
	copy(b[16:], d.Destination.AsSlice())
	return append(b, d.Payload...)
}

// TestFilterKeepsOutNothingThatIsAccepted draws packets and asks the engine,
// the filter and its program. What the engine accepts must pass; the program
// must say what the filter says.
func TestFilterKeepsOutNothingThatIsAccepted(t *testing.T) {
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, 2))
			f := newFilter(s.wire, "eth0", s.family)
			at := place{payload: 40} // the VM has no magic offset: it gets the whole packet
			program := machine(t, f.program(at))
			accepted, kept := 0, 0
			for range 4000 {
				d := s.draw(rnd)
				b := whole(d, rnd)
				wants := f.wants(d)
				n, err := program.Run(b)
				if err != nil || (n > 0) != wants {
					t.Fatalf("%v > %v ttl %d %x: the filter wants it: %v, the program: %d, %v", d.Source, d.Destination, d.TTL, d.Payload, wants, n, err)
				}
				if !wants {
					kept++
				}
				if accepts(t, s.engine, d) {
					if accepted++; !wants {
						t.Fatalf("%v > %v ttl %d %x is accepted and would be kept out", d.Source, d.Destination, d.TTL, d.Payload)
					}
				}
			}
			if accepted < 400 || kept < 400 {
				t.Errorf("of 4000 packets %d were accepted and %d unwanted: the test shows little", accepted, kept)
			}
		})
	}
}

func machine(t *testing.T, raw []bpf.RawInstruction) *bpf.VM {
	t.Helper()
	program, all := bpf.Disassemble(raw)
	if !all {
		t.Fatal("unknown instructions")
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

// accepts asks a fresh engine.
func accepts(t *testing.T, routers []engine.Router, d vrrp.Datagram) bool {
	t.Helper()
	e, err := engine.New(engine.Config{Routers: routers})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	for _, device := range []string{"eth0", "eth1"} {
		e.Step(now, engine.LinkChanged{
			Interface: device, Present: true, Up: true,
			Addresses: []netip.Prefix{netip.PrefixFrom(routers[0].Source, 24)},
		})
	}
	e.Step(now, engine.Started{})
	e.Step(now, &engine.FrameReceived{Interface: "eth0", Datagram: d})
	for _, r := range e.Status().Routers {
		if r.Counters.AdvertsReceived > 0 {
			return true
		}
	}
	return false
}

// TestFilterThatIsTooLong has more peers than a program can hold.
func TestFilterThatIsTooLong(t *testing.T) {
	r := Router{ID: vrrp.ID{Interface: "eth0", VRID: 1, Family: vrrp.IPv6}, Unicast: true}
	for n := range 1000 {
		r.OnlyFrom = append(r.OnlyFrom, netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", n+1)))
	}
	if p := newFilter([]Router{r}, "eth0", vrrp.IPv6).program(place{}); p != nil {
		t.Errorf("%d instructions", len(p))
	}
}
