// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// Two routers that move together. When the link of one goes down, the other
// leaves with it.
func Example() {
	router := func(name, iface string, vrid uint8, address string) engine.Router {
		return engine.Router{Name: name, Config: vrrp.Config{
			ID:      vrrp.ID{Interface: iface, VRID: vrid, Family: vrrp.IPv4},
			Version: vrrp.V3, Priority: 100, Interval: time.Second,
			Addresses: []netip.Addr{netip.MustParseAddr(address)},
		}}
	}
	e, err := engine.New(engine.Config{
		Routers: []engine.Router{router("inside", "eth0", 1, "192.0.2.9"), router("outside", "eth1", 2, "198.51.100.9")},
		Groups:  []engine.Group{{Name: "gateway", Members: []string{"inside", "outside"}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	step := func(now time.Time, in engine.Input) {
		var done []engine.ActionDone
		for _, out := range e.Step(now, in) {
			fmt.Println(now.Sub(start), out)
			answer := func(id vrrp.ActionID) {
				done = append(done, engine.ActionDone{Router: out.Router, ActionFinished: vrrp.ActionFinished{ID: id}})
			}
			switch a := out.Action.(type) {
			case vrrp.SendAdvert: // send a.Packets
				answer(a.ID)
			case vrrp.SetOwnership: // add or remove the addresses
				answer(a.ID)
			case vrrp.Announce: // send gratuitous ARPs
				answer(a.ID)
			}
		}
		for _, d := range done { // not before: the outputs are valid until the next Step
			e.Step(now, d)
		}
	}
	eth0 := engine.LinkChanged{Interface: "eth0", Present: true, Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}}
	eth1 := engine.LinkChanged{Interface: "eth1", Present: true, Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.1/24")}}
	step(start, eth0)
	step(start, eth1)
	step(start, engine.Started{})
	at, _ := e.Deadline()
	step(at, engine.Woke{})
	eth1.Up = false
	step(at.Add(100*time.Millisecond), eth1)

	// Output:
	// 0s inside: INIT -> BACKUP (started)
	// 0s outside: INIT -> BACKUP (started)
	// 0s gateway: group BACKUP
	// 3.609375s inside: send #1 advert priority=100 to 224.0.0.18
	// 3.609375s inside: own #2
	// 3.609375s inside: announce #3 x5
	// 3.609375s inside: BACKUP -> MASTER (sync group: master down)
	// 3.609375s outside: send #1 advert priority=100 to 224.0.0.18
	// 3.609375s outside: own #2
	// 3.609375s outside: announce #3 x5
	// 3.609375s outside: BACKUP -> MASTER (sync group: master down)
	// 3.609375s gateway: group BACKUP -> MASTER
	// 3.709375s outside: send #4 advert priority=0 to 224.0.0.18
	// 3.709375s outside: release #5
	// 3.709375s outside: MASTER -> FAULT (fault: interface eth1: down)
	// 3.709375s inside: send #4 advert priority=0 to 224.0.0.18
	// 3.709375s inside: release #5
	// 3.709375s inside: MASTER -> FAULT (fault: sync group)
	// 3.709375s gateway: group MASTER -> FAULT
}
