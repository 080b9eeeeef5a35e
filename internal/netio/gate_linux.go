// SPDX-License-Identifier: Apache-2.0

package netio

import (
	"errors"
	"log/slog"
	"syscall"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/vrrp"
)

// In each period a gate lets so many packets through that no router could
// accept, to be examined, counted by reason and reported. What a flood has
// beyond that stays in the kernel, where a meter counts it.
const (
	gateBudget = 100
	gatePeriod = time.Second
)

var errFilterTooLong = errors.New("too many routers and peers for a socket filter")

// gate is a socket's. It belongs to the goroutine that polls.
type gate struct {
	filter *filter   // of this period
	began  time.Time // the period
	passed int       // unwanted packets in it
	meter  *meter    // nil while open
	heard  uint64    // of the packets metered
	broken bool      // the kernel does not take the filter: stays open
}

// turn begins a period if it is time to, or if the routers have changed, which
// opens the gate. It returns how many packets had been kept out.
func (g *gate) turn(c *conn, f *filter, now time.Time) uint64 {
	if g.filter == f && now.Sub(g.began) < gatePeriod {
		return 0
	}
	g.filter, g.began, g.passed = f, now, 0
	if g.meter == nil {
		return 0
	}
	all := g.meter.close()
	clearFilter(c.raw)
	g.meter = nil
	return all - min(g.heard, all)
}

// examine takes note of a packet.
func (g *gate) examine(d vrrp.Datagram) {
	if g.meter != nil {
		g.heard++
	}
	if !g.filter.wants(d) {
		g.passed++
	}
}

// closeIfDue closes the gate once the budget is used up, and reports whether it
// has. The packets that are in the socket by then are not metered.
func (g *gate) closeIfDue(c *conn, log *slog.Logger) bool {
	if g.passed <= gateBudget || g.meter != nil || g.broken {
		return false
	}
	if err := g.close(c); err != nil {
		g.broken = true
		log.Warn("no socket filter: a flood costs more", "err", err)
		return false
	}
	return true
}

func (g *gate) close(c *conn) error {
	program := g.filter.program(inKernel(c.family))
	if program == nil {
		return errFilterTooLong
	}
	m, err := newMeter(c)
	if err != nil {
		return err
	}
	if err := setFilter(c.raw, program); err != nil {
		m.close()
		return err
	}
	g.meter = m
	return nil
}

func setFilter(raw syscall.RawConn, program []bpf.RawInstruction) error {
	return ipv4.NewPacketConn(packetConn{raw: raw}).SetBPF(program) // the same for IPv6
}

func clearFilter(raw syscall.RawConn) {
	// It fails only if there is none.
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0) })
}

// meter counts the packets a socket is offered. The kernel does not count what
// a filter keeps from a raw socket, but what finds one full; a meter is so small
// that it always is.
type meter struct{ *conn }

func newMeter(of *conn) (*meter, error) {
	c, err := newSocket(of.family)
	if err != nil {
		return nil, err
	}
	err = control(c.raw, func(fd int) error {
		// The least the kernel allows: it holds a packet or two.
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 0); err != nil {
			return err
		}
		return unix.BindToDevice(fd, of.device)
	})
	if err != nil {
		c.file.Close()
		return nil, err
	}
	return &meter{c}, nil
}

// close ends the meter and returns what it has counted.
func (m *meter) close() uint64 {
	defer m.file.Close()
	var dropped uint64
	_ = control(m.raw, func(fd int) (err error) {
		dropped, err = drops(fd)
		return err
	})
	for b := make([]byte, 1); ; dropped++ {
		err := control(m.raw, func(fd int) error {
			_, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
			return err
		})
		if err != nil {
			return dropped
		}
	}
}

// control calls f with a descriptor that stays open meanwhile.
func control(raw syscall.RawConn, f func(fd int) error) error {
	var ferr error
	if err := raw.Control(func(fd uintptr) { ferr = f(int(fd)) }); err != nil {
		return err
	}
	return ferr
}
