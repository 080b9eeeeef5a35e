// SPDX-License-Identifier: Apache-2.0

package fakecloud

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Fault is what goes wrong with one request. The zero Fault is none.
type Fault struct {
	Delay      time.Duration // passes before anything else
	Reset      bool          // the connection breaks before the request has any effect
	DropReply  bool          // the request has its effect, then the connection breaks
	Garbage    bool          // the request has its effect, the reply's body is cut short
	Status     int           // refuse with this status and code
	Code       string
	RetryAfter string        // header of a refusal
	Stale      time.Duration // reads show the state as it was this long ago
	Before     func()        // a third party acts first
}

// Script decides the fate of the nth call (from 1) of an operation.
type Script func(op string, nth int) Fault

// Call is the record of one request.
type Call struct {
	Op        string
	Resource  string
	Principal string // who signed it
	Mutates   bool   // it asked for a change, granted or not
	Method    string
	Path      string
	Peer      string // the client's address
	Body      string
	RequestID string
	Nth       int
	Status    int // what was answered; 0 if nothing was
	Start     time.Time
	End       time.Time
	Together  int // mutations under way when it began, itself included
}

// Reply is what is answered.
type Reply struct {
	Status int
	Header map[string]string
	Body   []byte
}

// Core records calls and applies the script. Its zero value works.
type Core struct {
	// Refuse renders an error in the vendor's format.
	Refuse func(status int, code, message string) Reply
	// RequestIDHeader is the header that carries the request id of a reply.
	RequestIDHeader string

	mu      sync.Mutex
	script  Script
	calls   []*Call
	nth     map[string]int
	writing int
}

// SetScript installs a script of faults; nil removes it.
func (c *Core) SetScript(s Script) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.script = s
}

// Calls returns a copy of the record, in order of arrival.
func (c *Core) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Call, len(c.calls))
	for i, p := range c.calls {
		out[i] = *p
	}
	return out
}

// Count returns how many calls match.
func (c *Core) Count(match func(Call) bool) int {
	n := 0
	for _, call := range c.Calls() {
		if match(call) {
			n++
		}
	}
	return n
}

// Forget empties the record and restarts the counting of calls.
func (c *Core) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls, c.nth = nil, nil
}

// Serve takes one request through the record and the script, and answers it
// with what handle returns.
func (c *Core) Serve(w http.ResponseWriter, r *http.Request, call Call, handle func(Fault) Reply) {
	rec, f := c.begin(r, call)
	var rep Reply
	defer func() { c.end(rec, rep.Status) }()
	if f.Before != nil {
		f.Before()
	}
	if !sleep(r, f.Delay) || f.Reset {
		breakOff(w)
		return
	}
	switch {
	case f.Status != 0:
		rep = c.Refuse(f.Status, f.Code, "scripted fault")
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
	default:
		rep = handle(f)
	}
	if f.DropReply {
		rep.Status = 0
		breakOff(w)
		return
	}
	for k, v := range rep.Header {
		w.Header().Set(k, v)
	}
	if c.RequestIDHeader != "" {
		w.Header().Set(c.RequestIDHeader, rec.RequestID)
	}
	body := rep.Body
	if f.Garbage {
		body = body[:len(body)/2]
	}
	w.WriteHeader(rep.Status)
	_, _ = w.Write(body)
}

func (c *Core) begin(r *http.Request, call Call) (*Call, Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nth == nil {
		c.nth = map[string]int{}
	}
	c.nth[call.Op]++
	call.Nth = c.nth[call.Op]
	call.Method, call.Path, call.Peer = r.Method, r.URL.RequestURI(), r.RemoteAddr
	call.Start = time.Now()
	call.RequestID = fmt.Sprintf("req-%s-%d", call.Op, call.Nth)
	if call.Mutates {
		c.writing++
		call.Together = c.writing
	}
	c.calls = append(c.calls, &call)
	if c.script == nil {
		return &call, Fault{}
	}
	return &call, c.script(call.Op, call.Nth)
}

func (c *Core) end(call *Call, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call.Status, call.End = status, time.Now()
	if call.Mutates {
		c.writing--
	}
}

// sleep waits, and reports whether the client is still there.
func sleep(r *http.Request, d time.Duration) bool {
	if d == 0 {
		return true
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

// breakOff ends the connection without a reply.
func breakOff(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}
