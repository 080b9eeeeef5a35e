// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/sim/world"
	"github.com/govrrp/vrrpd/vrrp"
)

// faults makes a history of faults: bursts of a few, most of them followed by
// enough quiet to see whether the world recovers.
func (g generator) faults(s world.Setup, duration time.Duration) (all []world.Fault) {
	t := time.Duration(g.IntN(20)) * time.Second
	for t < duration {
		victim := s.Nodes[g.IntN(len(s.Nodes))]
		for range 1 + g.IntN(3) {
			if !g.one(3) {
				victim = s.Nodes[g.IntN(len(s.Nodes))]
			}
			f := g.fault(s, victim)
			f.At = (t + g.within(10*time.Second)).Round(time.Microsecond)
			all = append(all, f)
			if f.Kind == world.HostFails && len(victim.Config.Groups) == 0 && g.one(3) {
				// Somebody takes away the router whose addresses do not move.
				at := (f.At + g.within(f.For)).Round(time.Microsecond)
				all = append(all, world.Fault{At: at, Kind: world.Reload, Node: f.Node, On: "remove " + g.router(victim.Config).Name})
			}
		}
		if g.one(3) {
			t += g.within(10 * time.Second)
		} else {
			t += 30*time.Second + g.within(90*time.Second)
		}
	}
	slices.SortStableFunc(all, func(a, b world.Fault) int { return cmp.Compare(a.At, b.At) })
	return all
}

func (g generator) within(d time.Duration) time.Duration {
	return time.Duration(g.Int64N(int64(d)))
}

// while draws how long a fault lasts: short ones are as likely as long ones.
func (g generator) while() time.Duration {
	d := 50 * time.Millisecond << g.IntN(10) // 50 ms … 25.6 s
	return (d + g.within(d)).Round(time.Microsecond)
}

// fault draws one fault of a node or its surroundings, at time zero.
func (g generator) fault(s world.Setup, n world.Node) world.Fault {
	port := n.Interfaces[g.IntN(len(n.Interfaces))]
	f := world.Fault{Kind: pick(g, world.Kinds()...), For: g.while(), Node: n.Name, On: port.Name}
	if slices.Contains([]world.FaultKind{world.ClockJump, world.Suspend, world.Pause}, f.Kind) && tellsTime(n.Config) {
		f.Kind = world.Stall // clocks that differ make peers strangers, by design
	}
	switch f.Kind {
	case world.Crash, world.Stop, world.Suspend, world.Pause, world.Stall, world.HostFails, world.HostHangs, world.SendFails:
		f.On = ""
	case world.LinkFlap:
		f.Count = 1 + g.IntN(9)
	case world.TrackBad, world.ScriptHangs:
		f.On = g.tracked(n.Config)
	case world.Reload:
		f.On, f.For = g.edit(s, n), 0
	case world.VIPRemoved:
		f.On, f.For = g.router(n.Config).Name, 0
	case world.Failover:
		f.On = g.router(n.Config).Name
	case world.ClockJump:
		f.On, f.By, f.For = "", f.For, 0
	case world.Partition:
		f.On, f.Node = port.Segment, g.side(s, n)
	case world.OneWay:
		f.On, f.To = port.Segment, s.Nodes[g.IntN(len(s.Nodes))].Name
	case world.Impair:
		f.On, f.Node = port.Segment, ""
		f.Impair = world.Impairment{
			Latency: g.within(200 * time.Millisecond).Round(time.Microsecond), Jitter: g.within(time.Second).Round(time.Microsecond),
			Loss: float64(g.IntN(100)) / 100, Duplicate: float64(g.IntN(30)) / 100, Reorder: float64(g.IntN(50)) / 100,
		}
	case world.CloudDown:
		f.On, f.Node = "", ""
	case world.Hostile:
		f.On, f.Count = "", 1+g.IntN(40)
	}
	return f
}

// tellsTime reports whether a node's adverts are refused when its clock is wrong.
func tellsTime(c engine.Config) bool {
	return slices.ContainsFunc(c.Routers, func(r engine.Router) bool { return r.HMAC != nil && !r.HMAC.Monotonic })
}

func (g generator) router(c engine.Config) engine.Router { return c.Routers[g.IntN(len(c.Routers))] }

// side draws the nodes on one side of a partition.
func (g generator) side(s world.Setup, n world.Node) string {
	side := []string{n.Name}
	for _, o := range s.Nodes {
		if o.Name != n.Name && g.one(3) {
			side = append(side, o.Name)
		}
	}
	return strings.Join(side, ",")
}

func (g generator) tracked(c engine.Config) string {
	var names []string
	for _, r := range c.Routers {
		for _, t := range r.Tracks {
			names = append(names, t.Name)
		}
	}
	for _, grp := range c.Groups {
		for _, t := range grp.Tracks {
			names = append(names, t.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return pick(g, names...)
}

// edit draws a change of the configuration. What would make peers refuse each
// other's adverts is left out: it makes two MASTERs by right.
func (g generator) edit(s world.Setup, n world.Node) string {
	r := g.router(n.Config)
	grouped := len(n.Config.Groups) > 0
	edits := []string{
		"original", "preempt %s", "nopreempt %s",
		fmt.Sprintf("priority %%s %d", 1+g.IntN(254)),
		fmt.Sprintf("preempt-delay %%s %ds", g.IntN(5)),
		fmt.Sprintf("start-delay %%s %ds", g.IntN(5)),
		"rename %s other", "track %s alive",
		fmt.Sprintf("weight %%s %d", g.IntN(100)-50),
	}
	if r.Version == vrrp.V3 {
		edits = append(edits, fmt.Sprintf("interval %%s %dms", pick(g, 100, 200, 500, 1000, 10*(10+g.IntN(300)))))
	}
	if grouped {
		edits = append(edits, "ungroup %s")
	} else {
		edits = append(edits, "remove %s")
	}
	has := func(h world.Habits) bool {
		return slices.ContainsFunc(s.Nodes, func(n world.Node) bool { return n.Habits == h })
	}
	if !grouped && !has(world.Keepalived) {
		edits = append(edits, fmt.Sprintf("add-address %%s %v", virtualAddress(r.ID.Family, 9, g.IntN(9))), "remove-address %s")
	}
	if r.Version == vrrp.V3 && !has(world.Keepalived) && !has(world.FRR) {
		edits = append(edits, "checksum %s "+pick(g, "pseudo", "message", "as-heard"))
	}
	if r.HMAC != nil {
		edits = append(edits, "hmac %s "+g.mode(s))
	}
	e := pick(g, edits...)
	if strings.Contains(e, "%s") {
		e = fmt.Sprintf(e, r.Name)
	}
	return e
}

// mode draws how strict about authentication a node may be while others are as
// they are: all sign, or none demands that.
func (g generator) mode(s world.Setup) string {
	unsigned := func(r engine.Router) bool { return r.HMAC != nil && r.HMAC.Mode == vrrp.HMACReceiveOnly }
	for _, n := range s.Nodes {
		if slices.ContainsFunc(n.Config.Routers, unsigned) {
			return pick(g, "permissive", "receive-only")
		}
	}
	return pick(g, "permissive", "enforce")
}
