// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"net/netip"
	"strings"
)

// Action is an order a [Router] gives. Carry them out in the order returned.
type Action interface{ action() }

// ActionID ties an action to its [ActionFinished]. IDs grow by one per router.
type ActionID uint64

// SendAdvert asks for each packet to be sent at once. Its ActionFinished
// carries the joined errors of the packets that could not be sent.
type SendAdvert struct {
	ID       ActionID
	Priority uint8 // as in the packets, for logs and tests
	Packets  []Packet
}

// SetOwnership is the wanted state of the virtual addresses on this host. A
// newer one supersedes an older one that is still being carried out; the
// older one's ActionFinished may then carry any error.
type SetOwnership struct {
	ID  ActionID
	Own bool
}

// Announce asks for gratuitous ARP (IPv4) or unsolicited neighbour
// advertisements (IPv6) for every owned address, after the SetOwnership
// before it has succeeded (RFC 9568 §6.4.1, §6.4.2).
type Announce struct {
	ID     ActionID
	Repeat int // frames per address, at least 1
	// Elsewhere asks for one frame from each interface and virtual MAC address
	// that adverts do not leave from, for the switches to keep its port.
	Elsewhere bool
}

// CastVote tells the sync-group how this member votes.
type CastVote struct{ Vote Vote }

// ReportTransition tells that the state changed.
type ReportTransition struct {
	From, To State
	Cause    Cause
	Priority uint8 // effective priority at that moment
	// Before is, on becoming MASTER, the MASTER that was heard until then; its
	// Address is zero if nobody was.
	Before MasterInfo
}

// ReportRefusal tells that packets were discarded. Every one is counted, but
// reports are limited to one a reason and second, to one a reason and ten
// seconds while the sender stays the same, and to one an hour of
// [RefusedDestination]. Becoming MASTER makes each of them due again.
type ReportRefusal struct {
	Reason     Refusal
	Source     netip.Addr
	Detail     string // what was heard and what was wanted
	Suppressed uint64 // refusals for this reason since the last report
}

// ReportNotice tells something worth a log line or an alarm that changed no
// state.
type ReportNotice struct {
	Notice   Notice
	Source   netip.Addr // of the advert concerned; may be invalid
	Detail   string
	State    State
	Priority uint8 // effective
}

func (SendAdvert) action()       {}
func (SetOwnership) action()     {}
func (Announce) action()         {}
func (CastVote) action()         {}
func (ReportTransition) action() {}
func (ReportRefusal) action()    {}
func (ReportNotice) action()     {}

// Cause says why a transition happened.
type Cause struct {
	Code   CauseCode
	Detail string // for people; may be empty
}

func (c Cause) String() string {
	if c.Detail == "" {
		return string(c.Code)
	}
	return string(c.Code) + ": " + c.Detail
}

// CauseCode is a stable name for a cause.
type CauseCode string

// The causes.
const (
	CauseStarted        CauseCode = "started"
	CauseStopped        CauseCode = "stopped"
	CauseOwner          CauseCode = "address owner"
	CauseMasterDown     CauseCode = "master down"      // Master_Down_Interval passed in silence
	CauseMasterResigned CauseCode = "master resigned"  // priority 0 was heard
	CausePreempted      CauseCode = "preempting"       // adverts heard were of lower priority
	CauseBetterHeard    CauseCode = "better master"    // higher priority, or equal and higher address
	CauseFault          CauseCode = "fault"            // the set of faults became non-empty
	CauseFaultCleared   CauseCode = "fault cleared"    // the set of faults became empty
	CauseStartDelay     CauseCode = "start delay"      // held in INIT
	CauseStartDelayOver CauseCode = "start delay over" //
	CauseGroup          CauseCode = "sync group"
	CauseStepAside      CauseCode = "manual failover"
	CauseStalled        CauseCode = "stalled" // woke up later than Master_Down_Interval
	CauseOwnership      CauseCode = "cannot own addresses"
)

// Notice names a [ReportNotice].
type Notice string

// The notices.
const (
	NoticeLowerPriority  Notice = "lower_priority_advert"  // MASTER heard a lower one; stays
	NoticeSecondOwner    Notice = "second_owner"           // two routers claim priority 255
	NoticeAddressList    Notice = "address_list_mismatch"  // accepted, but the lists differ
	NoticeChecksum       Notice = "checksum_dialect"       // a peer's dialect was learnt or changed
	NoticeStalled        Notice = "late_wakeup"            // a timer fired more than one interval late
	NoticeSendFailed     Notice = "send_failed"            // first of a run of failures
	NoticeSendRecovered  Notice = "send_recovered"         //
	NoticeHMACSkew       Notice = "hmac_clock_skew"        // accepted, skew above half the window
	NoticeInterval       Notice = "interval_learnt"        // v3: the MASTER's interval differs from ours
	NoticeConfigMismatch Notice = "configuration_mismatch" // MASTER refuses another MASTER: there are two
	NoticePriority       Notice = "priority_changed"       // effective priority changed
	NoticeMasterResigned Notice = "master_resigned"        // BACKUP heard priority 0
	NoticeOwnership      Notice = "ownership_failed"       // addresses could not be added or removed
	NoticeOwnershipLost  Notice = "ownership_lost"         // something else removed an address
	NoticePreemptDelay   Notice = "preempt_delay_started"  //
	NoticeEqualPriority  Notice = "equal_priority"         // a peer has our priority
)

// Vote is a member's say in its sync-group, computed from its own inputs.
type Vote uint8

// The votes.
const (
	VoteUnable Vote = iota // has a fault of its own
	VoteYield              // hears a better router, still waits, or does not run
	VoteClaim              // would be MASTER
)

func (v Vote) String() string {
	return [...]string{"unable", "yield", "claim"}[min(v, VoteClaim)]
}

// Verdict is a sync-group's ruling for all of its members.
type Verdict uint8

// The verdicts.
const (
	VerdictFault Verdict = iota
	VerdictBackup
	VerdictMaster
)

func (v Verdict) String() string {
	return [...]string{"FAULT", "BACKUP", "MASTER"}[min(v, VerdictMaster)]
}

func (a SendAdvert) String() string {
	to := make([]string, len(a.Packets))
	for i, p := range a.Packets {
		to[i] = p.Destination.String()
	}
	return fmt.Sprintf("send #%d advert priority=%d to %s", a.ID, a.Priority, strings.Join(to, " "))
}

func (a SetOwnership) String() string {
	if a.Own {
		return fmt.Sprintf("own #%d", a.ID)
	}
	return fmt.Sprintf("release #%d", a.ID)
}

func (a Announce) String() string {
	if a.Elsewhere {
		return fmt.Sprintf("announce #%d elsewhere", a.ID)
	}
	return fmt.Sprintf("announce #%d x%d", a.ID, a.Repeat)
}

func (a CastVote) String() string { return "vote " + a.Vote.String() }

func (a ReportTransition) String() string {
	return fmt.Sprintf("%v -> %v (%v)", a.From, a.To, a.Cause)
}

func (a ReportRefusal) String() string {
	return withDetail(fmt.Sprintf("refused %v from %v", a.Reason.String(), a.Source), a.Detail)
}

func (a ReportNotice) String() string {
	text := "notice " + string(a.Notice)
	if a.Source.IsValid() {
		text += " from " + a.Source.String()
	}
	return withDetail(text, a.Detail)
}

func withDetail(text, detail string) string {
	if detail == "" {
		return text
	}
	return text + ": " + detail
}
