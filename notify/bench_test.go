// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"fmt"
	"testing"
)

// BenchmarkPost is what a transition costs the loop that reports it, with a busy lane
// for each of 64 instances and two lanes for all.
func BenchmarkPost(b *testing.B) {
	block := make(chan struct{})
	wait := Func("wait", func(context.Context, Event) error { <-block; return nil })
	d := New(nil)
	lanes := []Lane{{Name: "fifo", Depth: 256, Hooks: []Hook{{On: Everything(), Target: wait}}}, {Name: "mail", Hooks: []Hook{{Target: wait}}}}
	for i := range 64 {
		name := fmt.Sprint("VI_", i)
		lanes = append(lanes, Lane{Name: name, Subject: Subject{Instance, name}, Hooks: []Hook{{Target: wait}, {On: []State{Master}, Target: wait}}})
	}
	if err := d.Set(lanes); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Post(Event{Kind: Instance, Name: lanes[2+i%64].Name, State: []State{Master, Backup}[i/64%2]})
	}
	close(block)
	if err := d.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}
