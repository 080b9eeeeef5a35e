// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
)

// A Probe is one thing to try.
type Probe interface {
	// Validate reports what is wrong with the probe before it is tried.
	Validate() error
	// Try returns nil if the target answered as it should before ctx was done.
	Try(ctx context.Context) error
}

// From says where probes leave this machine. The zero value leaves it to routing.
type From struct {
	Source    netip.Addr // an address of this machine
	Interface string     // replies must come in through it too
}

func (f From) dialer(local net.Addr) *net.Dialer {
	d := &net.Dialer{Control: f.control, FallbackDelay: -1}
	if f.Source.IsValid() {
		d.LocalAddr = local
	}
	return d
}

func (f From) control(_, _ string, c syscall.RawConn) error {
	if f.Interface == "" {
		return nil
	}
	var bound error
	if err := c.Control(func(fd uintptr) { bound = bindToDevice(int(fd), f.Interface) }); err != nil {
		return err
	}
	if bound != nil {
		return fmt.Errorf("interface %s: %w", f.Interface, bound)
	}
	return nil
}

// TCP opens a connection and closes it.
type TCP struct {
	Target string // "host:port"; IPv6 addresses in brackets
	From
}

// Validate implements [Probe].
func (t TCP) Validate() error {
	host, port, err := net.SplitHostPort(t.Target)
	if err != nil {
		return fmt.Errorf("target %q: needs host:port", t.Target)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("target %q: port must be 1…65535", t.Target)
	}
	if host == "" {
		return fmt.Errorf("target %q: needs a host", t.Target)
	}
	return nil
}

// Try implements [Probe].
func (t TCP) Try(ctx context.Context) error {
	local := net.TCPAddrFromAddrPort(netip.AddrPortFrom(t.Source, 0))
	conn, err := t.dialer(local).DialContext(ctx, "tcp", t.Target)
	if err != nil {
		return brief(err)
	}
	return conn.Close()
}

// brief takes the addresses out of an error of package net: whoever reads it
// knows the target.
func brief(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		err = call.Err
	}
	return err
}
