// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
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
