// SPDX-License-Identifier: Apache-2.0

//go:build linux

package linux_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/linux"
)

// realtime is a program that tells the policy of its threads after
// SetRealtime, and that of a child after SetNormal.
var realtime = netns.Program("realtime", func(context.Context, []string) error {
	err := linux.SetRealtime(1)
	if errors.Is(err, unix.EPERM) {
		fmt.Println("denied")
		return nil
	}
	if err != nil {
		return err
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		tid, _ := strconv.Atoi(t.Name())
		fmt.Println("thread", policy(tid))
	}
	child := exec.Command("sleep", "10")
	if err := child.Start(); err != nil {
		return err
	}
	defer child.Wait()
	defer child.Process.Kill()
	fmt.Println("child", policy(child.Process.Pid))
	if err := linux.SetNormal(child.Process.Pid); err != nil {
		return err
	}
	fmt.Println("child now", policy(child.Process.Pid))
	return nil
})

func policy(tid int) string {
	attr, err := unix.SchedGetAttr(tid, 0)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("policy %d priority %d", attr.Policy, attr.Priority)
}

func TestRealtimeOnEveryThreadOrDenied(t *testing.T) {
	a, _ := lan(t)
	p := a.StartProgram(realtime)
	if code := p.Wait(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	out := p.Output()
	if strings.Contains(out, "denied") {
		return // no capability, or a control group without real-time budget
	}
	for line := range strings.Lines(out) {
		want := "policy 1 priority 1"
		if strings.HasPrefix(line, "child now") {
			want = "policy 0 priority 0"
		}
		if !strings.Contains(line, want) {
			t.Errorf("%q, want %s", line, want)
		}
	}
}

func TestRealtimePriorityRange(t *testing.T) {
	for _, prio := range []int{-1, 0, 100} {
		if err := linux.SetRealtime(prio); err == nil {
			t.Errorf("priority %d is accepted", prio)
		}
	}
}
