// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/engine"
)

// reload gives a running process an edited configuration. An edit that makes
// it invalid is not applied, as the daemon would not.
func (w *World) reload(n *node, f *Fault) {
	if n.Habits != None || !n.up || n.downBy >= 0 {
		return
	}
	c, err := w.edited(n, f.On)
	if err != nil || c.Validate() != nil {
		w.tell(n, "process", "reload refused: %v", f.On)
		return
	}
	for _, t := range tracksOf(c) {
		if !slices.ContainsFunc(n.levels, func(l levelOf) bool { return l.Track == t }) {
			n.levels = append(n.levels, levelOf{Track: t, Level: engine.Level{Known: true, Good: true}})
		}
	}
	w.tell(n, "process", "reloads: %s", f.On)
	n.inbox = append(n.inbox, engine.Reloaded{Config: c})
	w.pump(n)
	w.disturbed() // by other promises, maybe
}

// edited makes an edit: "priority ROUTER N", "interval ROUTER D",
// "preempt-delay ROUTER D", "start-delay ROUTER D", "preempt ROUTER",
// "nopreempt ROUTER", "add-address ROUTER A", "remove-address ROUTER",
// "remove ROUTER" or "original".
func (w *World) edited(n *node, edit string) (engine.Config, error) {
	c := engine.Config{Routers: slices.Clone(n.Config.Routers), Groups: slices.Clone(n.Config.Groups)}
	words := append(strings.Fields(edit), "", "", "")
	if words[0] == "original" {
		return w.setup.Nodes[n.index].Config, nil
	}
	i := slices.IndexFunc(c.Routers, func(r engine.Router) bool { return r.Name == words[1] })
	if i < 0 {
		return c, fmt.Errorf("no router %q", words[1])
	}
	if words[0] == "remove" {
		c.Routers = slices.Delete(c.Routers, i, i+1)
		for k := range c.Groups {
			g := &c.Groups[k]
			g.Members = slices.DeleteFunc(slices.Clone(g.Members), func(m string) bool { return m == words[1] })
		}
		return c, nil
	}
	return c, editRouter(&c.Routers[i], words[0], words[2])
}

func editRouter(r *engine.Router, verb, value string) (err error) {
	switch verb {
	case "priority":
		var p int
		p, err = strconv.Atoi(value)
		r.Priority = uint8(p)
	case "interval":
		r.Interval, err = time.ParseDuration(value)
	case "preempt-delay":
		r.PreemptDelay, err = time.ParseDuration(value)
	case "start-delay":
		r.StartDelay, err = time.ParseDuration(value)
	case "preempt", "nopreempt":
		r.NoPreempt = verb == "nopreempt"
	case "add-address":
		var a netip.Addr
		a, err = netip.ParseAddr(value)
		if !slices.Contains(r.Addresses, a) {
			r.Addresses = append(slices.Clip(r.Addresses), a)
		}
	case "remove-address":
		r.Addresses = r.Addresses[:max(0, len(r.Addresses)-1)]
	default:
		err = fmt.Errorf("unknown edit %q", verb)
	}
	return err
}
