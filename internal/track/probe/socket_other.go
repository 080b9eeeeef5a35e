// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package probe

import (
	"errors"
	"net"
	"net/netip"
)

func bindToDevice(int, string) error { return errors.ErrUnsupported }

func (p Ping) datagram(netip.Addr) (net.Conn, error) { return nil, errors.ErrUnsupported }
