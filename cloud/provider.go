// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"net/netip"
	"time"
)

// Provider is one vendor's cloud, seen from one node. A provider keeps handles
// and credentials, but no opinion: it never retries, never sleeps, never waits
// for an operation to finish, and never writes except in Apply. Its methods
// must be safe for concurrent use and return promptly when ctx ends.
//
// Optional abilities are the interfaces [Refresher], [Warmer], [Checker] and
// [RouteLister].
type Provider interface {
	// Discover finds this node and its network interfaces, from the metadata
	// service and by reads. It is called at start, again every ten minutes,
	// and when something turned out to be Absent. Errors are [*Error].
	Discover(ctx context.Context) (Node, error)

	// Observe reads the ownership of the items, one Observed per item in the
	// same order. It never writes. What could not be read is Owner Unknown
	// with its own Err: never all-or-nothing, and never None or Other for the
	// sake of an error. None means the vendor said so: the object exists
	// unattached, or (a Route; an address on AWS or Azure) is in no table or
	// on no interface. An object that must exist before it can be moved, and
	// does not (an OCI private IP), is Unknown with class Absent.
	//
	// While the vendor still carries out an earlier write on the object
	// (whoever sent it), the item is Unknown with class Busy and a Hint.
	// Observe is where a long-running operation is polled: one look per call.
	Observe(ctx context.Context, node Node, items []Item) []Observed

	// Plan says which writes make this node the owner. It is pure: no I/O, no
	// clock, no retained state, same input same output, whatever the order of
	// observed. It is given observations of the current generation only, and
	// must plan nothing for items that are Self or Unknown. Plan after a
	// successful Apply of all its steps, seen by Observe, is empty. Every
	// write is conditioned on Observed.Version where the vendor can.
	Plan(node Node, observed []Observed) []Step

	// Apply carries out one step with at most one mutating request. It asks
	// fence.Allowed immediately before the bytes of that request are sent
	// (see [WithFence] for doing so inside an HTTP transport) and sends
	// nothing when it returns an error. No retry inside, whatever happens.
	Apply(ctx context.Context, fence Fence, step Step) Outcome
}

// Fence says whether this node may write now. Providers consult it and must
// not cache the answer.
type Fence interface {
	// Allowed returns nil, or why not: an error that wraps [ErrFenced], or
	// [ErrDryRun] when everything but the write itself is wanted.
	Allowed() error
}

// Step is one mutation of a plan.
type Step struct {
	// Op is the vendor's name of the operation ("UpdatePrivateIp").
	Op string
	// Resource is the vendor's id of the object that is written.
	Resource string
	// Items are the items whose ownership the step changes; never empty. A
	// whole-table write covers many.
	Items []Item
	// Serial, if not empty, names what must not be written concurrently (a
	// table, a network interface): steps with the same Serial run one by one,
	// in plan order.
	Serial string
	// After lists indexes of earlier steps in the same plan that must have
	// been Done or Pending before this one may start (detach → attach). If one
	// of them was not, this step is skipped and planned afresh later.
	After []int
	// Before is the observation the step is based on, for the audit log and
	// the compare-and-swap; the first item's, if there are many.
	Before Observed
	// Data is for the provider alone. It is never logged.
	Data any
}

// Outcome is the evidence a write left. It paces the reconciler and feeds the
// audit log; ownership is decided by the next Observe alone.
type Outcome struct {
	// Class is Done, Pending (accepted, still being carried out), or why not.
	Class Class
	// Err is nil for Done and Pending.
	Err error
	// Hint is how long the vendor asked to wait, zero if it did not.
	Hint time.Duration
	// Status and RequestID are the HTTP status and the vendor's request id,
	// for the audit log; zero when no reply came.
	Status    int
	RequestID string
	// Version is the version after the write, if the reply told.
	Version string
}

// Refresher is a Provider whose credentials can be renewed on demand. It is
// asked at most once per 30 s, after an error of class Credentials.
type Refresher interface {
	Refresh(ctx context.Context) error
}

// Warmer is a Provider that can keep its connection and credentials ready. It
// is called every 25 s, on a BACKUP too: one cheap authenticated read, so that
// the first packet of a claim is already the write. Warm also renews
// credentials that are past half of their life.
type Warmer interface {
	Warm(ctx context.Context) error
}

// Checker is a Provider with a preflight.
type Checker interface {
	// Check looks for what would make a takeover fail, without changing
	// anything. With opts.ProbeWrites it also sends writes that the vendor
	// must refuse after it has authorised them (a wrong etag, a dry run).
	Check(ctx context.Context, items []Item, opts CheckOptions) []Finding
}

// CheckOptions are the options of [Checker].
type CheckOptions struct {
	// ProbeWrites allows negative probes of write permissions.
	ProbeWrites bool
	// Peer is the other node's private address; the zero Addr skips the
	// checks of the peer's interface.
	Peer netip.Addr
	// Now is the local wall clock, compared with the vendor's Date header.
	Now func() time.Time
}

// Severity ranks a [Finding].
type Severity uint8

// The severities, in rising order.
const (
	SeverityOK Severity = iota
	SeverityWarn
	SeverityFail
)

// String returns "ok", "warn" or "fail".
func (s Severity) String() string {
	return [...]string{"ok", "warn", "fail"}[min(s, SeverityFail)]
}

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one result of a preflight, or one thing a claim has to tell.
type Finding struct {
	Severity Severity `json:"severity"`
	// Check is a short stable name: "forwarding", "permission", "clock".
	Check string `json:"check"`
	// Item is the key of the item concerned, if it is one.
	Item string `json:"item,omitempty"`
	// Text says what was found.
	Text string `json:"text"`
	// Fix says what to do, in words or as policy text to paste.
	Fix string `json:"fix,omitempty"`
	// Permission is the exact missing permission, in the vendor's spelling.
	Permission string `json:"permission,omitempty"`
}

// RouteScope selects route tables. The conditions are joined by "and"; the
// zero scope selects nothing.
type RouteScope struct {
	Tables  []string // ids or names
	Network string   // the VPC, VCN or virtual network
	Tag     string   // "key=value"
}

// RouteEntry is one entry of a route table in scope.
type RouteEntry struct {
	Table      string
	Dest       netip.Prefix // or
	PrefixList string
	Holder     string // the next hop, as in Observed.Holder
	Version    string // of the table or route
	// Local marks the fabric's own routes, which nobody may change.
	Local bool
	// Blackhole marks a route whose next hop is gone or down.
	Blackhole bool
}

// RouteLister is a Provider that can list routes, for route capture and for
// tables that are chosen by tag or network.
type RouteLister interface {
	// Routes lists every entry of every table in scope, sorted by table and
	// destination. An error means that the list is not complete.
	Routes(ctx context.Context, node Node, scope RouteScope) ([]RouteEntry, error)
	// HolderOf resolves a private address to the holder that routes through
	// it show; the peer's for capture.
	HolderOf(ctx context.Context, node Node, addr netip.Addr) (string, error)
}
