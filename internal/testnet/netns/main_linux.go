// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	envInside  = "VRRPD_NETNS_INSIDE"  // set in the copy that runs the tests
	envScratch = "VRRPD_NETNS_SCRATCH" // the copy's scratch directory
	envProgram = "VRRPD_NETNS_PROGRAM" // name of the program this copy is
	holder     = "netns-holder"        // the program that keeps a host's namespaces alive
)

// programs are the functions this test binary can run as.
var programs = map[string]func(ctx context.Context, args []string) error{holder: hold}

// Program registers Go code that can run inside a host. Call it from a package
// level variable of a test file. The context ends at SIGTERM.
func Program(name string, run func(ctx context.Context, args []string) error) string {
	if _, taken := programs[name]; taken {
		panic("netns: program " + name + " registered twice")
	}
	programs[name] = run
	return name
}

// Main runs the tests of a package in namespaces of their own. Where the
// machine does not allow that, it runs them plainly: tests that need a network
// skip themselves with require.Need. Fuzzing runs plainly too, since its
// workers are tied to the first process by their descriptors: select the fuzz
// target alone, with -run '^$'.
func Main(m *testing.M) {
	if name := os.Getenv(envProgram); name != "" {
		os.Exit(runProgram(name, os.Args[1:]))
	}
	if os.Getenv(envInside) != "" {
		if err := settleIn(); err != nil {
			fmt.Fprintln(os.Stderr, "netns:", err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	if fuzzing() {
		os.Exit(m.Run())
	}
	code, err := reexec()
	if err != nil {
		os.Exit(m.Run())
	}
	os.Exit(code)
}

func fuzzing() bool {
	return slices.ContainsFunc(os.Args[1:], func(arg string) bool {
		return strings.HasPrefix(arg, "-test.fuzz=") || strings.HasPrefix(arg, "-test.fuzzworker")
	})
}

func runProgram(name string, args []string) int {
	run, ok := programs[name]
	if !ok {
		fmt.Fprintln(os.Stderr, "netns: no program", name)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx, args); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

// Scratch returns a directory for what the tests of a package share. It is
// removed when all of them have ended.
func Scratch() string { return os.Getenv(envScratch) }

// reexec runs this test binary again in new namespaces and returns its exit
// code. An error means that the copy could not be started.
func reexec() (int, error) {
	scratch, err := os.MkdirTemp("", "vrrpd-netns-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	cmd := self(os.Args[1:])
	cmd.Env = append(os.Environ(), envInside+"=1", envScratch+"="+scratch)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWNET | unix.CLONE_NEWNS
	// Changing the root to itself needs a capability inside the new namespaces,
	// which some distributions deny to ordinary users: better to know it now.
	cmd.SysProcAttr.Chroot = "/"
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	dir, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s) // it may have ended meanwhile
		}
	}()
	if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() <= 0 {
		return 1, nil // ended by a signal
	}
	return cmd.ProcessState.ExitCode(), nil
}

// self is this test binary, to be run again; it dies with us.
func self(args []string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = filepath.Base(os.Args[0])
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// settleIn prepares the namespace that holds the bridges.
func settleIn() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	// Bridges and their ports are cables: they have nothing to say themselves.
	if err := sysctl("net/ipv6/conf/default/disable_ipv6", "1"); err != nil {
		return err
	}
	return loopbackUp()
}

// hold is the program that keeps the namespaces of one host.
func hold(_ context.Context, _ []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("run", "/run", "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	// keepalived and FRR want their directories; /sys must show this host's
	// interfaces, which an ordinary user may not be allowed to mount.
	_ = unix.Mount("sys", "/sys", "sysfs", 0, "")
	for _, conf := range []string{"all", "default"} {
		if err := sysctl("net/ipv6/conf/"+conf+"/accept_dad", "0"); err != nil {
			return err
		}
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the test closes it
	return nil
}

func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}

// sysctl writes a value in the calling thread's network namespace. A kernel
// without IPv6 has no IPv6 sysctls, which is fine.
func sysctl(key, value string) error {
	err := os.WriteFile("/proc/sys/"+key, []byte(value), 0)
	if errors.Is(err, os.ErrNotExist) && strings.HasPrefix(key, "net/ipv6/") {
		return nil
	}
	return err
}
