// SPDX-License-Identifier: Apache-2.0

package world

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

// reload gives a running process an edited configuration. An edit that makes
// it invalid is not applied, as the daemon would not.
func (w *World) reload(n *node, f *Fault) {
	if n.Habits != None || n.up && n.downBy >= 0 {
		return
	}
	c, err := w.edited(n, f.On)
	if err != nil || c.Validate() != nil {
		w.tell(n, "process", "reload refused: %v", f.On)
		return
	}
	if !n.up {
		w.tell(n, "process", "its file is edited: %s", f.On)
		n.Config = c
		w.watch(n, c)
		return
	}
	w.tell(n, "process", "reloads: %s", f.On)
	n.inbox = append(n.inbox, engine.Reloaded{Config: c})
	w.pump(n)
	w.watch(n, c)
	w.disturbed() // by other promises, maybe
}

// edited makes an edit: "priority ROUTER N", "interval ROUTER D",
// "preempt-delay ROUTER D", "start-delay ROUTER D", "preempt ROUTER",
// "nopreempt ROUTER", "add-address ROUTER A", "remove-address ROUTER",
// "rename ROUTER NAME", "track ROUTER SCRIPT", "weight ROUTER N",
// "checksum ROUTER DIALECT", "hmac ROUTER MODE", "remove ROUTER",
// "ungroup ROUTER" or "original".
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
	switch words[0] {
	case "remove":
		c.Routers = slices.Delete(c.Routers, i, i+1)
		regroup(&c, words[1], "")
	case "ungroup":
		regroup(&c, words[1], "")
	case "rename":
		c.Routers[i].Name = words[2]
		regroup(&c, words[1], words[2])
	default:
		return c, editRouter(&c.Routers[i], words[0], words[2])
	}
	return c, nil
}

// regroup gives a member of a group another name, or takes it out of its
// group; a group without members is none.
func regroup(c *engine.Config, name, to string) {
	for k := range c.Groups {
		g := &c.Groups[k]
		g.Members = slices.Clone(g.Members)
		if i := slices.Index(g.Members, name); i >= 0 && to != "" {
			g.Members[i] = to
		} else if i >= 0 {
			g.Members = slices.Delete(g.Members, i, i+1)
		}
	}
	c.Groups = slices.DeleteFunc(c.Groups, func(g engine.Group) bool { return len(g.Members) == 0 })
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
	case "track":
		t := engine.Tracking{Track: engine.Track{Kind: engine.TrackScript, Name: value}}
		if !slices.ContainsFunc(r.Tracks, func(o engine.Tracking) bool { return o.Track == t.Track }) {
			r.Tracks = append(slices.Clip(r.Tracks), t)
		}
	case "weight":
		r.Tracks = slices.Clone(r.Tracks)
		for i := range r.Tracks {
			r.Tracks[i].Weight, err = strconv.Atoi(value)
		}
	case "checksum":
		r.Checksum = map[string]vrrp.Checksum{"pseudo": vrrp.ChecksumPseudo, "message": vrrp.ChecksumMessage}[value]
	case "hmac":
		err = setMode(r, value)
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

// setMode changes how strict a router is about authentication.
func setMode(r *engine.Router, mode string) error {
	modes := map[string]vrrp.HMACMode{"enforce": vrrp.HMACEnforce, "permissive": vrrp.HMACPermissive, "receive-only": vrrp.HMACReceiveOnly}
	if r.HMAC == nil {
		return errors.New("no authentication")
	}
	h := *r.HMAC
	h.Mode = modes[mode]
	r.HMAC = &h
	return nil
}
