// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/govrrp/vrrpd/cloud/transport"
)

const connectTimeout = time.Second

// sdkClient is for the SDK's own errands: keys from STS, SSO or a container's
// agent. It has to be of the SDK's type, or AWS_CA_BUNDLE (ca_bundle in a
// profile) would be an error.
func sdkClient(o Options) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTimeout(o.Timeout).
		WithDialerOptions(func(d *net.Dialer) { *d = *dialer(o) }).
		WithTransportOptions(func(t *http.Transport) {
			t.Proxy, t.TLSHandshakeTimeout = proxy, connectTimeout
		})
}

func dialer(o Options) *net.Dialer {
	d := &net.Dialer{Timeout: connectTimeout}
	if o.Source.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(o.Source, 0))
	}
	return d
}

// proxy honours the environment for names, and for addresses that are neither
// this machine's nor link-local.
func proxy(r *http.Request) (*url.URL, error) {
	if a, err := netip.ParseAddr(r.URL.Hostname()); err == nil && (a.IsLoopback() || a.IsLinkLocalUnicast()) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}

// apiClient is for EC2 and the metadata service: the fence is in it. It trusts
// the certificates that the SDK found configured, if it found any.
func apiClient(o Options, found awssdk.HTTPClient) *http.Client {
	base := o.Base
	if roots := configuredTLS(found); base == nil && roots != nil {
		base = &http.Transport{
			Proxy: proxy, DialContext: dialer(o).DialContext, TLSClientConfig: roots,
			TLSHandshakeTimeout: connectTimeout, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second,
		}
	}
	return transport.New(transport.Options{Source: o.Source, Timeout: o.Timeout, Mutates: mutates, Base: base})
}

// configuredTLS returns the SDK's TLS configuration if it has roots of its own.
func configuredTLS(c awssdk.HTTPClient) *tls.Config {
	b, ok := c.(*awshttp.BuildableClient)
	if !ok {
		return nil
	}
	t := b.GetTransport().TLSClientConfig
	if t == nil || t.RootCAs == nil {
		return nil
	}
	return t.Clone()
}
