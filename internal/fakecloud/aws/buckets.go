// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"net/http"
	"strings"
	"time"
)

// bucket is one of EC2's request budgets, per operation, account and region.
type bucket struct {
	burst, perSecond, tokens float64
	at                       time.Time
}

// budget returns the published burst and refill rate of an operation.
func budget(op string, filtered bool) (burst, perSecond float64) {
	switch {
	case op == "DescribeNetworkInterfaces" && !filtered:
		return 50, 10
	case isDescribe(op):
		return 100, 20
	case op == "AssignPrivateIpAddresses", strings.HasSuffix(op, "AssignIpv6Addresses"):
		return 100, 5
	default:
		return 50, 5
	}
}

// throttled takes a token. The caller holds the lock.
func (w *World) throttled(rq *Request) *apiError {
	now := time.Now()
	b := w.buckets[rq.Op]
	if b == nil {
		burst, rate := budget(rq.Op, len(filters(rq.Params)) > 0)
		b = &bucket{burst: burst, perSecond: rate, tokens: burst, at: now}
		w.buckets[rq.Op] = b
	}
	b.tokens = min(b.burst, b.tokens+b.perSecond*now.Sub(b.at).Seconds())
	b.at = now
	if b.tokens < 1 {
		return fail(http.StatusServiceUnavailable, "RequestLimitExceeded", "Request limit exceeded.")
	}
	b.tokens--
	return nil
}
