// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"

	"github.com/govrrp/vrrpd/cloud"
)

// Report is what a node tells its peer: whether it is MASTER and well.
type Report struct {
	Node       string `json:"node"`
	State      string `json:"state"` // INIT, BACKUP, MASTER or FAULT
	Healthy    bool   `json:"healthy"`
	Generation uint64 `json:"generation"`
	Claim      string `json:"claim,omitempty"` // state of the claim
	// Config is a hash of what both nodes must be configured alike; empty: not told.
	Config string `json:"config,omitempty"`
}

const (
	nonceHeader = "X-Vrrpd-Nonce"
	macHeader   = "X-Vrrpd-Mac"
	maxReport   = 64 << 10
)

// ErrForged means that a report was not signed with our key for our question.
var ErrForged = errors.New("peer status is not authentic")

// Status asks the peer's vrrpd for its report. The request carries a fresh
// nonce and the reply a MAC over nonce and body, so a report can be neither
// forged nor replayed. A report that is not authentic is no evidence of a
// state, only of something being alive there.
func Status(name string, s Side, client *http.Client, url string, key cloud.Secret) Probe {
	return probe{name, s, func(ctx context.Context) (Answer, error) {
		rep, err := Ask(ctx, client, url, key)
		switch {
		case errors.Is(err, ErrForged):
			return Answer{Alive: true}, nil
		case err != nil:
			return Answer{}, err
		case rep.State == "MASTER" && rep.Healthy:
			return Answer{Alive: true, State: PeerMaster}, nil
		default:
			return Answer{Alive: true, State: PeerStandby}, nil
		}
	}}
}

// Ask asks a [Handler] for its report, and believes it only if it is authentic:
// else the error wraps [ErrForged], and something answered all the same.
func Ask(ctx context.Context, client *http.Client, url string, key cloud.Secret) (Report, error) {
	nonce := rand.Text()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Report{}, err
	}
	r.Header.Set(nonceHeader, nonce)
	resp, err := client.Do(r)
	if err != nil {
		return Report{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReport))
	if err != nil {
		return Report{}, err
	}
	got, err := base64.StdEncoding.DecodeString(resp.Header.Get(macHeader))
	if err != nil || resp.StatusCode != http.StatusOK || !hmac.Equal(got, mac(key, nonce, body)) {
		return Report{}, fmt.Errorf("%w: HTTP status %d", ErrForged, resp.StatusCode)
	}
	var rep Report
	if err := json.Unmarshal(body, &rep); err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrForged, err)
	}
	return rep, nil
}

func mac(key cloud.Secret, nonce string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(key.Reveal()))
	// The length keeps nonce and body apart.
	fmt.Fprintf(h, "vrrpd status 1 %d ", len(nonce))
	_, _ = io.WriteString(h, nonce)
	_, _ = h.Write(body)
	return h.Sum(nil)
}

// Handler serves this node's report to its peer's [Status] probe. A request
// without a usable nonce is refused: there would be nothing to sign.
func Handler(key cloud.Secret, report func() Report) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nonce := r.Header.Get(nonceHeader)
		if len(nonce) < 16 || len(nonce) > 128 {
			http.Error(w, "missing nonce", http.StatusBadRequest)
			return
		}
		body, err := json.Marshal(report())
		if err != nil {
			http.Error(w, "no report", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set(macHeader, base64.StdEncoding.EncodeToString(mac(key, nonce, body)))
		_, _ = w.Write(body)
	})
}

func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
