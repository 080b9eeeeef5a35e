// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
)

// echo is what a frame is to ping.
type echo int

const (
	noEcho echo = iota
	echoRequest
	echoReply
)

// echoOf returns who asks or answers whom.
func echoOf(f gopacket.Packet) (src, dst string, what echo) {
	network := f.NetworkLayer()
	if network == nil {
		return "", "", noEcho
	}
	if icmp, ok := f.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4); ok {
		switch icmp.TypeCode.Type() {
		case layers.ICMPv4TypeEchoRequest:
			what = echoRequest
		case layers.ICMPv4TypeEchoReply:
			what = echoReply
		}
	}
	if icmp, ok := f.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6); ok {
		switch icmp.TypeCode.Type() {
		case layers.ICMPv6TypeEchoRequest:
			what = echoRequest
		case layers.ICMPv6TypeEchoReply:
			what = echoReply
		}
	}
	flow := network.NetworkFlow()
	return flow.Src().String(), flow.Dst().String(), what
}

// vrrpOf returns the VRRP message in a frame.
func vrrpOf(f gopacket.Packet) (payload []byte, ok bool) {
	if ip, is := f.Layer(layers.LayerTypeIPv4).(*layers.IPv4); is && ip.Protocol == layers.IPProtocolVRRP {
		payload = ip.Payload
	}
	if ip, is := f.Layer(layers.LayerTypeIPv6).(*layers.IPv6); is && ip.NextHeader == layers.IPProtocolVRRP {
		payload = ip.Payload
	}
	return payload, len(payload) >= 8
}

// explain logs what the routers sent, other than to answer, between two
// instants and in the second before: a frame from the virtual MAC of the one
// that is not MASTER turns the switches to it.
func (x *run) explain(from, to time.Time) {
	type line struct {
		at   time.Time
		text string
	}
	var all []line
	for _, c := range []struct {
		who string
		*netns.Capture
	}{{"A", x.fromA}, {"Z", x.fromZ}} {
		for _, f := range c.Frames() {
			at := f.Metadata().Timestamp
			if _, _, what := echoOf(f); what == noEcho && at.After(from.Add(-time.Second)) && !at.After(to) {
				all = append(all, line{at, c.who + " " + describe(f)})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b line) int { return a.at.Compare(b.at) })
	var b strings.Builder
	for _, l := range all {
		fmt.Fprintf(&b, "%8.1f ms  %s\n", float64(l.at.Sub(from))/1e6, l.text)
	}
	x.t.Logf("%s waited %v for an answer:\n%s", x.c.vip(), to.Sub(from), b.String())
}

// describe writes a frame in one line.
func describe(f gopacket.Packet) string {
	eth, ok := f.LinkLayer().(*layers.Ethernet)
	if !ok {
		return "no Ethernet frame"
	}
	if p, ok := vrrpOf(f); ok {
		return fmt.Sprintf("%v > %v advert, priority %d", eth.SrcMAC, eth.DstMAC, p[2])
	}
	all := f.Layers()
	text := fmt.Sprintf("%v > %v %v", eth.SrcMAC, eth.DstMAC, all[len(all)-1].LayerType())
	if n := f.NetworkLayer(); n != nil {
		text += " " + n.NetworkFlow().String()
	}
	return text
}
