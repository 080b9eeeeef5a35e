// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// serial keeps the names of bridges and ports apart in parallel tests.
var serial atomic.Int64

// Lab is one test's network.
type Lab struct {
	t        testing.TB
	segments map[string]netlink.Link
}

// New returns an empty network, removed at the end of the test. The package
// must have called [Main].
func New(t testing.TB) *Lab {
	t.Helper()
	if os.Getenv(envInside) == "" {
		t.Fatal("netns: the package's TestMain must call netns.Main, and the test require.Need(t, require.NetNS)")
	}
	return &Lab{t: t, segments: map[string]netlink.Link{}}
}

// NIC is one network interface of a host.
type NIC struct {
	Name      string   // as the host sees it
	Segment   string   // hosts on the same segment share a bridge
	Addresses []string // with prefix length
}

// Host is one network namespace with its own mounts.
type Host struct {
	Name string

	lab   *Lab
	pid   int
	ns    netns.NsHandle
	nl    *netlink.Handle
	ports map[string]netlink.Link // the bridge's end of each interface
}

// Host adds a host with the given interfaces, all up.
func (l *Lab) Host(name string, nics ...NIC) *Host {
	l.t.Helper()
	h := &Host{Name: name, lab: l, ports: map[string]netlink.Link{}}
	h.boot()
	for _, nic := range nics {
		if err := h.Plug(nic); err != nil {
			l.t.Fatalf("host %s: interface %s: %v", name, nic.Name, err)
		}
	}
	return h
}

// boot starts the process that holds the namespaces.
func (h *Host) boot() {
	t := h.lab.t
	t.Helper()
	cmd := self(nil)
	cmd.Env = append(os.Environ(), envProgram+"="+holder)
	cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWNET | unix.CLONE_NEWNS
	cmd.Stderr = os.Stderr
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatalf("host %s: %v", h.Name, err)
	}
	h.pid = cmd.Process.Pid
	t.Cleanup(func() { h.halt(cmd, stdin) })
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("host %s did not start: %q %v", h.Name, line, err)
	}
	var err error
	if h.ns, err = netns.GetFromPid(h.pid); err != nil {
		t.Fatal(err)
	}
	if h.nl, err = netlink.NewHandleAt(h.ns); err != nil {
		t.Fatal(err)
	}
}

// halt ends every process in the host, then the host.
func (h *Host) halt(cmd *exec.Cmd, stdin io.Closer) {
	for _, pid := range h.processes() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
	}
	_ = stdin.Close()
	_ = cmd.Wait()
	if h.nl != nil {
		h.nl.Close()
		_ = h.ns.Close()
	}
	for _, port := range h.ports {
		_ = netlink.LinkDel(port) // gone with the namespace, at some time
	}
}

// processes lists the processes in the host's network namespace, without the
// one that holds it.
func (h *Host) processes() []int {
	mine, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", h.pid))
	if err != nil {
		return nil
	}
	links, _ := filepath.Glob("/proc/[0-9]*/ns/net")
	var pids []int
	for _, link := range links {
		if ns, err := os.Readlink(link); err != nil || ns != mine {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(link))))
		if err == nil && pid != h.pid && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Plug adds an interface and takes it up.
func (h *Host) Plug(nic NIC) error {
	segment, err := h.lab.segment(nic.Segment)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("p%d", serial.Add(1))
	err = netlink.LinkAdd(&netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: name, MasterIndex: segment.Attrs().Index, Flags: 1},
		PeerName:      nic.Name,
		PeerNamespace: netlink.NsPid(h.pid),
	})
	if err != nil {
		return err
	}
	port, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	h.ports[nic.Name] = port
	if err := netlink.LinkSetUp(port); err != nil {
		return err
	}
	link, err := h.nl.LinkByName(nic.Name)
	if err != nil {
		return err
	}
	if err := h.nl.LinkSetUp(link); err != nil {
		return err
	}
	for _, a := range nic.Addresses {
		addr, err := netlink.ParseAddr(a)
		if err != nil {
			return err
		}
		if err := h.nl.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
	}
	return h.settle(name, nic.Name)
}

// settle waits until both ends of a cable are up: only then does the bridge
// forward, and the kernel gets there in its own time.
func (h *Host) settle(port, nic string) error {
	for giveUp := time.Now().Add(patience); time.Now().Before(giveUp); time.Sleep(time.Millisecond) {
		p, err := netlink.LinkByName(port)
		if err != nil {
			return err
		}
		n, err := h.nl.LinkByName(nic)
		if err != nil {
			return err
		}
		if p.Attrs().OperState == netlink.OperUp && n.Attrs().OperState == netlink.OperUp {
			return nil
		}
	}
	return errors.New("the cable does not come up")
}

// Unplug removes an interface altogether.
func (h *Host) Unplug(nic string) {
	h.lab.t.Helper()
	if err := netlink.LinkDel(h.port(nic)); err != nil {
		h.lab.t.Fatalf("host %s: unplug %s: %v", h.Name, nic, err)
	}
	delete(h.ports, nic)
}

func (h *Host) port(nic string) netlink.Link {
	h.lab.t.Helper()
	port, ok := h.ports[nic]
	if !ok {
		h.lab.t.Fatalf("host %s has no interface %s", h.Name, nic)
	}
	return port
}

// segment returns the bridge of that name, made on first use.
func (l *Lab) segment(name string) (netlink.Link, error) {
	if b, ok := l.segments[name]; ok {
		return b, nil
	}
	snoop := false
	b := &netlink.Bridge{
		LinkAttrs:         netlink.LinkAttrs{Name: fmt.Sprintf("br%d", serial.Add(1))},
		MulticastSnooping: &snoop,
	}
	if err := netlink.LinkAdd(b); err != nil {
		return nil, err
	}
	l.t.Cleanup(func() { _ = netlink.LinkDel(b) })
	if err := netlink.LinkSetUp(b); err != nil {
		return nil, err
	}
	l.segments[name] = b
	return b, nil
}

// Do runs f on a thread inside the host's network namespace. Sockets that f
// opens stay there; goroutines that f starts do not: use [Host.StartProgram]
// for code that starts any.
func (h *Host) Do(f func()) {
	h.lab.t.Helper()
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		h.lab.t.Fatal(err)
	}
	defer func() {
		if err := netns.Set(home); err != nil {
			panic(fmt.Sprintf("netns: cannot come back: %v", err)) // the thread must not be reused
		}
		_ = home.Close()
		runtime.UnlockOSThread()
	}()
	if err := netns.Set(h.ns); err != nil {
		h.lab.t.Fatal(err)
	}
	f()
}
