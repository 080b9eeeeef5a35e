// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
)

// Certificate says what to do with the certificate of an https target.
type Certificate int

// The choices.
const (
	Verify Certificate = iota
	Ignore
)

// HTTP makes a GET request. Redirections are not followed and proxies not used:
// the answer of the target itself counts.
type HTTP struct {
	URL         string
	Status      []int // the status codes that are good; empty means 200…399
	Certificate Certificate
	From
}

// Validate implements [Probe].
func (h HTTP) Validate() error {
	u, err := url.Parse(h.URL)
	if err != nil {
		return errors.New("target is not a URL") // the text could hold a password
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("target %q: needs http:// or https:// and a host", u.Redacted())
	}
	for _, code := range h.Status {
		if code < 100 || code > 599 {
			return fmt.Errorf("status %d: must be 100…599", code)
		}
	}
	return nil
}

// Try implements [Probe].
func (h HTTP) Try(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return errors.New("target is not a URL")
	}
	req.Header.Set("User-Agent", "vrrpd")
	req.Close = true
	local := net.TCPAddrFromAddrPort(netip.AddrPortFrom(h.Source, 0))
	client := &http.Client{
		Transport: &http.Transport{
			DialContext:            h.dialer(local).DialContext,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 64 << 10,
			TLSClientConfig:        &tls.Config{InsecureSkipVerify: h.Certificate == Ignore},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		if urlErr, ok := errors.AsType[*url.Error](err); ok {
			err = urlErr.Err
		}
		return brief(err)
	}
	resp.Body.Close()
	if !h.good(resp.StatusCode) {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

func (h HTTP) good(code int) bool {
	if len(h.Status) == 0 {
		return code >= 200 && code < 400
	}
	return slices.Contains(h.Status, code)
}
