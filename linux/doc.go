// SPDX-License-Identifier: Apache-2.0

// Package linux builds the ports package runner needs on Linux: VRRP sockets,
// addresses and announcements, and interface state.
//
//	l := linux.New(linux.Options{Log: log})
//	if err := l.Configure(ctx, routers); err != nil { … }
//	defer l.Close(context.Background())
//	… runner ports: l.Wire(), l.Host(), l.Links()
//
// Everything happens in the network namespace of the calling process; it needs
// CAP_NET_ADMIN and CAP_NET_RAW there, nothing else. On other systems every
// function returns [errors.ErrUnsupported].
//
// [Linux.Links] must be watched, as the runner does: it also wakes sockets whose
// interface has come back and puts back addresses others remove.
package linux
