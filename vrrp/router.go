// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Router is one virtual router. It is not safe for concurrent use; one
// goroutine owns it.
type Router struct {
	cfg     Config
	running bool
	state   State
	since   time.Time

	faults      []string      // told by FaultsChanged
	ownership   ownership     // what was ordered of the host, and how that went
	toldSource  netip.Addr    // told by SourceChanged
	toldPrio    uint8         // told by PriorityChanged; 0 = not yet
	verdict     Verdict       // grouped routers
	vote        Vote          // last vote cast
	claims      bool          // grouped: Master_Down_Timer ran out and nobody better was heard since
	asideUntil  time.Time     // manual failover
	slept       time.Duration // suspended for so long since the timers last fired
	preemptOver bool          // the preempt delay has passed
	resigned    bool          // the MASTER resigned: the down timer runs Skew_Time only
	listening   bool          // woke up late: listening once more before taking over
	sending     sending

	master   MasterInfo
	interval time.Duration // Active_Adver_Interval: ours until a v3 MASTER teaches us
	timers   timers
	peers    peerTable
	hmac     *Authenticator
	own      AddressList
	counters Counters
	reports  refusalReports

	now     time.Time // of the current Step
	nextID  ActionID
	actions []Action
	packets []Packet
	buf     []byte
}

// sending is the newest advert and the run of send results.
type sending struct {
	id     ActionID
	at     time.Time // of the newest
	failed bool
}

// New returns a router in INIT. The error joins every fault of c.
func New(c Config) (*Router, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	r := &Router{cfg: c, verdict: VerdictBackup, vote: VoteYield, interval: c.Interval}
	r.configure(c)
	return r, nil
}

// configure derives what follows from the configuration alone.
func (r *Router) configure(c Config) {
	r.cfg = c
	r.own = MakeAddressList(c.ID.Family, c.Addresses)
	switch {
	case c.HMAC == nil:
		r.hmac = nil
	case r.hmac == nil:
		r.hmac = NewAuthenticator(*c.HMAC, c.Interval, c.peerAddresses()...)
	default:
		r.hmac.Reconfigure(*c.HMAC, c.Interval, c.peerAddresses()...)
	}
}

// ID returns the router's identity.
func (r *Router) ID() ID { return r.cfg.ID }

// State returns the current state.
func (r *Router) State() State { return r.state }

// Priority returns the effective priority.
func (r *Router) Priority() uint8 { return r.priority() }

// Vote returns what a grouped router last told its sync-group.
func (r *Router) Vote() Vote { return r.vote }

// Deadline returns when [TimerExpired] is due next; ok is false when no timer
// runs. Coming early is a no-op.
func (r *Router) Deadline() (at time.Time, ok bool) { return r.timers.next() }

// Step tells the router one fact and returns what it wants done, in order. It
// runs to completion and never blocks. The slice and the packets in it are
// valid until the next Step.
func (r *Router) Step(now time.Time, ev Event) []Action {
	r.now = now
	clear(r.actions)
	r.actions, r.packets, r.buf = r.actions[:0], r.packets[:0], r.buf[:0]
	switch ev := ev.(type) {
	case Started:
		r.start()
	case Stopped:
		r.stop()
	case TimerExpired:
		r.fire()
	case Suspended:
		r.suspended(ev.For)
	case AdvertReceived:
		r.receive(&ev)
	case *AdvertReceived:
		r.receive(ev)
	case PacketRefused:
		r.packetRefused(&ev)
	case *PacketRefused:
		r.packetRefused(ev)
	case FaultsChanged:
		r.faults = slices.Clone(ev.Faults)
		r.settleFaults(CauseFaultCleared)
	case SourceChanged:
		r.setSource(ev.Source)
	case PriorityChanged:
		r.setPriority(ev.Effective)
	case VerdictReached:
		r.obey(ev.Verdict)
	case PartnerResigned:
		r.hurry()
	case SteppedAside:
		r.stepAside(ev.Until)
	case Reconfigured:
		r.reconfigure(ev.Config)
	case OwnershipLost:
		r.restoreOwnership(ev.Detail)
	case ActionFinished:
		r.finished(ev)
	default:
		panic(fmt.Sprintf("vrrp: unknown event %T", ev))
	}
	r.castVote()
	r.assert()
	return r.actions
}

func (r *Router) do(a Action) { r.actions = append(r.actions, a) }

func (r *Router) id() ActionID {
	r.nextID++
	return r.nextID
}

func (r *Router) notice(n Notice, source netip.Addr, detail string) {
	r.do(ReportNotice{Notice: n, Source: source, Detail: detail, State: r.state, Priority: r.priority()})
}

// priority is the effective priority.
func (r *Router) priority() uint8 {
	if r.toldPrio != 0 {
		return r.toldPrio
	}
	return r.cfg.Priority
}

// source is the address adverts are sent from; invalid when there is none.
func (r *Router) source() netip.Addr {
	if r.cfg.Source.IsValid() {
		return r.cfg.Source
	}
	return r.toldSource
}

