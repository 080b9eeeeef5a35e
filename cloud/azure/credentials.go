// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/govrrp/vrrpd/cloud"
)

// credentials holds the current token. Fetching one is never left to the SDK's
// pipeline, which would do it in the middle of a write.
type credentials struct {
	fetch func(ctx context.Context) (azcore.AccessToken, error)

	fetching chan struct{} // one place

	mu      sync.Mutex
	token   azcore.AccessToken
	fetched time.Time
}

var errNoToken = &cloud.Error{Class: cloud.ClassCredentials, Op: "token", Err: errors.New("no valid token")}

// GetToken implements azcore.TokenCredential.
func (c *credentials) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token.Token == "" || !time.Now().Before(c.token.ExpiresOn) {
		return azcore.AccessToken{}, errNoToken
	}
	return c.token, nil
}

// When to fetch a token although there is one.
type when uint8

const (
	whenExpired when = iota
	whenHalf         // past half of its life
	always
)

func (c *credentials) due(w when) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case w == always || c.token.Token == "" || !now.Before(c.token.ExpiresOn):
		return true
	case w == whenHalf:
		return now.Sub(c.fetched) > c.token.ExpiresOn.Sub(c.fetched)/2
	default:
		return false
	}
}

// ensure fetches a token if it is due. A renewal that fails while the old token
// is still valid is an error, but the old one stays in use.
func (c *credentials) ensure(ctx context.Context, w when) error {
	if !c.due(w) {
		return nil
	}
	select {
	case c.fetching <- struct{}{}:
		defer func() { <-c.fetching }()
	case <-ctx.Done():
		return toError("token", ctx.Err())
	}
	if w != always && !c.due(w) {
		return nil
	}
	t, err := c.fetch(cloud.WithLimiter(ctx, nil))
	if err != nil {
		return toError("token", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t.RefreshOn = time.Time{} // renewed here, not by the pipeline
	c.token, c.fetched = t, time.Now()
	return nil
}

// left returns how much of the token's life is left.
func (c *credentials) left() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Until(c.token.ExpiresOn)
}

// fetcher picks the source of tokens: a service principal in the environment,
// else the machine's managed identity.
func fetcher(o Options, options policy.ClientOptions, scope string) (func(context.Context) (azcore.AccessToken, error), error) {
	request := policy.TokenRequestOptions{Scopes: []string{scope}}
	if os.Getenv("AZURE_TENANT_ID") != "" && os.Getenv("AZURE_CLIENT_ID") != "" {
		for _, k := range []string{"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"} {
			if os.Getenv(k) != "" {
				return principal(k, options, request), nil
			}
		}
	}
	mo := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
	if id := cmp.Or(o.ClientID, os.Getenv("AZURE_CLIENT_ID")); id != "" {
		mo.ID = azidentity.ClientID(id)
	}
	mi, err := azidentity.NewManagedIdentityCredential(mo)
	if err != nil {
		return nil, err
	}
	// With claims, the library's cache for the whole process is passed by: a
	// token is asked for when a new one is wanted.
	request.Claims = "{}"
	return func(ctx context.Context) (azcore.AccessToken, error) { return mi.GetToken(ctx, request) }, nil
}

// principal makes a new credential for each token, and so one without a cache.
func principal(by string, options policy.ClientOptions, request policy.TokenRequestOptions) func(context.Context) (azcore.AccessToken, error) {
	return func(ctx context.Context) (azcore.AccessToken, error) {
		var c azcore.TokenCredential
		var err error
		if by == "AZURE_FEDERATED_TOKEN_FILE" {
			c, err = azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: options})
		} else {
			c, err = azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{ClientOptions: options})
		}
		if err != nil {
			return azcore.AccessToken{}, err
		}
		return c.GetToken(ctx, request)
	}
}

// redirect sends requests for the metadata service to where it is said to be:
// the SDK knows one address only.
type redirect struct {
	to   string
	http *http.Client
}

// Do implements policy.Transporter.
func (t redirect) Do(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "169.254.169.254" && t.to != defaultMetadata {
		to, err := url.Parse(t.to)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host, r.Host = to.Scheme, to.Host, ""
		r.URL.Path = strings.TrimSuffix(to.Path, "/") + r.URL.Path
	}
	return t.http.Do(r)
}
