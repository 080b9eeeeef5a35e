// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// resolveEvery is how long an answer of the resolver is used without asking
// again. Older answers are kept for when the resolver is dead.
const resolveEvery = time.Minute

// dialer connects from the node's own address, to the addresses a name had
// when it last resolved if it does not resolve now.
type dialer struct {
	source  netip.Addr
	timeout time.Duration
	lookup  func(ctx context.Context, host string) ([]netip.Addr, error) // nil: the system's

	mu    sync.Mutex
	names map[string]answer
}

type answer struct {
	addrs []netip.Addr
	at    time.Time
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := d.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, a := range addrs {
		nd := net.Dialer{}
		if d.source.IsValid() && !a.IsLoopback() {
			if d.source.Is4() != a.Unmap().Is4() {
				continue
			}
			nd.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(d.source, 0))
		}
		conn, err := nd.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	if len(errs) == 0 {
		return nil, fmt.Errorf("%s has no address of the family of %s", host, d.source)
	}
	return nil, errors.Join(errs...)
}

// resolve gives half of the time to the resolver, and then falls back to the
// last answer.
func (d *dialer) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	d.mu.Lock()
	old := d.names[host]
	d.mu.Unlock()
	if len(old.addrs) > 0 && time.Since(old.at) < resolveEvery {
		return old.addrs, nil
	}
	lookup := d.lookup
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	ask, cancel := context.WithTimeout(ctx, d.timeout/2)
	defer cancel()
	addrs, err := lookup(ask, host)
	if err != nil || len(addrs) == 0 {
		if len(old.addrs) > 0 {
			return old.addrs, nil
		}
		return nil, fmt.Errorf("resolve %s: %w", host, err)
	}
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.names == nil {
		d.names = map[string]answer{}
	}
	d.names[host] = answer{addrs, time.Now()}
	return addrs, nil
}