// unable reports whether the router has a fault of its own.
func (r *Router) unable() bool {
	return len(r.faults) > 0 || r.ownership.fault != "" || !r.source().IsValid()
}

// heldByGroup reports whether the group's FAULT keeps the router in FAULT.
func (r *Router) heldByGroup() bool { return r.cfg.Grouped && r.verdict == VerdictFault }

// liveFaults is every reason why the router cannot serve. The group is one
// only when the router has none of its own.
func (r *Router) liveFaults() []string {
	if !r.unable() && r.heldByGroup() {
		return []string{"sync group"}
	}
	faults := slices.Clone(r.faults)
	if !r.source().IsValid() {
		faults = append(faults, "no "+r.cfg.ID.Family.String()+" source address on "+r.cfg.ID.Interface)
	}
	if r.ownership.fault != "" {
		faults = append(faults, r.ownership.fault)
	}
	return faults
}

func (r *Router) skew() time.Duration {
	return SkewTime(r.cfg.Version, r.priority(), r.interval)
}

func (r *Router) masterDownInterval() time.Duration {
	return MasterDownInterval(r.cfg.Version, r.priority(), r.interval, r.cfg.DownAdverts)
}

// preempts reports whether a live MASTER of lower priority is displaced. The
// address owner always does (RFC 9568 §6.1, Preempt_Mode); a router that was
// told to step aside does not.
func (r *Router) preempts() bool {
	return !r.aside() && (!r.cfg.NoPreempt || r.priority() == PriorityOwner)
}

// aside reports whether a manual failover is in force.
func (r *Router) aside() bool { return r.now.Before(r.asideUntil) }

// setSource takes the interface's address: without one there is no serving.
func (r *Router) setSource(a netip.Addr) {
	r.toldSource = a
	if r.state == Master {
		r.master.Address = r.source()
	}
	r.settleFaults(CauseFaultCleared)
}

func (r *Router) setPriority(p uint8) {
	if p == 0 {
		panic("vrrp: effective priority 0")
	}
	before := r.priority()
	r.toldPrio = p
	r.priorityChanged(before)
}

func (r *Router) priorityChanged(before uint8) {
	p := r.priority()
	if before == p {
		return
	}
	r.notice(NoticePriority, netip.Addr{}, fmt.Sprintf("%d -> %d", before, p))
	if r.state == Master {
		r.master.Priority = p
	}
}

// fire runs every timer that is due, in the order of their names.
func (r *Router) fire() {
	if _, due := r.timers.take(timerStart, r.now); due {
		r.begin(CauseStartDelayOver)
	}
	if late, due := r.timers.take(timerMasterDown, r.now); due {
		r.masterDown(late)
	}
	if late, due := r.timers.take(timerAdvert, r.now); due {
		r.advertDue(late)
	}
	if _, due := r.timers.take(timerPreempt, r.now); due {
		r.preemptOver = true
	}
	if _, due := r.timers.take(timerAnnounce, r.now); due {
		r.announce(r.cfg.Announce.Repeat, 5)
	}
	if late, due := r.timers.take(timerRefresh, r.now); due {
		r.announce(r.cfg.Announce.RefreshRepeat, 1)
		r.timers[timerRefresh] = next(r.now, late, r.cfg.Announce.Refresh)
	}
	if late, due := r.timers.take(timerElsewhere, r.now); due {
		r.counters.Announcements++
		r.do(Announce{ID: r.id(), Repeat: 1, Elsewhere: true})
		r.timers[timerElsewhere] = next(r.now, late, r.cfg.Announce.Elsewhere)
	}
	if _, due := r.timers.take(timerLower, r.now); due {
		r.announce(r.cfg.Announce.LowerRepeat, 1)
	}
	if _, due := r.timers.take(timerRetry, r.now); due {
		r.ownership.fault = ""
		r.settleFaults(CauseFaultCleared)
	}
	if _, due := r.timers.take(timerRelease, r.now); due {
		r.orderOwnership(false)
	}
	r.slept = 0
	if at, ok := r.timers.next(); ok && !at.After(r.now) {
		panic(fmt.Sprintf("vrrp: %v in %v: deadline %v has not moved at %v", r.cfg.ID, r.state, at, r.now))
	}
}

// next is the following instant of an absolute schedule whose last one was
// due late before now: lateness never adds up, and missed instants are skipped.
func next(now time.Time, late, period time.Duration) time.Time {
	return now.Add(period - late%period)
}

// assert panics when the state and what goes with it disagree: a bug, never
// the consequence of outside input.
func (r *Router) assert() {
	type wants struct{ masterDown, advert, own bool }
	want := wants{masterDown: r.state == Backup, advert: r.state == Master, own: r.state == Master}
	have := wants{r.timers.armed(timerMasterDown), r.timers.armed(timerAdvert), r.ownership.own}
	if have != want {
		panic(fmt.Sprintf("vrrp: %v in %v: have %+v, want %+v", r.cfg.ID, r.state, have, want))
	}
}
