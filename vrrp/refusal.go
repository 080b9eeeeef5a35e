// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// Refusal is the reason a received packet was discarded. It is an error, a
// metric label and the key of a counter in one; compare it with errors.Is.
// A refused packet changes nothing else: no timer, no state (RFC 9568 §7.1).
type Refusal uint8

// The reasons. Those of [Parse] come first, in the order in which it examines.
const (
	RefusedTooShort       Refusal = iota + 1 // shorter than the fixed header
	RefusedVersion                           // neither VRRPv2 nor VRRPv3, or not this router's version
	RefusedType                              // not an ADVERTISEMENT
	RefusedFamily                            // source and destination are not of one family
	RefusedVRID                              // VRID 0, or no such virtual router here
	RefusedAuthType                          // authentication type is not defined for the version
	RefusedInterval                          // zero, or (v2) not this router's interval
	RefusedLength                            // the address count does not fit the payload
	RefusedChecksum                          // no known checksum dialect matches
	RefusedTTL                               // TTL is not 255, or outside a peer's bounds
	RefusedDestination                       // multicast to a unicast router, or the reverse
	RefusedSource                            // unicast sender is not a configured peer
	RefusedOwnPacket                         // our own packet came back
	RefusedAuthMismatch                      // authentication type is not the configured one
	RefusedPassword                          // PASS data differs
	RefusedAddresses                         // address list differs and the strict rule is on
	RefusedHMACMissing                       // enforce mode and no trailer
	RefusedHMACUnexpected                    // a trailer, but no key is configured
	RefusedHMACMalformed                     // unknown scheme or reserved bits
	RefusedHMACKey                           // key id is not configured
	RefusedHMACStale                         // timestamp outside the window
	RefusedHMACBad                           // the MAC does not verify
	RefusedHMACReplay                        // sequence number not above the highest accepted
	RefusedInactive                          // INIT or FAULT: adverts are not heard
	refusalEnd
)

var refusalNames = [refusalEnd]string{
	RefusedTooShort:       "too_short",
	RefusedVersion:        "version",
	RefusedType:           "type",
	RefusedFamily:         "family",
	RefusedVRID:           "vrid",
	RefusedAuthType:       "auth_type",
	RefusedInterval:       "interval",
	RefusedLength:         "length",
	RefusedChecksum:       "checksum",
	RefusedTTL:            "ttl",
	RefusedDestination:    "destination",
	RefusedSource:         "source",
	RefusedOwnPacket:      "own_packet",
	RefusedAuthMismatch:   "auth_mismatch",
	RefusedPassword:       "password",
	RefusedAddresses:      "addresses",
	RefusedHMACMissing:    "hmac_missing",
	RefusedHMACUnexpected: "hmac_unexpected",
	RefusedHMACMalformed:  "hmac_malformed",
	RefusedHMACKey:        "hmac_key",
	RefusedHMACStale:      "hmac_stale",
	RefusedHMACBad:        "hmac_bad",
	RefusedHMACReplay:     "hmac_replay",
	RefusedInactive:       "inactive",
}

// String returns the metric label, such as "checksum".
func (r Refusal) String() string {
	if r == 0 || r >= refusalEnd {
		return "unknown"
	}
	return refusalNames[r]
}

func (r Refusal) Error() string { return "vrrp: refused: " + r.String() }

// Refusals returns every reason in order.
func Refusals() []Refusal {
	all := make([]Refusal, 0, refusalEnd-1)
	for r := RefusedTooShort; r < refusalEnd; r++ {
		all = append(all, r)
	}
	return all
}

// RefusalCounts counts refused packets by reason; index it with a [Refusal].
type RefusalCounts [refusalEnd]uint64

// refusalReports limits ReportRefusal.
type refusalReports [refusalEnd]struct {
	at         time.Time
	source     netip.Addr
	suppressed uint64
}

// The least time between two reports of one reason, by sender. A router of the
// other kind, unicast or multicast, may be there for ever and by intent.
const (
	reportSameSender  = 10 * time.Second
	reportOtherSender = time.Second
	reportOtherKind   = time.Hour
)

// renew makes the next refusal of each reason due: it means more to a MASTER.
func (l *refusalReports) renew() {
	for i := range l {
		l[i].at = time.Time{}
	}
}

func (l *refusalReports) due(why Refusal, src netip.Addr, now time.Time) (suppressed uint64, due bool) {
	slot := &l[why]
	quiet := reportOtherSender
	switch {
	case why == RefusedDestination:
		quiet = reportOtherKind
	case src == slot.source:
		quiet = reportSameSender
	}
	if !slot.at.IsZero() && now.Sub(slot.at) < quiet {
		slot.suppressed++
		return 0, false
	}
	suppressed = slot.suppressed
	slot.at, slot.source, slot.suppressed = now, src, 0
	return suppressed, true
}
