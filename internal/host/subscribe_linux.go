// SPDX-License-Identifier: Apache-2.0

package host

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// subscription is a set of netlink subscriptions that end together.
type subscription struct {
	links      chan netlink.LinkUpdate
	addrs      chan netlink.AddrUpdate
	routes     chan netlink.RouteUpdate // nil without routes
	lost       chan error               // something was missed
	done       chan struct{}
	withRoutes bool
}

// subscribe follows links, addresses and, if asked to, routes: a router with a
// full table pays for those only when a virtual router has routes.
func subscribe(withRoutes bool) (*subscription, error) {
	s := &subscription{lost: make(chan error, 1), done: make(chan struct{}), withRoutes: withRoutes}
	// More than the system's limit takes a capability that root in a user
	// namespace lacks; there the limit must do.
	err := s.open(true)
	if err != nil {
		s.end()
		s.done = make(chan struct{})
		err = s.open(false)
	}
	if err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

func (s *subscription) open(force bool) error {
	onError := func(err error) {
		select {
		case s.lost <- err:
		default: // one is enough
		}
	}
	s.links, s.addrs, s.routes = nil, nil, nil
	links := make(chan netlink.LinkUpdate, 64)
	if err := netlink.LinkSubscribeWithOptions(links, s.done, netlink.LinkSubscribeOptions{
		ErrorCallback: onError, ReceiveBufferSize: monitorBuffer, ReceiveBufferForceSize: force,
	}); err != nil {
		return fmt.Errorf("follow links: %w", err)
	}
	s.links = links
	addrs := make(chan netlink.AddrUpdate, 64)
	if err := netlink.AddrSubscribeWithOptions(addrs, s.done, netlink.AddrSubscribeOptions{
		ErrorCallback: onError, ReceiveBufferSize: monitorBuffer, ReceiveBufferForceSize: force,
	}); err != nil {
		return fmt.Errorf("follow addresses: %w", err)
	}
	s.addrs = addrs
	if !s.withRoutes {
		return nil
	}
	routes := make(chan netlink.RouteUpdate, 64)
	if err := netlink.RouteSubscribeWithOptions(routes, s.done, netlink.RouteSubscribeOptions{
		ErrorCallback: onError, ReceiveBufferSize: monitorBuffer, ReceiveBufferForceSize: force,
	}); err != nil {
		return fmt.Errorf("follow routes: %w", err)
	}
	s.routes = routes
	return nil
}

// end closes the subscriptions. Their goroutines end once somebody has taken
// what they still hold.
func (s *subscription) end() {
	close(s.done)
	if s.links != nil {
		go discard(s.links)
	}
	if s.addrs != nil {
		go discard(s.addrs)
	}
	if s.routes != nil {
		go discard(s.routes)
	}
}

func discard[T any](c <-chan T) {
	for range c {
	}
}
