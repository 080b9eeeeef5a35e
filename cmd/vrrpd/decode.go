// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"github.com/spf13/cobra"

	"github.com/govrrp/vrrpd/vrrp"
)

func (a *app) decodeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "decode FILE.pcap",
		Short: "Show the adverts in a capture, and why a router would refuse some",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			found, err := decode(f, a.stdout)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if found == 0 {
				return fmt.Errorf("%s: no VRRP packet in it", args[0])
			}
			return nil
		},
	}
}

// packets is a capture file of either format.
type packets interface {
	gopacket.PacketDataSource
	LinkType() layers.LinkType
}

func openCapture(f io.ReadSeeker) (packets, error) {
	classic, err := pcapgo.NewReader(f)
	if err == nil {
		return classic, nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	ng, ngErr := pcapgo.NewNgReader(f, pcapgo.DefaultNgReaderOptions)
	if ngErr != nil {
		return nil, fmt.Errorf("neither pcap (%w) nor pcapng (%w)", err, ngErr)
	}
	return ng, nil
}

// decode prints one line for each VRRP packet, and returns how many there are.
func decode(f io.ReadSeeker, w io.Writer) (found int, err error) {
	in, err := openCapture(f)
	if err != nil {
		return 0, err
	}
	for {
		data, info, err := in.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		d, ok := datagram(data, in.LinkType())
		if !ok {
			continue
		}
		found++
		at := info.Timestamp.Format("15:04:05.000000")
		a, err := vrrp.Parse(d)
		if err != nil {
			fmt.Fprintf(w, "%s  %v > %v  ttl %d  refused: %v\n", at, d.Source, d.Destination, d.TTL, err)
			continue
		}
		fmt.Fprintf(w, "%s  %v > %v  ttl %d  %v\n", at, d.Source, d.Destination, d.TTL, a)
	}
}

// linkCooked2 is LINKTYPE_LINUX_SLL2, 276, which tcpdump -i any writes and
// gopacket does not know: it keeps the low byte. 20 itself is nobody's.
const linkCooked2 layers.LinkType = 276 & 0xff

// cooked2Len is the length of its header, which begins with the EtherType.
const cooked2Len = 20

// datagram takes the VRRP message out of a frame.
func datagram(frame []byte, link layers.LinkType) (d vrrp.Datagram, ok bool) {
	var first gopacket.Decoder = link
	if link == linkCooked2 && len(frame) >= cooked2Len {
		first, frame = layers.EthernetType(binary.BigEndian.Uint16(frame)), frame[cooked2Len:]
	}
	p := gopacket.NewPacket(frame, first, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	switch ip := p.NetworkLayer().(type) {
	case *layers.IPv4:
		if ip.Protocol != layers.IPProtocolVRRP {
			return d, false
		}
		d = vrrp.Datagram{TTL: int(ip.TTL), Payload: ip.Payload, Source: addr(ip.SrcIP), Destination: addr(ip.DstIP)}
	case *layers.IPv6:
		if ip.NextHeader != layers.IPProtocolVRRP {
			return d, false
		}
		d = vrrp.Datagram{TTL: int(ip.HopLimit), Payload: ip.Payload, Source: addr(ip.SrcIP), Destination: addr(ip.DstIP)}
	default:
		return d, false
	}
	return d, true
}

func addr(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip) // gopacket gives 4 or 16 bytes
	return a.Unmap()
}
