// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/cloud"
)

const (
	pollEvery    = time.Second
	pollAtMost   = 5 * time.Second  // whatever the vendor asks for
	operationEnd = 10 * time.Minute // not worth asking for any more
)

// operation is a write of this provider that is being sent or carried out.
type operation struct {
	op    string
	url   string    // empty while the write is being sent
	next  time.Time // when to look
	began time.Time
}

var errOwnWrite = errors.New("an earlier write is still being carried out")

// reserve makes the caller the only writer of a resource, or says who is.
func (p *Provider) reserve(op, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o := p.ops[id]; o != nil {
		return o.busy(op)
	}
	p.ops[id] = &operation{op: op, began: time.Now()}
	return nil
}

// written lists the resources of a kind that this provider is writing.
func (p *Provider) written(kind string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []string
	for id := range p.ops {
		if strings.Contains(id, kind) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// underway returns the error for one who must not write yet because of a
// resource that is being written.
func (p *Provider) underway(op, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o := p.ops[id]; o != nil {
		return o.busy(op)
	}
	return nil
}

func (o *operation) busy(op string) error {
	hint := pollEvery
	if !o.next.IsZero() {
		hint = max(time.Until(o.next), 50*time.Millisecond)
	}
	return &cloud.Error{Class: cloud.ClassBusy, Op: op, Hint: hint, Err: errOwnWrite}
}

// accepted ends the reservation, or turns it into an operation to be polled. It
// reports whether the write is being carried out.
func (p *Provider) accepted(id string, resp *http.Response) (pending bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.ops[id]
	if o == nil || resp == nil || resp.StatusCode >= 300 {
		delete(p.ops, id)
		return false
	}
	link := resp.Header.Get("Azure-AsyncOperation")
	if link == "" || !p.trusted(link) {
		delete(p.ops, id)
		return resp.StatusCode == http.StatusAccepted
	}
	o.url, o.next = link, time.Now().Add(pollPause(resp.Header))
	return true
}

// trusted says whether the token may be sent to a URL the vendor gave. The
// caller holds the lock.
func (p *Provider) trusted(link string) bool {
	u, err := url.Parse(link)
	if err != nil || p.api == nil {
		return false
	}
	own, err := url.Parse(p.api.arm.Endpoint())
	return err == nil && u.Scheme == own.Scheme && strings.EqualFold(u.Host, own.Host)
}

func pollPause(h http.Header) time.Duration {
	if d := retryAfter(h); d > 0 {
		return min(d, pollAtMost)
	}
	return pollEvery
}

// settled looks once at what became of this provider's last write to a
// resource. It returns nil when there is none under way any more.
func (p *Provider) settled(ctx context.Context, id string) error {
	p.mu.Lock()
	o := p.ops[id]
	switch {
	case o == nil:
		p.mu.Unlock()
		return nil
	case time.Since(o.began) > operationEnd:
		delete(p.ops, id)
		p.mu.Unlock()
		return nil
	case o.url == "" || time.Now().Before(o.next):
		err := o.busy(o.op)
		p.mu.Unlock()
		return err
	}
	link := o.url
	o.next = time.Now().Add(pollEvery) // for others, while this one is looking
	p.mu.Unlock()

	raw, header, err := p.get(ctx, o.op, link, "")
	var status struct {
		Status string    `json:"status"`
		Error  errorBody `json:"error"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &status)
	}
	if err != nil {
		if cloud.ClassOf(err) == cloud.ClassAbsent || cloud.ClassOf(err) == cloud.ClassDenied {
			// It cannot be asked for: the resource itself tells.
			p.forget(id, o)
			return nil
		}
		return toError(o.op, err)
	}
	switch strings.ToLower(status.Status) {
	case "succeeded":
		p.forget(id, o)
		return nil
	case "failed", "canceled", "cancelled":
		p.forget(id, o)
		if status.Error.Code == "" {
			status.Error.Code = status.Status
		}
		e := refusal(o.op, 0, status.Error, nil)
		e.RequestID = requestID(header)
		return e
	default:
		p.mu.Lock()
		defer p.mu.Unlock()
		o.next = time.Now().Add(pollPause(header))
		return o.busy(o.op)
	}
}

func (p *Provider) forget(id string, o *operation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ops[id] == o {
		delete(p.ops, id)
	}
}

// changing is the reading of a resource that somebody's write is changing.
func changing(op, id string) error {
	return &cloud.Error{Class: cloud.ClassBusy, Op: op, Hint: pollEvery, Err: errors.New(id + " is being changed")}
}

// provisioning states that are not the end of a write.
func unsettled(state string) bool {
	return state != "" && !strings.EqualFold(state, "Succeeded") && !strings.EqualFold(state, "Failed") && !strings.EqualFold(state, "Canceled")
}

// broken says that the last write to a resource was accepted and not carried
// out: what it says is wanted, not true.
func broken(state string) bool {
	return strings.EqualFold(state, "Failed") || strings.EqualFold(state, "Canceled")
}
