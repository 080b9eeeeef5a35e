// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/internal/control"
)

// ClaimView is one claim as the status shows it, for those who print it. Its
// State is empty where no daemon was asked.
type ClaimView struct {
	control.Claim
	Provider string         `json:"provider,omitempty"`
	Node     string         `json:"node,omitempty"`
	Mode     string         `json:"mode"`
	Items    []ItemView     `json:"items"`
	Guard    string         `json:"guard,omitempty"`
	Probe    *probeStatus   `json:"probe,omitempty"`
	Capture  *captureStatus `json:"capture,omitempty"`
	Findings []FindingView  `json:"findings,omitempty"`
}

// ItemView is one address or route of a claim.
type ItemView struct {
	Key      string    `json:"key"`
	Owner    string    `json:"owner"`
	Holder   string    `json:"holder,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Verified time.Time `json:"verified,omitzero"`
	Error    string    `json:"error,omitempty"`
}

// FindingView is something that a person should look at.
type FindingView struct {
	Severity string `json:"severity"`
	Check    string `json:"check"`
	Item     string `json:"item,omitempty"`
	Text     string `json:"text"`
	Fix      string `json:"fix,omitempty"`
}

// Claims returns the claims of a daemon's status: those of the instances, then
// those of the groups.
func Claims(s *control.Status) ([]ClaimView, error) {
	var all []ClaimView
	add := func(raw json.RawMessage) error {
		if len(raw) == 0 {
			return nil
		}
		var some []ClaimView
		if err := json.Unmarshal(raw, &some); err != nil {
			return fmt.Errorf("claims of the status: %w", err)
		}
		all = append(all, some...)
		return nil
	}
	for _, i := range s.Instances {
		if err := add(i.Claim); err != nil {
			return nil, err
		}
	}
	for _, g := range s.SyncGroups {
		if err := add(g.Claim); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// ObserveClaims reads what the claims of a configuration are about, where no
// daemon runs that could be asked. It writes nothing. What cannot be read is
// told in the view.
func ObserveClaims(ctx context.Context, cfg *config.Config, o Options) ([]ClaimView, error) {
	specs, err := claimSpecs(cfg)
	if err != nil {
		return nil, err
	}
	c := newClaims(o)
	var all []ClaimView
	for _, s := range specs {
		v := ClaimView{Claim: control.Claim{Name: s.key.String()}, Provider: s.conf.Provider, Mode: string(s.conf.Mode), Items: []ItemView{}}
		if err := c.observe(ctx, s, &v); err != nil {
			v.LastError = err.Error()
		}
		all = append(all, v)
	}
	return all, nil
}

func (c *claims) observe(ctx context.Context, s claimSpec, v *ClaimView) error {
	provider, err := c.provider(ctx, providerOptions(s))
	if err != nil {
		return err
	}
	ctx = cloud.WithLimiter(ctx, c.limiterOf(s.conf.Provider))
	node, err := provider.Discover(ctx)
	if err != nil {
		return err
	}
	v.Provider, v.Node = node.Provider, node.ID
	for _, seen := range provider.Observe(ctx, node, s.items) {
		it := ItemView{Key: seen.Item.Key(), Owner: seen.Owner.String(), Holder: seen.Holder}
		if seen.Err != nil {
			it.Error = seen.Err.Error()
		} else {
			it.Verified = time.Now()
		}
		v.Items = append(v.Items, it)
	}
	return nil
}
