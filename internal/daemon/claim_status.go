// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/runner"
	"github.com/govrrp/vrrpd/vrrp"
)

// claimStatus is one claim in the status.
type claimStatus struct {
	cloud.Status
	// Fault says why this node must not be MASTER.
	Fault   string         `json:"fault,omitempty"`
	Probe   *probeStatus   `json:"probe,omitempty"`
	Capture *captureStatus `json:"capture,omitempty"`
}

// probeStatus is the port of a load balancer's probe.
type probeStatus struct {
	Port  int    `json:"port"`
	Open  bool   `json:"open"`
	Error string `json:"error,omitempty"`
}

// captureStatus is what was learned of the home node's routes.
type captureStatus struct {
	Home    string    `json:"home,omitempty"` // the cloud's handle of it
	Routes  int       `json:"routes"`
	Learned time.Time `json:"learned,omitzero"`
}

// status returns the claims of a subject as the status shows them, or nil.
func (c *claims) status(who notify.Subject) json.RawMessage {
	var all []claimStatus
	for key, run := range c.all() {
		if key.who == who {
			all = append(all, run.show())
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b claimStatus) int { return strings.Compare(a.Name, b.Name) })
	text, err := json.Marshal(all)
	if err != nil {
		return nil // there is nothing in it that JSON cannot express
	}
	return text
}

func (r *claimRun) show() claimStatus {
	s := claimStatus{Status: r.claim.Status()}
	s.Findings = slices.Clone(s.Findings)
	if r.keeper != nil {
		stored := r.keeper.Stored()
		s.Findings = append(s.Findings, r.keeper.Findings()...)
		s.Capture = &captureStatus{Home: stored.Home, Routes: len(stored.Routes), Learned: stored.At}
	}
	if r.probe != nil {
		s.Probe = &probeStatus{Port: r.spec.conf.ProbePort, Open: r.probe.Addr().IsValid()}
		if err := r.probe.Err(); err != nil {
			s.Probe.Error = err.Error()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Fault = r.fault
	if r.differ != "" {
		s.Findings = append(s.Findings, cloud.Finding{
			Severity: cloud.SeverityWarn, Check: "peer", Text: r.differ, Fix: "vrrpd check FILE PEER-FILE compares the two configurations",
		})
	}
	for _, a := range r.strays {
		s.Findings = append(s.Findings, strayFinding(a))
	}
	return s
}

// stray is a virtual address that the kernel has although this node is not
// MASTER.
type stray struct {
	addr netip.Addr
	link string
}

func strayFinding(s stray) cloud.Finding {
	return cloud.Finding{
		Severity: cloud.SeverityWarn, Check: "other_agent", Item: cloud.VIP(s.addr).Key(),
		Text: s.addr.String() + " is on " + s.link + " although this node is not MASTER: something else put it there",
		Fix:  "keep the cloud's agents and the system's network configuration (amazon-ec2-net-utils, cloud-init, netplan) off this address",
	}
}

// watchedLinks lets claims know what addresses the kernel has.
type watchedLinks struct {
	runner.Links
	saw func(engine.LinkChanged)
}

// List implements runner.Links.
func (w watchedLinks) List(ctx context.Context) ([]engine.LinkChanged, error) {
	all, err := w.Links.List(ctx)
	for _, l := range all {
		w.saw(l)
	}
	return all, err
}

// Watch implements runner.Links.
func (w watchedLinks) Watch(ctx context.Context, yield func(engine.LinkChanged)) error {
	return w.Links.Watch(ctx, func(l engine.LinkChanged) {
		w.saw(l)
		yield(l)
	})
}

// sawLink keeps what addresses the kernel has.
func (c *claims) sawLink(l engine.LinkChanged) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for a, link := range c.local {
		if link == l.Interface {
			delete(c.local, a)
		}
	}
	for _, p := range l.Addresses {
		if l.Present {
			c.local[p.Addr()] = l.Interface
		}
	}
}

// strayAfter is how long a node may have been demoted with the address still
// on its way out.
const strayAfter = 5 * time.Second

// lookForStrays notes which virtual addresses a node that is not MASTER has all
// the same, and tells of new ones.
func (r *claimRun) lookForStrays() {
	var found []stray
	c := r.owner
	c.mu.Lock()
	if t := c.told[r.spec.key.who]; t.state != vrrp.Master && time.Since(t.at) > r.spec.conf.Linger+strayAfter {
		for _, a := range r.spec.vips {
			if link, has := c.local[a]; has {
				found = append(found, stray{a, link})
			}
		}
	}
	c.mu.Unlock()
	r.mu.Lock()
	before := r.strays
	r.strays = found
	r.mu.Unlock()
	for _, s := range found {
		if !slices.Contains(before, s) {
			f := strayFinding(s)
			c.opts.Log.Warn("cloud claim: "+f.Text, "claim", r.spec.key.String(), "fix", f.Fix)
		}
	}
}
