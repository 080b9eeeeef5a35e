// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
)

// The hidden commands this package's processes are started with.
const (
	LabCommand    = "demo-lab"
	RouterCommand = "demo-router"
)

// ErrNoNamespaces says that the kernel does not let this user make network
// namespaces.
var ErrNoNamespaces = errors.New("this user cannot make network namespaces here")

// Run runs the demonstration in namespaces and writes it to w. It returns
// [ErrNoNamespaces] before anything was shown when that is not possible.
func Run(ctx context.Context, w io.Writer) error {
	dir, err := os.MkdirTemp("", "vrrpd-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := self(ctx, LabCommand, dir)
	c.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	if os.Geteuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	c.Stdout, c.Stderr = w, w
	if err := c.Start(); err != nil {
		return fmt.Errorf("%w: %w", ErrNoNamespaces, err)
	}
	err = c.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitNoLab {
		return ErrNoNamespaces
	}
	return err
}

// exitNoLab is the lab's exit code when it could build nothing.
const exitNoLab = 75

// NoLab is the error of a lab that the kernel did not let be built.
type NoLab struct{ err error }

func (n *NoLab) Error() string { return n.err.Error() }
func (n *NoLab) Unwrap() error { return n.err }

// ExitCode returns the code by which [Run] knows.
func (*NoLab) ExitCode() int { return exitNoLab }

// self is this program again, ended when this process ends.
func self(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "/proc/self/exe", args...)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}

// node is one router of the lab.
type node struct {
	name     string
	address  string
	priority int
	dir      string
	cmd      *exec.Cmd
	log      *os.File
}

func (n *node) config() string { return filepath.Join(n.dir, n.name+".conf") }
func (n *node) socket() string { return filepath.Join(n.dir, n.name+".sock") }

// start starts the router in a namespace of its own and plugs it into the
// segment.
func (n *node) start(ctx context.Context) error {
	c := self(ctx, RouterCommand, n.config(), n.socket(), n.address)
	c.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	stdin, err := c.StdinPipe()
	if err != nil {
		return err
	}
	if n.log, err = os.OpenFile(filepath.Join(n.dir, n.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	c.Stdout, c.Stderr = n.log, n.log
	if err := c.Start(); err != nil {
		return err
	}
	n.cmd = c
	if err := plug(n.name, c.Process.Pid); err != nil {
		return err
	}
	_, err = io.WriteString(stdin, "plugged\n")
	return err
}

// end sends the router a signal and waits for its end.
func (n *node) end(s syscall.Signal) error {
	if n.cmd == nil {
		return nil
	}
	if err := n.cmd.Process.Signal(s); err != nil {
		return err
	}
	_ = n.cmd.Wait() // ended by a signal: no clean exit to expect
	n.cmd = nil
	return n.log.Close()
}

// plug puts one end of a new cable on the segment and the other, as eth0, into
// the namespace of process pid.
func plug(name string, pid int) error {
	segment, err := netlink.LinkByName(segmentName)
	if err != nil {
		return err
	}
	cable := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "port-" + name, MasterIndex: segment.Attrs().Index},
		PeerName:  "eth0", PeerNamespace: netlink.NsPid(pid),
	}
	if err := netlink.LinkAdd(cable); err != nil {
		return fmt.Errorf("cable to %s: %w", name, err)
	}
	return netlink.LinkSetUp(cable)
}

const segmentName = "segment"

// buildSegment makes the bridge, on which the client has its address.
func buildSegment() error {
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: segmentName}}
	if err := netlink.LinkAdd(bridge); err != nil {
		return err
	}
	address, err := netlink.ParseAddr(clientAddress + "/24")
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(bridge, address); err != nil {
		return err
	}
	return netlink.LinkSetUp(bridge)
}

// Router runs inside a router's namespace: it waits for its cable, sets it up
// and calls serve with it.
func Router(address string, plugged io.Reader, serve func() error) error {
	if _, err := bufio.NewReader(plugged).ReadString('\n'); err != nil {
		return err
	}
	eth0, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(address + "/24")
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(eth0, a); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(eth0); err != nil {
		return err
	}
	for i := 0; i < 200; i++ {
		if eth0, err = netlink.LinkByName("eth0"); err == nil && eth0.Attrs().RawFlags&syscall.IFF_RUNNING != 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return serve()
}
