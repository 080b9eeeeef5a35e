// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"
)

// HMACMode says what a router signs and demands (draft-cassen-vrrp-auth-hmac).
type HMACMode uint8

// The modes; a roll-out goes from the last to the first.
const (
	HMACEnforce     HMACMode = iota // sign, and require a trailer
	HMACPermissive                  // sign, accept adverts without one
	HMACReceiveOnly                 // verify a trailer that is present, send none
)

// HMACKey is one key: an id 1…255 and 32…64 secret bytes. It prints without the secret.
type HMACKey struct {
	ID     uint8
	Secret []byte
}

func (k HMACKey) String() string   { return fmt.Sprintf("key %d ***", k.ID) }
func (k HMACKey) GoString() string { return k.String() }

// MarshalText keeps the secret out of JSON and logs.
func (k HMACKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// HMAC configures authenticated adverts.
type HMAC struct {
	Keys      []HMACKey
	ActiveKey uint8         // the key that signs
	Mode      HMACMode      //
	Monotonic bool          // replay protection by sequence alone, without a clock window
	Window    time.Duration // 1 s…300 s; zero = max(3 × interval, 5 s)
}

// Validate reports every fault of h, joined, or nil.
func (h *HMAC) Validate() error {
	var faults []error
	active := false
	seen := [256]bool{}
	for _, k := range h.Keys {
		switch {
		case k.ID == 0:
			faults = append(faults, errors.New("hmac key id must be 1…255"))
		case seen[k.ID]:
			faults = append(faults, fmt.Errorf("hmac key %d is given twice", k.ID))
		}
		if len(k.Secret) < 32 || len(k.Secret) > 64 {
			faults = append(faults, fmt.Errorf("hmac key %d has %d bytes, want 32…64", k.ID, len(k.Secret)))
		}
		seen[k.ID] = true
		active = active || k.ID == h.ActiveKey
	}
	if !active {
		faults = append(faults, fmt.Errorf("active hmac key %d is not configured", h.ActiveKey))
	}
	if h.Mode > HMACReceiveOnly {
		faults = append(faults, fmt.Errorf("hmac mode %d is unknown", h.Mode))
	}
	if h.Window != 0 && (h.Window < time.Second || h.Window > 300*time.Second) {
		faults = append(faults, fmt.Errorf("hmac time window %v is not in 1 s…300 s", h.Window))
	}
	return errors.Join(faults...)
}

// Equal reports whether both are off or configure the same.
func (h *HMAC) Equal(o *HMAC) bool {
	if h == nil || o == nil {
		return h == o
	}
	return h.ActiveKey == o.ActiveKey && h.Mode == o.Mode && h.Monotonic == o.Monotonic && h.Window == o.Window &&
		slices.EqualFunc(h.Keys, o.Keys, func(a, b HMACKey) bool {
			return a.ID == b.ID && bytes.Equal(a.Secret, b.Secret)
		})
}
