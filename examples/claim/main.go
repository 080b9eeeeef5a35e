// SPDX-License-Identifier: Apache-2.0

// Command claim shows a cloud claim without a daemon: in a cloud in memory, the
// second of two nodes takes two addresses over from the first.
package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/memory"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "claim:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	world := memory.New(memory.CompareAndSwap)
	b := world.Node("b", netip.MustParseAddr("10.0.0.3"))
	for _, addr := range []string{"10.0.0.4", "10.0.0.5"} {
		world.Add(cloud.VIP(netip.MustParseAddr(addr)), "a/0")
	}

	held := make(chan struct{})
	once := sync.OnceFunc(func() { close(held) })
	claim, err := cloud.New(cloud.Config{
		Name: "wan", Provider: b, Items: world.Items(),
		OnChange: func(s cloud.Status) {
			if s.State == cloud.StateHeld {
				once()
			}
		},
	})
	if err != nil {
		return err
	}
	go func() { _ = claim.Run(ctx) }()
	claim.SetWanted(cloud.Wanted{Master: true, Cause: cloud.CausePriorityZero, Reason: "example"})
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-held:
	}
	for _, it := range claim.Status().Items {
		fmt.Fprintf(out, "%s is held by %s (%s)\n", it.Key, it.Owner, it.Holder)
	}
	return nil
}
