// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netio_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"

	"github.com/govrrp/vrrpd/internal/netio"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/vrrp"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// eventually waits for a condition nothing tells about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for giveUp := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(giveUp) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func count(c *netns.Capture, match func(gopacket.Packet) bool) (n int) {
	for _, p := range c.Frames() {
		if match(p) {
			n++
		}
	}
	return n
}

// receive yields what a wire hears until ctx is done.
func receive(ctx context.Context, w *netio.Wire, yield func(device string, d vrrp.Datagram)) {
	defer context.AfterFunc(ctx, w.Wake)()
	for ctx.Err() == nil {
		w.Wait(time.Time{})
		w.Poll(yield)
	}
}
