// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go/middleware"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/transport"
)

// Provider is this node in EC2. It implements [cloud.Provider],
// [cloud.Checker], [cloud.Refresher], [cloud.RouteLister] and [cloud.Warmer],
// and is safe for concurrent use.
type Provider struct {
	opts  Options
	cfg   awssdk.Config
	creds *credentials
	meta  *imds.Client

	mu   sync.Mutex
	self identity
	api  *ec2.Client          // nil until the region is known
	lags map[string]time.Time // since when the metadata contradicts the API, by item key
}

var (
	_ cloud.Provider    = (*Provider)(nil)
	_ cloud.Checker     = (*Provider)(nil)
	_ cloud.Refresher   = (*Provider)(nil)
	_ cloud.RouteLister = (*Provider)(nil)
	_ cloud.Warmer      = (*Provider)(nil)
)

// New reads the SDK's configuration (environment and files) and returns a
// provider. It sends nothing. The errors are about options and configuration
// files.
func New(ctx context.Context, o Options) (*Provider, error) {
	o = o.withDefaults()
	for _, e := range []string{o.Endpoint, o.MetadataEndpoint} {
		if e == "" {
			continue
		}
		if _, err := transport.CheckEndpoint(e); err != nil {
			return nil, fmt.Errorf("aws: %w", err)
		}
	}
	load := []func(*config.LoadOptions) error{
		config.WithHTTPClient(sdkClient(o)),
		config.WithRetryer(func() awssdk.Retryer { return awssdk.NopRetryer{} }),
		config.WithLogConfigurationWarnings(false),
	}
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	if o.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(o.Profile))
	}
	if o.CredentialsFile != "" {
		load = append(load, config.WithSharedCredentialsFiles([]string{o.CredentialsFile}))
	}
	if o.MetadataEndpoint != "" {
		load = append(load, config.WithEC2IMDSEndpoint(o.MetadataEndpoint),
			config.WithEC2IMDSClientEnableState(imds.ClientEnabled))
	}
	// The metadata client of the credentials needs the rest of the
	// configuration, and the other way round: load twice.
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("aws: %w", err)
	}
	client := apiClient(o, cfg.HTTPClient)
	meta := imds.NewFromConfig(cfg, func(mo *imds.Options) {
		mo.HTTPClient = client
		mo.EnableFallback = awssdk.FalseTernary
		mo.Retryer = renewToken{}
	})
	load = append(load, config.WithEC2RoleCredentialOptions(func(ro *ec2rolecreds.Options) { ro.Client = meta }))
	if cfg, err = config.LoadDefaultConfig(ctx, load...); err != nil {
		return nil, fmt.Errorf("aws: %w", err)
	}
	creds := &credentials{inner: cfg.Credentials}
	cfg.Credentials, cfg.HTTPClient = creds, client
	return &Provider{opts: o, cfg: cfg, creds: creds, meta: meta, lags: map[string]time.Time{}}, nil
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = 3 * time.Second
	}
	if o.Confirm == 0 {
		o.Confirm = 30 * time.Second
	}
	if o.Links == nil {
		o.Links = net.Interfaces
	}
	return o
}

// mutates says which requests need the fence. EC2 takes everything by POST, so
// the operation's name decides: what does not describe, changes. POSTs of
// other services are for credentials.
func mutates(r *http.Request) bool {
	if r.Method != http.MethodPost {
		return false
	}
	service, op := middleware.GetServiceID(r.Context()), middleware.GetOperationName(r.Context())
	if service != "" && service != ec2.ServiceID {
		return false
	}
	return !strings.HasPrefix(op, "Describe")
}

// renewToken lets the metadata client fetch a new session token once when its
// token was refused. Reads of the metadata service are otherwise not retried.
type renewToken struct{ awssdk.NopRetryer }

// IsErrorRetryable implements aws.Retryer.
func (renewToken) IsErrorRetryable(err error) bool {
	var re *awshttp.ResponseError
	if errors.As(err, &re) {
		return re.HTTPStatusCode() == http.StatusUnauthorized
	}
	var status interface{ HTTPStatusCode() int }
	return errors.As(err, &status) && status.HTTPStatusCode() == http.StatusUnauthorized
}

// MaxAttempts implements aws.Retryer.
func (renewToken) MaxAttempts() int { return 2 }

// RetryDelay implements aws.Retryer.
func (renewToken) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

var errNotDiscovered = errors.New("this node is not discovered yet")

// client returns the API client and what is known of this node.
func (p *Provider) client(op string) (*ec2.Client, identity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.api == nil {
		return nil, identity{}, &cloud.Error{Op: op, Err: errNotDiscovered}
	}
	return p.api, p.self, nil
}

// Refresh implements [cloud.Refresher].
func (p *Provider) Refresh(ctx context.Context) error {
	if err := p.creds.renew(unmetered(ctx)); err != nil {
		return classified("credentials", err)
	}
	return nil
}

// Warm implements [cloud.Warmer]: it renews credentials that are past half of
// their life and describes the node's own interfaces.
func (p *Provider) Warm(ctx context.Context) error {
	if p.creds.halfSpent(time.Now()) {
		// What is still valid stays in use if there is nothing new.
		_ = p.creds.renew(unmetered(ctx))
	}
	api, self, err := p.client("DescribeNetworkInterfaces")
	if err != nil {
		return err
	}
	_, err = describeInterfaces(ctx, api, filter("network-interface-id", self.interfaceIDs()...))
	return err
}

// unmetered takes the limiter out of a context, for requests to the metadata
// service: it is on this machine's own host and has no budget to protect.
func unmetered(ctx context.Context) context.Context { return cloud.WithLimiter(ctx, nil) }
