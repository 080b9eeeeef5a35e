// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

const (
	ethPAll       = 3        // ETH_P_ALL in host order
	captureBuffer = 16 << 20 // bytes: bursts that come while the machine is busy
)

// Capture holds the frames a host has put on the wire.
type Capture struct {
	host *Host
	conn *packet.Conn
	done chan struct{}

	mu     sync.Mutex
	frames []gopacket.Packet
	grown  chan struct{}
}

// Capture records every frame the host sends on one interface from now on. It
// listens at the far end of the cable: what it shows was really sent.
func (h *Host) Capture(nic string) *Capture {
	t := h.lab.t
	t.Helper()
	port := h.port(nic).Attrs()
	conn, err := packet.Listen(&net.Interface{Index: port.Index, Name: port.Name}, packet.Raw, ethPAll, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var serr error
	err = raw.Control(func(fd uintptr) {
		// Without the right to a large buffer the usual one must do.
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, captureBuffer)
		serr = unix.SetsockoptInt(int(fd), unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	})
	if err != nil || serr != nil {
		t.Fatal(err, serr)
	}
	c := &Capture{host: h, conn: conn, done: make(chan struct{}), grown: make(chan struct{})}
	go c.run()
	t.Cleanup(func() {
		_ = conn.Close()
		<-c.done
	})
	return c
}

func (c *Capture) run() {
	defer close(c.done)
	buf := make([]byte, 65536)
	for {
		n, _, err := c.conn.ReadFrom(buf)
		at := time.Now()
		if errors.Is(err, unix.ENETDOWN) {
			continue // said once each time the cable is taken out
		}
		if err != nil {
			return // closed
		}
		p := gopacket.NewPacket(buf[:n], layers.LayerTypeEthernet, gopacket.Default)
		p.Metadata().CaptureInfo = gopacket.CaptureInfo{Timestamp: at, CaptureLength: n, Length: n}
		c.mu.Lock()
		c.frames = append(c.frames, p)
		close(c.grown)
		c.grown = make(chan struct{})
		c.mu.Unlock()
	}
}

// Missed returns how many frames were lost since the last call, because the
// machine was too busy to look at them.
func (c *Capture) Missed() int {
	s, err := c.conn.Stats()
	if err != nil {
		c.host.lab.t.Error(err)
		return 0
	}
	return int(s.Drops)
}

// Frames returns what was captured so far.
func (c *Capture) Frames() []gopacket.Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]gopacket.Packet(nil), c.frames...)
}

// Wait returns the first frame that matches, captured before or later; the
// test fails when none comes. what names it in the failure.
func (c *Capture) Wait(what string, match func(gopacket.Packet) bool) gopacket.Packet {
	c.host.lab.t.Helper()
	giveUp := time.After(patience)
	for seen := 0; ; {
		c.mu.Lock()
		frames, grown := c.frames, c.grown
		c.mu.Unlock()
		for ; seen < len(frames); seen++ {
			if match(frames[seen]) {
				return frames[seen]
			}
		}
		select {
		case <-grown:
		case <-giveUp:
			c.host.lab.t.Fatalf("host %s: no %s among %d frames", c.host.Name, what, len(frames))
		}
	}
}

// From returns the captured frames with that source MAC address.
func (c *Capture) From(mac [6]byte) []gopacket.Packet {
	var out []gopacket.Packet
	for _, p := range c.Frames() {
		eth, ok := p.LinkLayer().(*layers.Ethernet)
		if ok && [6]byte(eth.SrcMAC) == mac {
			out = append(out, p)
		}
	}
	return out
}

// WritePcap saves the frames for tshark or tcpdump.
func (c *Capture) WritePcap(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := pcapgo.NewWriter(f)
	if err := w.WriteFileHeader(65536, layers.LinkTypeEthernet); err != nil {
		return err
	}
	for _, p := range c.Frames() {
		if err := w.WritePacket(p.Metadata().CaptureInfo, p.Data()); err != nil {
			return err
		}
	}
	return f.Close()
}
