// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/vrrp"
)

// capture is one advert of testdata/captures.txt.
type capture struct {
	sender string
	vrrp.Datagram
	want string
}

func readCaptures(t testing.TB) []capture {
	t.Helper()
	text, err := os.ReadFile("testdata/captures.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []capture
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || f[0] == "#":
		case strings.HasPrefix(line, " "):
			all[len(all)-1].want = strings.TrimSpace(line)
		default:
			c := capture{sender: f[0], Datagram: datagram(t, f[1], f[2], f[4])}
			if c.TTL, err = strconv.Atoi(f[3]); err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
	}
	if len(all) < 20 {
		t.Fatalf("only %d captures", len(all))
	}
	return all
}

// describe writes an advert as the captures file does.
func describe(a *vrrp.Advertisement) string {
	var s strings.Builder
	fmt.Fprintf(&s, "v%d %v vrid %d priority %d interval %v", a.Version, a.Family, a.VRID, a.Priority, a.Interval)
	if a.AuthType == vrrp.AuthPass {
		fmt.Fprintf(&s, " pass %s", bytes.TrimRight(a.AuthData[:], "\x00"))
	}
	fmt.Fprintf(&s, " %v", a.Checksum)
	for addr := range a.Addresses.All() {
		fmt.Fprintf(&s, " %v", addr)
	}
	return s.String()
}

func TestCapturesFromOtherImplementations(t *testing.T) {
	for _, c := range readCaptures(t) {
		a, err := vrrp.Parse(c.Datagram)
		if err != nil {
			t.Errorf("%s %x: %v, want %s", c.sender, c.Payload, err, c.want)
			continue
		}
		if got := describe(&a); got != c.want {
			t.Errorf("%s %x:\n got %s\nwant %s", c.sender, c.Payload, got, c.want)
		}
		// What they sent is, byte for byte, what we would have sent.
		if b := a.AppendTo(nil, c.Source, c.Destination, a.Checksum); !bytes.Equal(b, c.Payload) {
			t.Errorf("%s: appended %x, want %x", c.sender, b, c.Payload)
		}
		multicast := c.Destination == vrrp.GroupIPv4 || c.Destination == vrrp.GroupIPv6
		if multicast && c.TTL != vrrp.TTL {
			t.Errorf("%s: TTL %d", c.sender, c.TTL)
		}
	}
}

// TestCapturesDamaged flips each single bit of each capture, and sends each
// from another source: no damaged advert may pass, except that a message-only
// checksum says nothing of the source.
func TestCapturesDamaged(t *testing.T) {
	for _, c := range readCaptures(t) {
		for bit := range len(c.Payload) * 8 {
			d := c.Datagram
			d.Payload = bytes.Clone(c.Payload)
			d.Payload[bit/8] ^= 1 << (bit % 8)
			if a, err := vrrp.Parse(d); err == nil {
				t.Errorf("%s: bit %d of %x flipped and accepted: %s", c.sender, bit, c.Payload, describe(&a))
			}
		}
		d := c.Datagram
		d.Source = netip.MustParseAddr("203.0.113.77")
		if c.Source.Is6() {
			d.Source = netip.MustParseAddr("2001:db8:77::77")
		}
		a, err := vrrp.Parse(d)
		covered := strings.Contains(c.want, "pseudo") || strings.Contains(c.want, "old-unicast")
		if covered != (err == vrrp.RefusedChecksum) {
			t.Errorf("%s: from another source: %v %v", c.sender, describe(&a), err)
		}
	}
}
