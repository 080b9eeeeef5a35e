// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/govrrp/vrrpd/vrrp"
)

// Config is everything an [Engine] runs.
type Config struct {
	Routers []Router
	Groups  []Group
}

// Router is one virtual router and what its priority depends on.
type Router struct {
	Name string // unique, for people and for groups
	vrrp.Config
	Tracks           []Tracking
	IgnoresInterface bool // its own interface going down is no fault (dont_track_primary)
	IgnoresSource    bool // a configured Source that is not on this host is no fault

	// Defect is why the router must not serve although its configuration is
	// valid: a fault that only a reload can clear. "" = none.
	Defect string
}

// Tracking ties a tracked object to a router or group. With weight 0 the
// object being bad is a fault. Otherwise a good object adds a positive weight
// and a bad one a negative weight to the priority, and Reverse changes the
// sign of what is added; a file adds its value times the weight.
type Tracking struct {
	Track
	Weight  int // −254…254
	Reverse bool
}

// Group is a sync-group: its members move together.
type Group struct {
	Name    string
	Members []string // router names
	Tracks  []Tracking
}

// Validate reports every fault of c, joined, or nil.
func (c *Config) Validate() error {
	var faults []error
	names := map[string]bool{}
	ids := map[vrrp.ID]string{}
	for i := range c.Routers {
		r := &c.Routers[i]
		if err := r.Config.Validate(); err != nil {
			faults = append(faults, fmt.Errorf("router %q: %w", r.Name, err))
		}
		if names[r.Name] {
			faults = append(faults, fmt.Errorf("router %q is given twice", r.Name))
		}
		if other, taken := ids[r.ID]; taken {
			faults = append(faults, fmt.Errorf("router %q: %v is already router %q", r.Name, r.ID, other))
		}
		faults = append(faults, validateTracks("router", r.Name, r.Tracks)...)
		names[r.Name] = true
		ids[r.ID] = r.Name
	}
	return errors.Join(append(faults, c.validateGroups(names)...)...)
}

func (c *Config) validateGroups(routers map[string]bool) (faults []error) {
	groups := map[string]bool{}
	member := map[string]string{}
	for _, g := range c.Groups {
		if groups[g.Name] || routers[g.Name] {
			faults = append(faults, fmt.Errorf("group %q: the name is taken", g.Name))
		}
		groups[g.Name] = true
		faults = append(faults, validateTracks("group", g.Name, g.Tracks)...)
		if len(g.Members) == 0 {
			faults = append(faults, fmt.Errorf("group %q has no members", g.Name))
		}
		for _, m := range g.Members {
			if !routers[m] {
				faults = append(faults, fmt.Errorf("group %q: there is no router %q", g.Name, m))
			}
			if other, taken := member[m]; taken {
				faults = append(faults, fmt.Errorf("group %q: router %q is already in group %q", g.Name, m, other))
			}
			member[m] = g.Name
		}
	}
	return faults
}

// maxWeight bounds a weight on either side.
const maxWeight = 254

func validateTracks(what, name string, tracks []Tracking) (faults []error) {
	for _, t := range tracks {
		if t.Weight < -maxWeight || t.Weight > maxWeight {
			faults = append(faults, fmt.Errorf("%s %q: %s %s: weight %d is not in %d…%d",
				what, name, t.Kind, t.Name, t.Weight, -maxWeight, maxWeight))
		}
	}
	return faults
}

// grouped returns each router's group, or "".
func (c *Config) grouped() map[string]string {
	of := map[string]string{}
	for _, g := range c.Groups {
		for _, m := range g.Members {
			of[m] = g.Name
		}
	}
	return of
}

// virtual returns every virtual address, sorted: none of them can be a
// router's own source address.
func (c *Config) virtual() []netip.Addr {
	var all []netip.Addr
	for _, r := range c.Routers {
		all = append(all, r.Addresses...)
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}
