// SPDX-License-Identifier: Apache-2.0

// Command embed runs one virtual router inside a Go program and reacts to its
// transitions:
//
//	embed eth0 192.0.2.9/24
package main

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"
	"os/signal"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/linux"
	"github.com/govrrp/vrrpd/runner"
	"github.com/govrrp/vrrpd/vrrp"
)

// printer is the runner's sink: it must not block.
type printer struct{}

func (printer) Report(_ time.Time, out engine.Output) {
	if t, ok := out.Action.(vrrp.ReportTransition); ok {
		fmt.Printf("%s: %v -> %v (%v)\n", out.Name, t.From, t.To, t.Cause)
	}
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: embed INTERFACE ADDRESS/LENGTH")
	}
	address := netip.MustParsePrefix(os.Args[2])
	id := vrrp.ID{Interface: os.Args[1], VRID: 51, Family: vrrp.FamilyOf(address.Addr())}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	host := linux.New(linux.Options{})
	check(host.Configure(ctx, []linux.Router{{ID: id, Addresses: []linux.Address{{Prefix: address}}}}))
	e, err := engine.New(engine.Config{Routers: []engine.Router{{Name: "example", Config: vrrp.Config{
		ID: id, Version: vrrp.V3, Priority: 100, Interval: time.Second, Addresses: []netip.Addr{address.Addr()},
	}}}})
	check(err)
	check(runner.New(e, runner.Ports{Wire: host.Wire(), Host: host.Host(), Links: host.Links(), Suspended: linux.Suspended, Sink: printer{}}).Run(ctx))
	check(host.Close(context.Background()))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
