// SPDX-License-Identifier: Apache-2.0

package notify_test

import (
	"context"
	"fmt"
	"time"

	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/notify/script"
)

// A Go program that reacts to what becomes of a router.
func Example() {
	d := notify.New(nil)
	err := d.Set([]notify.Lane{{
		Name: "app",
		Hooks: []notify.Hook{{
			On: []notify.State{notify.Master, notify.Backup},
			Target: notify.Func("app", func(_ context.Context, e notify.Event) error {
				fmt.Println(e.Kind, e.Name, "is", e.State)
				return nil
			}),
		}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	d.Post(notify.Event{Kind: notify.Instance, Name: "VI_1", State: notify.Master, Priority: 150})

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := d.Close(ctx); err != nil {
		fmt.Println(err)
	}
	// Output: INSTANCE VI_1 is MASTER
}

// keepalived's keywords of one instance, in one lane.
func ExampleScripts() {
	s := notify.Scripts{
		Master: &script.Command{Argv: []string{"/etc/keepalived/master.sh"}, Timeout: 2 * time.Minute},
		Any:    &script.Command{Argv: []string{"/etc/keepalived/notify.sh", "eth0"}},
	}
	lane := notify.Lane{
		Name:    "scripts VI_1",
		Subject: notify.Subject{Kind: notify.Instance, Name: "VI_1"},
		Hooks:   s.Hooks(),
	}
	for _, h := range lane.Hooks {
		fmt.Println(h.Target.Name(), h.On)
	}
	// Output:
	// notify_master [MASTER]
	// notify []
}
