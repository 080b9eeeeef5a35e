// SPDX-License-Identifier: Apache-2.0

package control

import (
	"net/netip"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/vrrp"
)

// Snapshot is what the running parts know of themselves.
type Snapshot struct {
	Engine         engine.Status
	Notify         []notify.Result
	FramesDropped  uint64
	FramesFiltered uint64
}

// Fill puts a snapshot into the status format.
func (s *Status) Fill(from Snapshot) {
	s.Version = 1
	s.FramesDropped, s.FramesFiltered = from.FramesDropped, from.FramesFiltered
	s.Instances, s.SyncGroups = []Instance{}, []Group{}
	for _, r := range from.Engine.Routers {
		i := instance(r)
		i.Notify = notifications(notify.Subject{Kind: notify.Instance, Name: r.Name}, from.Notify)
		s.Instances = append(s.Instances, i)
	}
	for _, g := range from.Engine.Groups {
		s.SyncGroups = append(s.SyncGroups, Group{
			Name: g.Name, State: g.State.String(), Since: g.Since, Members: g.Members,
			Notify: notifications(notify.Subject{Kind: notify.Group, Name: g.Name}, from.Notify),
		})
	}
	s.Refused = map[string]map[string]uint64{}
	for _, r := range from.Engine.Refused {
		s.Refused[r.Interface] = counts(r.Counts)
	}
}

func instance(r engine.RouterStatus) Instance {
	i := Instance{
		Name: r.Name, State: r.State.String(), Since: r.Since,
		Interface: r.ID.Interface, VRID: int(r.ID.VRID), Family: r.ID.Family.String(), VRRPVersion: int(r.Version),
		Priority:   Priority{Configured: int(r.Configured), Effective: int(r.Priority), Terms: []Term{}},
		Interval:   r.Interval.Seconds(),
		MasterDown: r.MasterDown.Seconds(),
		Source:     text(r.Source),
		Addresses:  []string{},
		Peers:      []Peer{},
		SyncGroup:  r.Group,
		Faults:     []Fault{},
		Waiting:    r.Waiting,
		HeldUntil:  instant(r.StartDelayed),
		AsideUntil: instant(r.AsideUntil),

		Transitions: r.Counters.Transitions,
		Counters:    counters(r.Counters),
	}
	if r.Master.Address.IsValid() {
		i.Master = &Master{text(r.Master.Address), int(r.Master.Priority), instant(r.Master.LastHeard)}
	}
	for _, t := range r.Terms {
		i.Priority.Terms = append(i.Priority.Terms, Term{
			Kind: string(t.Kind), Name: t.Name, Weight: t.Weight,
			Good: t.Level.Good, Known: t.Level.Known, Delta: t.Delta, Detail: t.Level.Detail,
		})
	}
	for _, a := range r.Addresses {
		i.Addresses = append(i.Addresses, a.String())
	}
	for _, p := range r.Peers {
		i.Peers = append(i.Peers, peer(p))
	}
	for _, f := range r.Faults {
		i.Faults = append(i.Faults, Fault{f.Reason, f.Since})
	}
	if r.Broken != "" {
		i.State = vrrp.Fault.String()
		i.Faults = append(i.Faults, Fault{"internal error, out of service until restart or reload: " + r.Broken, r.Since})
	}
	return i
}

func peer(p vrrp.PeerStatus) Peer {
	return Peer{
		Address: text(p.Address), LastHeard: instant(p.LastHeard), Adverts: p.Adverts,
		Priority: int(p.Priority), Interval: p.Interval.Seconds(), Checksum: p.Checksum.String(),
		AddressesDiffer: p.AddressesDiffer, EqualPriority: p.EqualPriority,
	}
}

func counters(c vrrp.Counters) Counters {
	return Counters{
		AdvertsSent: c.AdvertsSent, AdvertsReceived: c.AdvertsReceived,
		PriorityZeroSent: c.PriorityZeroSent, PriorityZeroReceived: c.PriorityZeroReceived,
		BecameMaster: c.BecameMaster, ReleasedMaster: c.ReleasedMaster,
		Announcements: c.Announcements, SendErrors: c.SendErrors, ActionErrors: c.ActionErrors,
		OwnershipLost: c.OwnershipLost, LateWakeups: c.LateWakeups, MaxLateness: c.MaxLateness.Seconds(),
		Suspensions: c.Suspensions, SuspendedFor: c.SuspendedFor.Seconds(),
		Refused: counts(c.Refused),
	}
}

// counts lists every reason, zero included, so that a reader can tell a
// counter that stands at zero from one that does not exist.
func counts(c vrrp.RefusalCounts) map[string]uint64 {
	m := map[string]uint64{}
	for _, why := range vrrp.Refusals() {
		m[why.String()] = c[why]
	}
	return m
}

func notifications(who notify.Subject, results []notify.Result) []Notification {
	list := []Notification{}
	for _, r := range results {
		if r.Subject != who {
			continue
		}
		n := Notification{
			Target: r.Target, State: string(r.State), Result: "ok", At: r.At, Seconds: r.Duration.Seconds(),
			Exit: r.Exit, Output: r.Output, Runs: r.Runs, Failures: r.Failures, Superseded: r.Superseded,
		}
		switch {
		case r.Running:
			n.Result = "running"
		case r.Err != "":
			n.Result = r.Err
		}
		list = append(list, n)
	}
	return list
}

func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
