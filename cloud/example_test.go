// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/memory"
)

// A claim runs beside a VRRP router and is told its state. The cloud is one in
// memory; oci.New, aws.New and azure.New make the real ones.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	world := memory.New(memory.CompareAndSwap)
	vip := cloud.VIP(netip.MustParseAddr("10.0.0.4"))
	world.Add(vip, "a/0") // node a has it

	held := make(chan cloud.Status, 1)
	claim, err := cloud.New(cloud.Config{
		Name:     "wan",
		Provider: world.Node("b", netip.MustParseAddr("10.0.0.3")),
		Items:    []cloud.Item{vip},
		OnChange: func(s cloud.Status) {
			if s.State == cloud.StateHeld {
				select {
				case held <- s:
				default: // must not block
				}
			}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- claim.Run(ctx) }()

	claim.SetWanted(cloud.Wanted{Master: true, Cause: cloud.CausePriorityZero, Reason: "a resigned"})
	for _, it := range (<-held).Items {
		fmt.Println(it.Key, it.Owner, it.Holder)
	}

	stop() // nothing is released: the next MASTER takes what it wants
	fmt.Println(<-ended)

	// Output:
	// vip4/10.0.0.4 self b/0
	// context canceled
}

// Once is for programs that are not there all the time, such as a script that
// keepalived calls.
func ExampleOnce() {
	world := memory.New(memory.CompareAndSwap)
	vip := cloud.VIP(netip.MustParseAddr("10.0.0.4"))
	world.Add(vip, "a/0")

	status, err := cloud.Once(context.Background(), cloud.Config{
		Name:     "wan",
		Provider: world.Node("b", netip.MustParseAddr("10.0.0.3")),
		Items:    []cloud.Item{vip},
	}, cloud.CausePriorityZero, "notify_master")
	fmt.Println(status.State, status.Owner, err)

	// Output:
	// held self <nil>
}
