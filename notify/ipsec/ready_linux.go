// SPDX-License-Identifier: Apache-2.0

package ipsec

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// lookAgain is the time between two looks at the kernel's addresses.
const lookAgain = 20 * time.Millisecond

// Usable waits until all addresses are on some interface of this host and duplicate
// address detection is done with them, or until ctx ends. It is made for [Config.Ready].
func Usable(ctx context.Context, addresses []netip.Addr) error {
	for {
		missing, err := unusable(addresses)
		if err != nil || len(missing) == 0 {
			return err
		}
		if !pause(ctx, lookAgain) {
			return fmt.Errorf("not usable: %v: %w", missing, context.Cause(ctx))
		}
	}
}

func unusable(addresses []netip.Addr) ([]netip.Addr, error) {
	list, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	missing := slices.Clone(addresses)
	for _, a := range list {
		if a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) != 0 {
			continue
		}
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			missing = slices.DeleteFunc(missing, func(m netip.Addr) bool { return m.WithZone("").Unmap() == ip.Unmap() })
		}
	}
	return missing, nil
}
