// SPDX-License-Identifier: Apache-2.0

package runner_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/runner"
	"github.com/govrrp/vrrpd/vrrp"
)

// quietWire is a network on which nobody else speaks.
type quietWire struct{ wake chan struct{} }

func (w quietWire) Send(_ vrrp.ID, p vrrp.Packet) error {
	a, err := vrrp.Parse(vrrp.Datagram{Source: p.Source, Destination: p.Destination, TTL: vrrp.TTL, Payload: p.Payload})
	fmt.Println("sends priority", a.Priority)
	return err
}

func (w quietWire) Poll(func(*engine.FrameReceived)) {}

func (w quietWire) Wait(deadline time.Time) {
	var due <-chan time.Time
	if !deadline.IsZero() {
		due = time.After(time.Until(deadline))
	}
	select {
	case <-w.wake:
	case <-due:
	}
}

func (w quietWire) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// readyHost does what it is asked at once.
type readyHost struct{}

func (readyHost) Apply(context.Context, vrrp.ID, runner.Ownership) error { return nil }
func (readyHost) Announce(context.Context, vrrp.ID, vrrp.Announce) error { return nil }

// oneLink has one interface, which never changes.
type oneLink struct{ link engine.LinkChanged }

func (l oneLink) List(context.Context) ([]engine.LinkChanged, error) {
	return []engine.LinkChanged{l.link}, nil
}

func (l oneLink) Watch(ctx context.Context, yield func(engine.LinkChanged)) error {
	yield(l.link)
	<-ctx.Done()
	return ctx.Err()
}

// transitions prints the states and ends the program at MASTER.
type transitions struct{ end context.CancelFunc }

func (t transitions) Report(_ time.Time, out engine.Output) {
	if r, ok := out.Action.(vrrp.ReportTransition); ok {
		fmt.Println(out.Name, r)
		if r.To == vrrp.Master {
			t.end()
		}
	}
}

// The ports are small, so that a program can bring its own. Package linux has
// those of a Linux host.
func Example() {
	own := netip.MustParsePrefix("192.0.2.9/24") // an address owner is MASTER at once
	e, err := engine.New(engine.Config{Routers: []engine.Router{{Name: "edge", Config: vrrp.Config{
		ID:      vrrp.ID{Interface: "eth0", VRID: 51, Family: vrrp.IPv4},
		Version: vrrp.V3, Priority: 255, Interval: time.Second, Addresses: []netip.Addr{own.Addr()},
	}}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, end := context.WithCancel(context.Background())
	defer end()
	r := runner.New(e, runner.Ports{
		Wire:  quietWire{make(chan struct{}, 1)},
		Host:  readyHost{},
		Links: oneLink{engine.LinkChanged{Interface: "eth0", Present: true, Up: true, Addresses: []netip.Prefix{own}}},
		Sink:  transitions{end},
	})
	fmt.Println(r.Run(ctx))

	// Output:
	// sends priority 255
	// edge INIT -> MASTER (address owner)
	// sends priority 0
	// edge MASTER -> INIT (stopped)
	// <nil>
}
