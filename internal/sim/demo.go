// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/sim/world"
	"github.com/govrrp/vrrpd/vrrp"
)

// demoPing is how often the demonstration's client asks.
const demoPing = 50 * time.Millisecond

// demoInterval is the routers' Advertisement_Interval in the demonstration.
const demoInterval = 200 * time.Millisecond

// demoEnd is how long the demonstration takes, when it goes at real speed.
const demoEnd = 12 * time.Second

// Demo tells a short story on a made-up network: two routers, a client that
// keeps asking the virtual address, a MASTER that loses power, comes back and
// is later stopped in good order. It writes what happens as it happens.
//
// Before each moment it calls pace with the time since the one before: to
// sleep for so long makes it go at real speed, nil makes it go at once. An
// error from pace ends the story and is returned.
func Demo(w io.Writer, pace func(time.Duration) error) error {
	d := &demonstration{w: w, pace: pace}
	s := world.Setup{
		Seed: 1,
		Net:  world.Impairment{Latency: 300 * time.Microsecond, Jitter: 200 * time.Microsecond},
		Late: 100 * time.Microsecond,
		Faults: []world.Fault{
			{At: 3 * time.Second, For: 3 * time.Second, Kind: world.LinkDown, Node: "A", On: "eth0"},
			{At: 3 * time.Second, For: 3 * time.Second, Kind: world.Crash, Node: "A"},
			{At: 9 * time.Second, For: 10 * time.Second, Kind: world.Stop, Node: "A"},
		},
		Trace: d.show,
	}
	for i, name := range []string{"A", "B"} {
		s.Nodes = append(s.Nodes, world.Node{Name: name, Config: demoConfig(uint8(200 - 100*i)), Interfaces: []world.Interface{{
			Name: "eth0", Segment: "lan", Addresses: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 24)},
		}}})
	}
	d.say(0, "two routers share %v: A with priority 200, B with 100; an advert every %v", demoAddress, demoInterval)
	u, err := world.New(s)
	if err != nil {
		return fmt.Errorf("sim: %w", err)
	}
	for t := time.Duration(0); t <= demoEnd && d.err == nil; t += demoPing {
		u.RunUntil(t)
		d.ping(t, u.Owners(demoAddress))
	}
	return d.end()
}

var demoAddress = netip.MustParseAddr("192.0.2.100")

func demoConfig(priority uint8) engine.Config {
	return engine.Config{Routers: []engine.Router{{Name: "gateway", Config: vrrp.Config{
		ID:      vrrp.ID{Interface: "eth0", VRID: 51, Family: vrrp.IPv4},
		Version: vrrp.V3, Priority: priority, Interval: demoInterval, Addresses: []netip.Addr{demoAddress},
	}}}}
}

// demonstration is the story in progress.
type demonstration struct {
	w       io.Writer
	pace    func(time.Duration) error
	now     time.Duration
	owner   string
	silent  time.Duration // since when nobody has answered
	dark    bool
	results []string
	err     error
}

// say writes a line at its time.
func (d *demonstration) say(at time.Duration, format string, args ...any) {
	if d.err == nil && d.pace != nil && at > d.now {
		d.err = d.pace(at - d.now)
	}
	d.now = max(d.now, at)
	if d.err == nil {
		_, d.err = fmt.Fprintf(d.w, "%7.3fs  %s\n", at.Seconds(), fmt.Sprintf(format, args...))
	}
}

// show writes those events of the world that belong to the story.
func (d *demonstration) show(e world.Event) {
	switch {
	case e.What == "state":
		d.say(e.At, "%s  %s", e.Node, e.Text)
	case e.What == "process" && e.Text == "crashes":
		d.say(e.At, "%s  loses power: there is no farewell", e.Node)
	case e.What == "process":
		d.say(e.At, "%s  %s", e.Node, e.Text)
	}
}

// ping is the client asking; owners are those that would answer.
func (d *demonstration) ping(at time.Duration, owners []string) {
	owner := strings.Join(owners, " and ")
	if owner == d.owner && (owner != "" || d.dark) {
		return
	}
	switch {
	case owner == "":
		d.dark, d.silent = true, at
		d.say(at, "          client: no answer from %v", demoAddress)
	case d.dark:
		d.dark = false
		gap := at - d.silent
		d.results = append(d.results, fmt.Sprintf("%v without an answer, until %s took over at %.2fs", gap, owner, at.Seconds()))
		d.say(at, "          client: %s answers, after %v of silence", owner, gap)
	default:
		d.results = append(d.results, fmt.Sprintf("no question unanswered when %s took over at %.2fs", owner, at.Seconds()))
		d.say(at, "          client: %s answers", owner)
	}
	d.owner = owner
}

func (d *demonstration) end() error {
	d.say(demoEnd, "the client, asking every %v, saw:", demoPing)
	for _, r := range d.results {
		d.say(demoEnd, "  %s", r)
	}
	return d.err
}
