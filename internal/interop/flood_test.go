// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/vrrp"
)

const (
	floodRate     = 20_000 // packets a second
	floodInterval = time.Second
)

// floodKinds are the hostile packets and some that are well-formed.
var floodKinds = append(slices.Clone(hostile), []hostilePacket{
	{vrrp.RefusedVRID, 255, func(a *vrrp.Advertisement) []byte { a.VRID = 8; return encode(a) }},
	{vrrp.RefusedInterval, 255, func(a *vrrp.Advertisement) []byte { a.Interval = 2 * time.Second; return encode(a) }},
	{vrrp.RefusedVersion, 255, func(a *vrrp.Advertisement) []byte { a.Version = vrrp.V3; return encode(a) }},
	{vrrp.RefusedSource, 255, encode},
}...)

// flooding is one kind of flood.
type flooding struct {
	kind     int
	unicast  bool
	stranger bool // the sender is no peer; by multicast, no known router
	master   bool // the victim of a unicast flood is the MASTER
}

// refused reports whether anything is wrong with such a packet: the TTL of
// unicast adverts is not checked, nor the source of multicast ones.
func (f flooding) refused() bool {
	switch floodKinds[f.kind].reason {
	case vrrp.RefusedTTL:
		return !f.unicast || f.stranger
	case vrrp.RefusedSource:
		return f.unicast && f.stranger
	}
	return true
}

// floodings are all of them, by unicast or by multicast.
func floodings(unicast bool) (all []flooding) {
	for _, master := range []bool{false, true} {
		for _, stranger := range []bool{false, true} {
			for kind := range floodKinds {
				if x := (flooding{kind, unicast, stranger, master}); x.refused() {
					all = append(all, x)
				}
			}
		}
	}
	return all
}

func (f flooding) String() string {
	word := func(is bool, yes, no string) string {
		if is {
			return yes
		}
		return no
	}
	return fmt.Sprintf("%s/%s/%s/%d-%s", word(f.master, "MASTER", "BACKUP"), word(f.unicast, "unicast", "multicast"),
		word(f.stranger, "stranger", "peer"), f.kind, floodKinds[f.kind].reason.String())
}

// arguments are the flooder's.
func (f flooding) arguments(length time.Duration) []string {
	from, to := "192.0.2.200", vrrp.GroupIPv4.String()
	if f.unicast {
		to = "192.0.2.1"
		if f.master {
			to = "192.0.2.2"
		}
	}
	if !f.stranger {
		from = "192.0.2.2"
		if f.master {
			from = "192.0.2.1"
		}
	}
	return []string{strconv.Itoa(f.kind), from, to, length.String()}
}

// flooder sends one kind of packet, from whatever address, and prints how many.
var flooder = netns.Program("flooder", func(ctx context.Context, args []string) error {
	kind, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	from, to := netip.MustParseAddr(args[1]), netip.MustParseAddr(args[2])
	length, err := time.ParseDuration(args[3])
	if err != nil {
		return err
	}
	socket, err := net.ListenPacket("ip4:112", "0.0.0.0")
	if err != nil {
		return err
	}
	defer socket.Close()
	raw, err := ipv4.NewRawConn(socket) // with headers of our own making
	if err != nil {
		return err
	}
	ens3, err := net.InterfaceByName("ens3")
	if err != nil {
		return err
	}
	if err := raw.SetMulticastInterface(ens3); err != nil {
		return err
	}
	advert := goodAdvert()
	advert.Priority = 254
	payload := floodKinds[kind].make(&advert)
	header := ipv4.Header{
		Version: 4, Len: ipv4.HeaderLen, TotalLen: ipv4.HeaderLen + len(payload), TTL: floodKinds[kind].ttl, Protocol: 112,
		Src: from.AsSlice(), Dst: to.AsSlice(),
	}
	whole, err := header.Marshal()
	if err != nil {
		return err
	}
	whole = append(whole, payload...)
	batch := make([]ipv4.Message, floodRate/1000)
	for i := range batch {
		batch[i] = ipv4.Message{Buffers: [][]byte{whole}, Addr: &net.IPAddr{IP: to.AsSlice()}}
	}
	sent, skipped, begin := 0, 0, time.Now()
	for ctx.Err() == nil && time.Since(begin) < length {
		due := int(time.Since(begin).Seconds()*floodRate) - skipped
		// What a busy machine has kept from being sent is not made good: the
		// queues of the devices would not hold it.
		if debt := due - sent; debt > 20*len(batch) {
			skipped += debt - len(batch)
			due = sent + len(batch)
		}
		for sent < due {
			n, err := raw.WriteBatch(batch, 0)
			if err != nil {
				return err
			}
			sent += n
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Println("sent", sent, "in", time.Since(begin))
	return nil
})

// witness prints when it sees an advert of the two routers, and its priority.
var witness = netns.Program("witness", func(ctx context.Context, _ []string) error {
	ens3, err := net.InterfaceByName("ens3")
	if err != nil {
		return err
	}
	accept, drop := bpf.RetConstant{Val: 128}, bpf.RetConstant{Val: 0}
	filter, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 23, Size: 1}, // IPv4: protocol
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 112, SkipTrue: 1},
		drop,
		bpf.LoadAbsolute{Off: 36, Size: 1}, // VRRP: priority
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 200, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 100, SkipTrue: 1},
		drop,
		accept,
	})
	if err != nil {
		return err
	}
	c, err := packet.Listen(ens3, packet.Raw, unix.ETH_P_ALL, &packet.Config{Filter: filter})
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	fmt.Println("watching")
	for b := make([]byte, 128); ; {
		n, _, err := c.ReadFrom(b)
		if err != nil {
			return nil
		}
		if n > 36 {
			fmt.Println("advert", b[36], time.Now().UnixNano())
		}
	}
})

