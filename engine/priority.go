// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"

	"github.com/govrrp/vrrpd/vrrp"
)

// Term is one tracked object's part in a router's effective priority.
type Term struct {
	Tracking
	Level   Level
	Delta   int    // added to the configured priority
	Fault   string // why this object alone makes the router faulty; or ""
	Pending bool   // no result yet, and the router waits for it
}

// evaluate is the rule of weights: one object's level in, its term out. It is
// keepalived's, except that a file that cannot be read is a fault there is no
// overlooking.
func evaluate(t Tracking, l Level) Term {
	term := Term{Tracking: t, Level: l}
	sign := 1
	if t.Reverse {
		sign = -1
	}
	switch {
	case !l.Known:
		term.Pending = t.Weight == 0
	case t.Kind == TrackFile:
		evaluateFile(&term, sign)
	case t.Weight == 0:
		if l.Good == t.Reverse {
			term.Fault = faultText(t, l)
		}
	case l.Good && t.Weight > 0, !l.Good && t.Weight < 0:
		term.Delta = sign * t.Weight
	}
	return term
}

func evaluateFile(term *Term, sign int) {
	switch {
	case !term.Level.Good:
		term.Fault = faultText(term.Tracking, term.Level)
	case term.Weight == 0:
		if (term.Level.Value != 0) != term.Reverse {
			term.Fault = faultText(term.Tracking, term.Level)
		}
	default:
		term.Delta = max(-255, min(sign*term.Weight*clampValue(term.Level.Value), 253))
		if term.Delta <= -254 {
			term.Fault = faultText(term.Tracking, term.Level)
		}
	}
}

// clampValue keeps a file's number within what can matter, so that the
// product cannot overflow.
func clampValue(v int) int { return max(-1000, min(v, 1000)) }

func faultText(t Tracking, l Level) string {
	detail := l.Detail
	switch {
	case t.Kind == TrackFile && l.Good:
		detail = fmt.Sprintf("value %d", l.Value)
	case detail == "" && l.Good:
		detail = "good, and that is reversed"
	case detail == "":
		detail = "failed"
	}
	return fmt.Sprintf("%s %s: %s", t.Kind, t.Name, detail)
}

// effective adds the terms to the configured priority. The sum is clamped to
// 1…254 once, at the end; an address owner stays an owner.
func effective(configured uint8, terms []Term) uint8 {
	if configured == vrrp.PriorityOwner {
		return configured
	}
	sum := int(configured)
	for _, t := range terms {
		sum += t.Delta
	}
	return uint8(max(1, min(sum, vrrp.PriorityOwner-1)))
}
