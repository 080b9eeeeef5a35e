// SPDX-License-Identifier: Apache-2.0

package netio

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/vrrp"
)

const (
	batchSize  = 32      // datagrams taken by one system call
	bufferSize = 9 << 10 // above any advert: 255 IPv6 addresses are 4 KiB
	pollLimit  = 64      // batches one turn may take from a socket that a flood keeps filled
)

// batch is the memory datagrams are received into.
type batch struct {
	messages []ipv4.Message // the same type for IPv6
}

func newBatch() *batch {
	b := &batch{messages: make([]ipv4.Message, batchSize)}
	control := len(ipv6.NewControlMessage(ipv6.FlagHopLimit|ipv6.FlagDst)) + unix.CmsgSpace(4)
	for i := range b.messages {
		b.messages[i].Buffers = [][]byte{make([]byte, bufferSize)}
		b.messages[i].OOB = make([]byte, control)
	}
	return b
}

// drain yields what the socket holds now. It returns nil when it is empty.
func (b *batch) drain(c *conn, yield func(vrrp.Datagram)) error {
	for range pollLimit {
		n, err := c.read(b.messages, unix.MSG_DONTWAIT)
		if err != nil {
			if errors.Is(err, unix.EAGAIN) {
				return nil
			}
			return err
		}
		for i := range b.messages[:n] {
			c.countLost(b.messages[i].OOB[:b.messages[i].NN])
			if d, ok := datagram(c.family, &b.messages[i]); ok {
				c.gate.examine(d)
				yield(d)
			}
		}
		if n < len(b.messages) {
			return nil
		}
	}
	return nil
}

// countLost takes the number of datagrams that found the socket full, which
// the kernel sends along with a datagram once there are any.
func (c *conn) countLost(control []byte) {
	if len(control) == 0 {
		return
	}
	all, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return
	}
	for _, m := range all {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_RXQ_OVFL && len(m.Data) >= 4 {
			total := binary.NativeEndian.Uint32(m.Data)
			c.lost.Add(uint64(total - c.lostTotal)) // modulo 2³²
			c.lostTotal = total
		}
	}
}

// datagram makes sense of one received message.
func datagram(family vrrp.Family, m *ipv4.Message) (vrrp.Datagram, bool) {
	b := m.Buffers[0][:m.N]
	if family == vrrp.IPv4 {
		return splitIPv4(b)
	}
	d := vrrp.Datagram{TTL: -1, Payload: b}
	from, ok := m.Addr.(*net.IPAddr)
	if !ok {
		return d, false
	}
	var cm ipv6.ControlMessage
	if err := cm.Parse(m.OOB[:m.NN]); err != nil {
		return d, false
	}
	var ok1, ok2 bool
	d.Source, ok1 = netip.AddrFromSlice(from.IP.To16())
	d.Destination, ok2 = netip.AddrFromSlice(cm.Dst.To16())
	if cm.HopLimit > 0 {
		d.TTL = cm.HopLimit
	}
	return d, ok1 && ok2
}
