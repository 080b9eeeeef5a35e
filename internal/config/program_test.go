// SPDX-License-Identifier: Apache-2.0

//go:build linux

package config

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// perInterface is how many instances of the benchmark share an interface.
const perInterface = 250

// BenchmarkProgram runs "vrrpd check" and "keepalived -t" on the same files, as
// processes: time and the most memory each held.
//
//	go test ./internal/config -run '^$' -bench Program
func BenchmarkProgram(b *testing.B) {
	require.Need(b, require.NetNS)
	require.Need(b, require.Root)
	keepalived := require.Peer(b, "keepalived")
	vrrpd := filepath.Join(b.TempDir(), "vrrpd")
	if out, err := exec.Command("go", "build", "-o", vrrpd, "github.com/govrrp/vrrpd/cmd/vrrpd").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	for _, n := range []int{250, 1000, 4000} {
		file := filepath.Join(b.TempDir(), "many.conf")
		if err := os.WriteFile(file, []byte(multicastInstances(n)), 0o600); err != nil {
			b.Fatal(err)
		}
		for _, p := range [][]string{{vrrpd, "check", file}, {keepalived, "-t", "-f", file}} {
			b.Run(fmt.Sprintf("%s/%d", filepath.Base(p[0]), n), func(b *testing.B) { benchmarkProgram(b, p, n/perInterface) })
		}
	}
}

func benchmarkProgram(b *testing.B, argv []string, interfaces int) {
	runtime.LockOSThread() // for good: the thread ends with the benchmark
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		b.Fatal(err)
	}
	for i := range interfaces {
		add := fmt.Sprintf("link add e%d type veth peer name p%d", i, i)
		if out, err := exec.Command("ip", strings.Fields(add)...).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	most := 0
	for b.Loop() {
		cmd := exec.Command(argv[0], argv[1:]...)
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		ended := make(chan error)
		go func() { ended <- cmd.Wait() }()
		for running := true; running; {
			select {
			case err := <-ended:
				if err != nil {
					b.Fatal(err)
				}
				running = false
			case <-time.After(time.Millisecond):
				most = max(most, highWater(cmd.Process.Pid))
			}
		}
	}
	b.ReportMetric(float64(most), "KiB-RSS")
}

// highWater is the most memory a process has held, in KiB; 0 once it has ended.
// What wait4 tells would count the benchmark itself, which the process was
// before it was the program.
func highWater(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	kib := 0
	_, _ = fmt.Sscan(after, &kib)
	return kib
}

func multicastInstances(n int) string {
	var b strings.Builder
	b.WriteString("global_defs {\n reload_check_config\n}\n")
	for i := range n {
		fmt.Fprintf(&b, "vrrp_instance V%d {\n interface e%d\n virtual_router_id %d\n priority 100\n virtual_ipaddress { 10.%d.%d.1/24 }\n}\n",
			i, i/perInterface, i%perInterface+1, i>>8&255, i&255)
	}
	return b.String()
}
