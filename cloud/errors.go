// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Class says what the reconciler does about an outcome. Each provider has one
// table of [Rule] that turns the vendor's status and code into a class.
type Class uint8

// The classes. The zero value is ClassUnknown: an outcome nobody understood is
// one that must be looked at by a read before anything else is done.
const (
	ClassUnknown     Class = iota // timeout, reset, 5xx, unparseable: observe before any retry, back off
	ClassDone                     // the vendor says the write is effective
	ClassPending                  // accepted, being carried out; Observe will tell
	ClassConflict                 // the version read is no longer the current one: observe again now
	ClassBusy                     // the object is locked by another operation: wait for the hint, at most 5 s
	ClassThrottle                 // too many requests: full-jitter back-off, own rate halved
	ClassCredentials              // token or key rejected: refresh once, retry once, then alarm
	ClassDenied                   // not permitted: alarm with the permission, retry every 50 s
	ClassOccupied                 // still attached elsewhere: observe again now, finish the detach
	ClassLimit                    // quota or slot limit: alarm, retry every 50 s
	ClassAbsent                   // the object is not there: discover again once, then back off
	ClassInvalid                  // the vendor calls the request malformed: alarm, retry every 50 s
	ClassFenced                   // not sent: this node may not write now
	ClassDryRun                   // not sent: dry run
)

var classNames = [...]string{
	"unknown", "done", "pending", "conflict", "busy", "throttle", "credentials", "denied",
	"occupied", "limit", "absent", "invalid", "fenced", "dry_run",
}

// String returns the word used in logs, audit lines and metric labels.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// MarshalText implements encoding.TextMarshaler with the word of [Class.String].
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Sentinel errors of the fence.
var (
	// ErrFenced means that this node may not write now; the error that wraps
	// it says why.
	ErrFenced = errors.New("write refused by the fence")
	// ErrDryRun means that the write would have been sent.
	ErrDryRun = errors.New("dry run: write not sent")
)

// Error is a vendor's error with its class. Providers return it wherever the
// contract of [Provider] mentions an error. Its text holds no secret.
type Error struct {
	Class     Class
	Op        string // the vendor's operation
	Code      string // the vendor's code, if the reply had one
	Status    int    // the HTTP status, 0 if no reply came
	RequestID string
	Hint      time.Duration // how long the vendor asked to wait
	// Permission is the exact permission that is missing, when Class is Denied.
	Permission string
	// Err is the cause: a transport error, or the vendor's message.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	s := e.Op
	if e.Status != 0 || e.Code != "" {
		s += fmt.Sprintf(": %d %s", e.Status, e.Code)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Permission != "" {
		s += " (needs " + e.Permission + ")"
	}
	if e.RequestID != "" {
		s += " [request " + e.RequestID + "]"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of an error: of the *Error it wraps, of the fence's
// sentinels, Done for nil, and Unknown for everything else.
func ClassOf(err error) Class {
	var e *Error
	switch {
	case err == nil:
		return ClassDone
	case errors.Is(err, ErrDryRun):
		return ClassDryRun
	case errors.Is(err, ErrFenced):
		return ClassFenced
	case errors.As(err, &e):
		return e.Class
	default:
		return ClassUnknown
	}
}

// Failed turns an error of Apply into an Outcome, taking class, hint, status
// and request id from the *Error it wraps. Failed(nil) is Done.
func Failed(err error) Outcome {
	out := Outcome{Class: ClassOf(err), Err: err}
	var e *Error
	if errors.As(err, &e) {
		out.Hint, out.Status, out.RequestID = e.Hint, e.Status, e.RequestID
	}
	return out
}

// Cure says what a person can do about a request that got no reply, and
// nothing about other errors: those name what they need.
func Cure(err error) string {
	var e *Error
	if !errors.As(err, &e) || e.Class != ClassUnknown || e.Status != 0 {
		return ""
	}
	return "this node must reach it from its own address, not by way of the virtual one: look at routes, security rules, name resolution and HTTPS_PROXY"
}

// Rule is one line of a vendor's error table. The zero Status and the empty
// Code match everything, so order matters: the first match wins.
type Rule struct {
	Status int
	Code   string
	Class  Class
}

// Classify looks a reply up in a vendor's table. What matches no rule is
// Unknown when the status is 0, 1xx, 3xx or 5xx (nobody knows what happened),
// and Invalid for the rest of 4xx.
func Classify(rules []Rule, status int, code string) Class {
	for _, r := range rules {
		if (r.Status == 0 || r.Status == status) && (r.Code == "" || r.Code == code) {
			return r.Class
		}
	}
	switch {
	case status >= 200 && status < 300:
		return ClassDone
	case status >= 400 && status < 500:
		return ClassInvalid
	default:
		return ClassUnknown
	}
}

type fenceKey struct{}

// WithFence returns a context that carries the fence to where the bytes are
// sent: the HTTP transport of package cloud/transport asks it there.
func WithFence(ctx context.Context, f Fence) context.Context {
	return context.WithValue(ctx, fenceKey{}, f)
}

// FenceFrom returns the fence of [WithFence], nil if there is none.
func FenceFrom(ctx context.Context) Fence {
	f, _ := ctx.Value(fenceKey{}).(Fence)
	return f
}
