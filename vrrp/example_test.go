// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// One router, and a program around it that keeps the time and owns sockets and
// addresses. This one prints what it is ordered to do.
func Example() {
	r, err := vrrp.New(vrrp.Config{
		ID:        vrrp.ID{Interface: "eth0", VRID: 51, Family: vrrp.IPv4},
		Version:   vrrp.V3,
		Priority:  100,
		Interval:  time.Second,
		Source:    netip.MustParseAddr("192.0.2.2"),
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.9")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	step := func(now time.Time, ev vrrp.Event) {
		var done []vrrp.ActionID
		for _, a := range r.Step(now, ev) {
			fmt.Println(now.Sub(start), a)
			switch a := a.(type) {
			case vrrp.SendAdvert: // send a.Packets
				done = append(done, a.ID)
			case vrrp.SetOwnership: // add or remove the addresses
				done = append(done, a.ID)
			case vrrp.Announce: // send gratuitous ARPs
				done = append(done, a.ID)
			}
		}
		for _, id := range done { // not before: the actions are valid until the next Step
			r.Step(now, vrrp.ActionFinished{ID: id})
		}
	}
	step(start, vrrp.Started{})
	at, _ := r.Deadline() // Master_Down_Interval: nobody is heard
	step(at, vrrp.TimerExpired{})
	at, _ = r.Deadline() // Advertisement_Interval
	step(at, vrrp.TimerExpired{})
	step(at, vrrp.Stopped{})

	// Output:
	// 0s INIT -> BACKUP (started)
	// 3.609375s send #1 advert priority=100 to 224.0.0.18
	// 3.609375s own #2
	// 3.609375s announce #3 x5
	// 3.609375s BACKUP -> MASTER (master down)
	// 4.609375s send #4 advert priority=100 to 224.0.0.18
	// 4.609375s send #5 advert priority=0 to 224.0.0.18
	// 4.609375s release #6
	// 4.609375s MASTER -> INIT (stopped)
}

// Decode what a socket received, and count what is refused.
func ExampleParse() {
	payload, _ := hex.DecodeString("311f64020032dadcc0000283c6336483")
	d := vrrp.Datagram{
		Source:      netip.MustParseAddr("192.0.2.1"),
		Destination: vrrp.GroupIPv4,
		TTL:         255,
		Payload:     payload,
	}
	a, err := vrrp.Parse(d)
	fmt.Println(a.VRID, a.Priority, a.Interval, a.Checksum, err)
	for addr := range a.Addresses.All() {
		fmt.Println(addr)
	}

	var counts vrrp.RefusalCounts
	d.Payload[2]++ // damage
	_, err = vrrp.Parse(d)
	var reason vrrp.Refusal
	if errors.As(err, &reason) {
		counts[reason]++
	}
	fmt.Println(reason.String(), counts[vrrp.RefusedChecksum])
	// Output:
	// 31 100 500ms pseudo <nil>
	// 192.0.2.131
	// 198.51.100.131
	// checksum 1
}

// Encode an advert into a buffer that is used again and again.
func ExampleAdvertisement_AppendTo() {
	a := vrrp.Advertisement{
		Version:   vrrp.V3,
		Family:    vrrp.IPv6,
		VRID:      7,
		Priority:  200,
		Interval:  250 * time.Millisecond,
		Addresses: vrrp.MakeAddressList(vrrp.IPv6, []netip.Addr{netip.MustParseAddr("fe80::7")}),
	}
	buf := make([]byte, 0, a.Len())
	buf = a.AppendTo(buf[:0], netip.MustParseAddr("fe80::1"), vrrp.GroupIPv6, vrrp.ChecksumUnknown)
	fmt.Printf("%x\n", buf)
	// Output:
	// 3107c80100190a37fe800000000000000000000000000007
}

// Sign adverts with one key and refuse replays.
func ExampleAuthenticator() {
	cfg := vrrp.HMAC{
		Keys:      []vrrp.HMACKey{{ID: 1, Secret: []byte("thirty-two bytes or more, please")}},
		ActiveKey: 1,
	}
	if err := cfg.Validate(); err != nil {
		fmt.Println(err)
	}
	src, dst := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	now := time.Unix(1_800_000_000, 0)
	a := vrrp.Advertisement{Version: vrrp.V3, Family: vrrp.IPv4, VRID: 51, Priority: 100, Interval: time.Second}

	sender := vrrp.NewAuthenticator(cfg, time.Second, dst)
	payload := sender.Append(nil, &a, src, dst, vrrp.ChecksumUnknown, now)

	receiver := vrrp.NewAuthenticator(cfg, time.Second, src)
	heard, err := vrrp.Parse(vrrp.Datagram{Source: src, Destination: dst, Payload: payload})
	if err != nil {
		fmt.Println(err)
	}
	for range 2 {
		skew, refused := receiver.Verify(&heard, src, now.Add(20*time.Millisecond))
		if refused != 0 {
			fmt.Println(refused.String())
		} else {
			fmt.Println("accepted, skew", skew)
		}
	}
	// Output:
	// accepted, skew 20ms
	// hmac_replay
}