// flooded is two routers, a segment and somebody who floods it.
type flooded struct {
	t           testing.TB
	a, z        *daemon // MASTER, BACKUP
	attacker    *netns.Host
	seen        *netns.Process
	unicastWire bool
}

func newFlooded(t testing.TB, k kind, unicast bool) *flooded {
	lab := netns.New(t)
	host := func(name, last string) *netns.Host {
		return lab.Host(name, netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"192.0.2." + last + "/24"}})
	}
	router := func(name, own, peer string, priority int) *daemon {
		conf := strings.Replace(hostileConf, "priority 50", fmt.Sprint("priority ", priority), 1)
		if unicast {
			conf = strings.Replace(conf, "priority", fmt.Sprintf(
				"check_unicast_src\n    unicast_src_ip 192.0.2.%s\n    unicast_peer {\n        192.0.2.%s\n    }\n    priority", own, peer), 1)
		}
		return start(t, k, host(name, own), conf)
	}
	f := &flooded{t: t, unicastWire: unicast}
	f.z, f.a = router("Z", "1", "2", 100), router("A", "2", "1", 200)
	f.attacker = host("attacker", "200")
	f.seen = f.z.host.StartProgram(witness)
	f.seen.Expect("watching")
	f.a.want("V", "MASTER")
	f.z.want("V", "BACKUP")
	return f
}

// adverts are the moments at which a router of that priority was seen.
func (f *flooded) adverts(priority int) (at []time.Time) {
	for line := range strings.Lines(f.seen.Output()) {
		var p int
		var ns int64
		if n, _ := fmt.Sscanf(line, "advert %d %d", &p, &ns); n == 2 && p == priority {
			at = append(at, time.Unix(0, ns))
		}
	}
	return at
}

// flood floods for so long, and returns how many packets were sent.
func (f *flooded) flood(x flooding, length time.Duration) int {
	f.t.Helper()
	p := f.attacker.StartProgram(flooder, x.arguments(length)...)
	p.Wait()
	sent := 0
	if _, err := fmt.Sscanf(p.Output(), "sent %d", &sent); err != nil || sent == 0 {
		f.t.Fatalf("%v: %v: %s", x, err, p.Output())
	}
	return sent
}

// failover kills the MASTER while a flood runs, and returns how long after
// Master_Down_Interval the BACKUP spoke. The MASTER is run again.
func (f *flooded) failover(x flooding) (time.Duration, error) {
	f.t.Helper()
	wait := vrrp.MasterDownInterval(vrrp.V2, 100, floodInterval, 0)
	p := f.attacker.StartProgram(flooder, x.arguments(wait+3*time.Second)...)
	time.Sleep(time.Second)
	before := len(f.adverts(100))
	f.a.crash()
	p.Wait()
	old, fresh := f.adverts(200), f.adverts(100)
	if len(old) == 0 || len(fresh) <= before {
		return 0, errors.New("nobody took over")
	}
	late := fresh[before].Sub(old[len(old)-1]) - wait
	f.a.run()
	f.a.want("V", "MASTER")
	f.z.want("V", "BACKUP")
	return late, nil
}
