// SPDX-License-Identifier: Apache-2.0

// Package probe tries whether another machine answers: with an ICMP echo, a TCP
// connection, or an HTTP request.
//
//	p := probe.TCP{Target: "192.0.2.1:443"}
//	if err := p.Validate(); err != nil {
//		return err
//	}
//	ctx, cancel := context.WithTimeout(ctx, time.Second)
//	defer cancel()
//	err := p.Try(ctx)
//
// Probes are values without state; Try may be called from any goroutine, uses a
// fresh socket each time and returns when ctx is done at the latest. It is a
// package of its own because it knows nothing of tracking.
package probe
