// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Fault is what goes wrong with one request. The zero Fault is none.
type Fault struct {
	Delay     time.Duration // before anything is looked at
	Reset     bool          // the connection ends before anything is done
	DropReply bool          // it is done, and the connection ends without a reply
	Late      time.Duration // the client gets a reset now; it is done this much later
	Stale     time.Duration // a read shows the state of that long ago
	Status    int           // answer with this, after authorisation
	Code      string        // EC2's code; with Status
	Message   string
	Body      string // the raw body, in place of Code and Message
	Then      func() // a third party acts now, before the request is looked at
}

// Request is one request that arrived.
type Request struct {
	At      time.Time
	Node    string // who sent it; "" if the signature did not say
	Service string // "ec2" or "metadata"
	Op      string // "AssignPrivateIpAddresses"; "GET /latest/…"
	Params  url.Values
	Status  int
	Code    string
	Changed bool // it changed the world
}

// DryRun reports whether the request asked to be refused.
func (r Request) DryRun() bool { return r.Params.Get("DryRun") == "true" }

// Mutates reports whether the operation could change something.
func (r Request) Mutates() bool {
	return r.Service == "ec2" && len(r.Op) > 0 && !isDescribe(r.Op)
}

// FaultFunc decides the fate of each request. It is not called concurrently,
// and must not call back into the world; Fault.Then may.
type FaultFunc func(Request) Fault

// SetFault installs the script of faults; nil removes it.
func (w *World) SetFault(f FaultFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = f
}

func (w *World) fault(rq Request) Fault {
	w.mu.Lock()
	var f Fault
	if w.faults != nil {
		f = w.faults(rq)
	}
	w.mu.Unlock()
	if f.Then != nil {
		f.Then()
	}
	return f
}

func (w *World) record(rq Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = append(w.requests, rq)
}

// Requests returns everything that arrived, in the order of completion.
func (w *World) Requests() []Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.requests)
}

// Calls returns the requests to the API with the given operation, those of one
// node if name is not empty.
func (w *World) Calls(name, op string) []Request {
	var out []Request
	for _, r := range w.Requests() {
		if r.Op == op && (name == "" || r.Node == name) {
			out = append(out, r)
		}
	}
	return out
}

// Writes returns the requests of a node (of all if name is empty) that could
// have changed something: all but descriptions and dry runs.
func (w *World) Writes(name string) []Request {
	var out []Request
	for _, r := range w.Requests() {
		if r.Mutates() && !r.DryRun() && (name == "" || r.Node == name) {
			out = append(out, r)
		}
	}
	return out
}

// sleep waits, and reports whether the client is still there.
func sleep(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return r.Context().Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-r.Context().Done():
		return false
	case <-t.C:
		return true
	}
}
