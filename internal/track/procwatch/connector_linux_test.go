// SPDX-License-Identifier: Apache-2.0

package procwatch

import (
	"context"
	"encoding/binary"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// soon bounds what takes milliseconds on an idle machine.
const soon = 30 * time.Second

// datagram builds what the kernel sends: one message for each event.
func datagram(events ...[]uint32) []byte {
	e := binary.NativeEndian
	var out []byte
	for _, ev := range events {
		what, data := ev[0], ev[1:]
		size := unix.SizeofNlMsghdr + cnHeader + eventData + 4*len(data)
		b := e.AppendUint32(nil, uint32(size))
		b = append(b, make([]byte, unix.SizeofNlMsghdr-4)...)
		b = e.AppendUint32(b, cnIdxProc)
		b = e.AppendUint32(b, cnValProc)
		b = append(b, make([]byte, cnHeader-8)...)
		b = e.AppendUint32(b, what)
		b = append(b, make([]byte, eventData-4)...)
		for _, n := range data {
			b = e.AppendUint32(b, n)
		}
		out = append(out, b...)
	}
	return out
}

func TestParseEvents(t *testing.T) {
	batch, answers := parseEvents(datagram(
		[]uint32{eventNone, 0},
		[]uint32{eventFork, 5, 5, 9, 9},
		[]uint32{eventFork, 5, 5, 10, 9}, // a thread
		[]uint32{eventExec, 11, 9},       // exec in a thread replaces the process
		[]uint32{eventComm, 12, 9, 0, 0}, // the name of a thread
		[]uint32{eventComm, 9, 9, 0, 0},
		[]uint32{eventExit, 12, 9, 0, 0},
		[]uint32{eventExit, 9, 9, 0, 0},
		[]uint32{0x4, 9, 9, 0, 0}, // a change of user
		[]uint32{eventNone, 1},
	))
	want := []change{
		{kind: forked, pid: 9, parent: 5},
		{kind: renamed, pid: 9},
		{kind: renamed, pid: 9},
		{kind: exited, pid: 9},
	}
	if !slices.Equal(batch, want) || !slices.Equal(answers, []uint32{0, 1}) {
		t.Errorf("got %v, %v", batch, answers)
	}
}

func FuzzParseEvents(f *testing.F) {
	f.Add(datagram([]uint32{eventFork, 5, 5, 9, 9}))
	f.Add(datagram([]uint32{eventNone, 0}, []uint32{eventExit, 9, 9}))
	f.Fuzz(func(t *testing.T, b []byte) {
		batch, answers := parseEvents(b)
		if most := len(b) / (unix.SizeofNlMsghdr + cnHeader + eventData); len(batch)+len(answers) > most {
			t.Errorf("%d events in %d bytes", len(batch)+len(answers), len(b))
		}
	})
}

// sleeper starts a process with a name of its own.
func sleeper(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	cmd.Args = append(args, "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// follow watches real processes until the numbers have been seen in turn.
func follow(t *testing.T, events source, wantSource string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	seen := make(chan Census, 100)
	done := make(chan error, 1)
	name := "vrrpd-test-" + t.Name()
	go func() {
		done <- watch(ctx, Match{Command: name, FullCommand: true}, "/proc", events, func(c Census) { seen <- c })
	}()
	until := func(want ...int) {
		t.Helper()
		for {
			select {
			case c := <-seen:
				if slices.Equal(c.PIDs, want) {
					if !strings.HasPrefix(c.Source, wantSource) {
						// Root in a container gets no events, and is told so.
						if !strings.HasPrefix(c.Source, "polling every 1s: process connector: ") {
							t.Errorf("source %q", c.Source)
						}
					}
					return
				}
			case <-ctx.Done():
				t.Fatalf("never saw %v", want)
			}
		}
	}
	until()
	one := sleeper(t, name)
	until(one.Process.Pid)
	two := sleeper(t, name)
	until(slices.Sorted(slices.Values([]int{one.Process.Pid, two.Process.Pid}))...)
	_ = one.Process.Kill()
	_ = one.Wait()
	until(two.Process.Pid)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRealProcessesByEvents(t *testing.T) {
	require.Need(t, require.Root)
	follow(t, connector, "kernel events")
}

func TestRealProcessesByPolling(t *testing.T) {
	follow(t, func(context.Context, func(), func([]change)) error { return unix.EPERM }, "polling")
}
