// SPDX-License-Identifier: Apache-2.0

package control

import (
	"encoding/json"
	"time"
)

// Claim is the part of a "claim" entry that people and metrics are told; the
// package that makes the entries, cloud, knows the rest.
type Claim struct {
	Name      string    `json:"name"`
	State     string    `json:"state"`
	Since     time.Time `json:"since"`
	Owner     string    `json:"owner"` // of all items: self, other, none, unknown or mixed
	Late      bool      `json:"late"`  // not held long after it should be
	LastError string    `json:"last_error"`
	Fault     string    `json:"fault"`
}

// Held reports whether everything was read to be this node's.
func (c Claim) Held() bool { return c.State == "held" }

// Claims returns the claims in the "claim" field of an instance or sync-group.
func Claims(field json.RawMessage) ([]Claim, error) {
	if len(field) == 0 {
		return nil, nil
	}
	var list []Claim
	return list, json.Unmarshal(field, &list)
}
