// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws

import (
	"context"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
)

// credentials keeps the last good credentials until they expire, so that they
// can be renewed early: a metadata service that is dead at that moment costs
// nothing. The SDK's own cache has to drop what it has before it can ask anew.
type credentials struct {
	inner awssdk.CredentialsProvider

	mu    sync.Mutex
	held  awssdk.Credentials
	since time.Time
}

// Retrieve implements aws.CredentialsProvider.
func (c *credentials) Retrieve(ctx context.Context) (awssdk.Credentials, error) {
	c.mu.Lock()
	held := c.held
	c.mu.Unlock()
	if held.HasKeys() && !held.Expired() {
		return held, nil
	}
	got, err := c.inner.Retrieve(unmetered(ctx))
	if err != nil {
		return got, err
	}
	c.hold(got)
	return got, nil
}

// renew asks the source, whatever is held. What is held stays if it fails.
func (c *credentials) renew(ctx context.Context) error {
	if cache, ok := c.inner.(*awssdk.CredentialsCache); ok {
		cache.Invalidate()
	}
	got, err := c.inner.Retrieve(ctx)
	if err != nil {
		return err
	}
	c.hold(got)
	return nil
}

// hold keeps credentials and starts their life, also when the source handed out
// the same ones again: then half of what is left is the next time to ask.
func (c *credentials) hold(got awssdk.Credentials) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held, c.since = got, time.Now()
}

// halfSpent reports whether there are none, or more than half of their life is
// over.
func (c *credentials) halfSpent(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.held.HasKeys() {
		return true
	}
	return c.held.CanExpire && now.Sub(c.since) > c.held.Expires.Sub(c.since)/2
}
