// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/govrrp/vrrpd/cloud"
)

// Options configure a client. The zero value is usable.
type Options struct {
	// Source is the local address that connections leave from; the zero Addr
	// leaves the choice to the kernel. It does not apply to loopback servers.
	Source netip.Addr
	// Timeout is the deadline of one exchange, reply body included; default 3 s.
	Timeout time.Duration
	// ConnectTimeout is the deadline of connecting; default 1 s.
	ConnectTimeout time.Duration
	// Mutates says which requests change something and so need the fence; by
	// default all but GET, HEAD, OPTIONS and POST. Vendors that mutate by POST
	// must say so here.
	Mutates func(*http.Request) bool
	// Base replaces the network below, for tests.
	Base http.RoundTripper
}

// Errors of a refused request.
var (
	// ErrNoFence means that a mutating request was made without a fence in its
	// context: a mistake in a provider.
	ErrNoFence = errors.New("mutating request without a fence")
	// ErrPlainHTTP means that a request would have crossed a network in clear.
	ErrPlainHTTP = errors.New("plain http is allowed to this machine and to metadata services only")
)

// New returns a client with these options.
func New(o Options) *http.Client {
	if o.Timeout == 0 {
		o.Timeout = 3 * time.Second
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = time.Second
	}
	if o.Mutates == nil {
		o.Mutates = mutatesByMethod
	}
	base := o.Base
	if base == nil {
		d := &dialer{source: o.Source, timeout: o.ConnectTimeout}
		base = &http.Transport{
			Proxy:               proxy,
			DialContext:         d.dial,
			TLSHandshakeTimeout: o.ConnectTimeout,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: 16,
			IdleConnTimeout:     90 * time.Second,
		}
	}
	return &http.Client{
		Transport: &roundTripper{base: base, timeout: o.Timeout, mutates: o.Mutates},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

func mutatesByMethod(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPost, "":
		return false
	default:
		return true
	}
}

// CheckEndpoint parses an endpoint that a person typed: an absolute http or
// https URL, plain http to this machine or a link-local metadata service only.
func CheckEndpoint(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("endpoint %q is not an http or https URL", s)
	}
	if u.Scheme == "http" && !clearAllowed(u.Hostname()) {
		return nil, fmt.Errorf("endpoint %q: %w", s, ErrPlainHTTP)
	}
	return u, nil
}

// clearAllowed says where plain http may go: loopback, and the link-local (or
// unique-local, for AWS over IPv6) addresses of metadata services.
func clearAllowed(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && (a.IsLoopback() || metadata(a))
}

func metadata(a netip.Addr) bool {
	return a.IsLinkLocalUnicast() || a == netip.MustParseAddr("fd00:ec2::254") || a == netip.MustParseAddr("fd00:c1::a9fe:a9fe")
}

// proxy honours the environment, but never sends credentials for the metadata
// service, or the requests to it, through somebody else.
func proxy(r *http.Request) (*url.URL, error) {
	if clearAllowed(r.URL.Hostname()) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}

type roundTripper struct {
	base    http.RoundTripper
	timeout time.Duration
	mutates func(*http.Request) bool
}

// RoundTrip implements http.RoundTripper.
func (t *roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if r.URL.Scheme == "http" && !clearAllowed(r.URL.Hostname()) {
		return nil, fmt.Errorf("%s: %w", r.URL.Host, ErrPlainHTTP)
	}
	fence := cloud.FenceFrom(ctx)
	mutates := t.mutates(r)
	if mutates && fence == nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, ErrNoFence)
	}
	if err := pace(r, mutates); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	r = r.Clone(ctx)
	if mutates {
		if err := fence.Allowed(); err != nil {
			cancel()
			return nil, err
		}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body, r.GetBody = &fencedBody{ReadCloser: r.Body, fence: fence}, nil
		}
	}
	resp, err := t.base.RoundTrip(r)
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &cancelBody{resp.Body, cancel}
	return resp, nil
}

// pace waits for the limiter. The metadata service is local and unmetered.
func pace(r *http.Request, mutates bool) error {
	l := cloud.LimiterFrom(r.Context())
	if l == nil {
		return nil
	}
	if mutates {
		return l.Write(r.Context())
	}
	if a, err := netip.ParseAddr(r.URL.Hostname()); err == nil && metadata(a) {
		return nil
	}
	return l.Read(r.Context())
}

// fencedBody asks the fence when the body is about to be written, which is
// after a connection was made: that may have taken a second. A refusal leaves
// the request without its body, and so without effect.
type fencedBody struct {
	io.ReadCloser
	fence cloud.Fence
	asked bool
}

func (b *fencedBody) Read(p []byte) (int, error) {
	if !b.asked {
		if err := b.fence.Allowed(); err != nil {
			return 0, err
		}
		b.asked = true
	}
	return b.ReadCloser.Read(p)
}

// cancelBody releases the deadline when the reply has been read.
type cancelBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *cancelBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (t *roundTripper) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
