// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netio_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/govrrp/vrrpd/internal/netio"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
	"github.com/govrrp/vrrpd/vrrp"
)

func TestMain(m *testing.M) { netns.Main(m) }

// listen is a host's receiver: it prints what it hears. Its argument names the
// routers: interface/vrid/family, "unicast" behind a comma.
var listen = netns.Program("listen", func(ctx context.Context, args []string) error {
	w := netio.NewWire(slog.New(slog.DiscardHandler))
	defer w.Close()
	var routers []netio.Router
	for _, a := range args {
		routers = append(routers, parseRouter(a))
	}
	if err := w.Configure(routers); err != nil {
		return err
	}
	fmt.Println("listening")
	receive(ctx, w, func(device string, d vrrp.Datagram) {
		fmt.Printf("%s: %v > %v ttl %d %x\n", device, d.Source, d.Destination, d.TTL, d.Payload)
	})
	return nil
})

func parseRouter(s string) netio.Router {
	name, unicast, _ := strings.Cut(s, ",")
	part := strings.Split(name, "/")
	vrid, _ := strconv.Atoi(part[1])
	r := netio.Router{ID: vrrp.ID{Interface: part[0], VRID: uint8(vrid), Family: vrrp.IPv4}, Unicast: unicast != ""}
	if part[2] == "ipv6" {
		r.ID.Family = vrrp.IPv6
	}
	return r
}

// send sends one packet from a host.
func send(t *testing.T, h *netns.Host, r netio.Router, from, to, text string) error {
	t.Helper()
	var err error
	h.Do(func() {
		w := netio.NewWire(slog.New(slog.DiscardHandler))
		defer w.Close()
		if err = w.Configure([]netio.Router{r}); err != nil {
			return
		}
		err = w.Send(r.ID, vrrp.Packet{
			Source: netip.MustParseAddr(from), Destination: netip.MustParseAddr(to), Payload: []byte(text),
		})
	})
	return err
}

// lan returns two hosts that share two segments.
func lan(t *testing.T) (a, b *netns.Host) {
	require.Need(t, require.NetNS)
	lab := netns.New(t)
	nics := func(n string) []netns.NIC {
		return []netns.NIC{
			{Name: "ens3", Segment: "one", Addresses: []string{"10.0.0." + n + "/24", "fe80::" + n + "/64", "2001:db8::" + n + "/64"}},
			{Name: "ens5", Segment: "two", Addresses: []string{"10.0.5." + n + "/24", "fe80::5:" + n + "/64"}},
		}
	}
	return lab.Host("a", nics("1")...), lab.Host("b", nics("2")...)
}

func isVRRP(p gopacket.Packet) bool {
	if ip, ok := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4); ok {
		return ip.Protocol == layers.IPProtocolVRRP
	}
	ip, ok := p.Layer(layers.LayerTypeIPv6).(*layers.IPv6)
	return ok && ip.NextHeader == layers.IPProtocolVRRP
}

func TestMulticastReachesTheOtherHost(t *testing.T) {
	for _, tc := range []struct{ router, from, to string }{
		{"ens3/51/ipv4", "10.0.0.1", "224.0.0.18"},
		{"ens3/51/ipv6", "fe80::1", "ff02::12"},
	} {
		t.Run(tc.router, func(t *testing.T) {
			a, b := lan(t)
			got := b.StartProgram(listen, tc.router)
			got.Expect("listening")
			wire := a.Capture("ens3")
			if err := send(t, a, parseRouter(tc.router), tc.from, tc.to, "hello"); err != nil {
				t.Fatal(err)
			}
			got.Expect(fmt.Sprintf("ens3: %s > %s ttl 255 %x", tc.from, tc.to, "hello"))
			checkAdvertFrame(t, wire.Wait("advert", isVRRP), tc.from)
		})
	}
}

// checkAdvertFrame proves what a capture must show: TTL 255, CS6, DF clear,
// the group's MAC address.
func checkAdvertFrame(t *testing.T, p gopacket.Packet, from string) {
	t.Helper()
	eth := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
	switch ip := p.NetworkLayer().(type) {
	case *layers.IPv4:
		if ip.TTL != 255 || ip.TOS != 0xc0 || ip.Flags != 0 || ip.SrcIP.String() != from || eth.DstMAC.String() != "01:00:5e:00:00:12" {
			t.Errorf("IPv4 header %+v, to %v", ip, eth.DstMAC)
		}
	case *layers.IPv6:
		if ip.HopLimit != 255 || ip.TrafficClass != 0xc0 || ip.SrcIP.String() != from || eth.DstMAC.String() != "33:33:00:00:00:12" {
			t.Errorf("IPv6 header %+v, to %v", ip, eth.DstMAC)
		}
	}
}

func TestUnicastCarriesItsOwnTTL(t *testing.T) {
	for _, tc := range []struct{ router, from, to string }{
		{"ens3/51/ipv4,unicast", "10.0.0.1", "10.0.0.2"},
		{"ens3/51/ipv6,unicast", "2001:db8::1", "2001:db8::2"},
		{"ens3/51/ipv6,unicast", "fe80::1", "fe80::2"},
	} {
		t.Run(tc.to, func(t *testing.T) {
			a, b := lan(t)
			got := b.StartProgram(listen, tc.router)
			got.Expect("listening")
			r := parseRouter(tc.router)
			for _, ttl := range []int{0, 7, 0} {
				r.TTL = ttl
				want := ttl
				if want == 0 {
					want = 255
				}
				text := fmt.Sprintf("ttl %d", ttl)
				if err := send(t, a, r, tc.from, tc.to, text); err != nil {
					t.Fatal(err)
				}
				got.Expect(fmt.Sprintf("ens3: %s > %s ttl %d %x", tc.from, tc.to, want, text))
			}
		})
	}
}

func TestSameGroupOnAnotherInterfaceIsKeptApart(t *testing.T) {
	a, b := lan(t)
	only3 := b.StartProgram(listen, "ens3/51/ipv4")
	both := b.StartProgram(listen, "ens3/51/ipv4", "ens5/51/ipv4")
	only3.Expect("listening")
	both.Expect("listening")
	if err := send(t, a, parseRouter("ens5/51/ipv4"), "10.0.5.1", "224.0.0.18", "five"); err != nil {
		t.Fatal(err)
	}
	if err := send(t, a, parseRouter("ens3/51/ipv4"), "10.0.0.1", "224.0.0.18", "three"); err != nil {
		t.Fatal(err)
	}
	both.Expect(hex.EncodeToString([]byte("three")))
	both.Expect("ens5: 10.0.5.1 > 224.0.0.18")
	only3.Expect(hex.EncodeToString([]byte("three")))
	if strings.Contains(only3.Output(), hex.EncodeToString([]byte("five"))) {
		t.Error("a packet of ens5 was heard by a router on ens3")
	}
}

func TestSendFromAbsentAddressFails(t *testing.T) {
	a, _ := lan(t)
	if err := send(t, a, parseRouter("ens3/51/ipv4"), "10.0.0.77", "224.0.0.18", "x"); err == nil {
		t.Error("sent from an address this host does not have")
	}
}

func TestSendOnMissingInterfaceFailsAndConfigureDoesNot(t *testing.T) {
	a, _ := lan(t)
	err := send(t, a, parseRouter("ens9/51/ipv4"), "10.0.0.1", "224.0.0.18", "x")
	if err == nil || !strings.Contains(err.Error(), "send for ens9/51/ipv4") {
		t.Errorf("got %v", err)
	}
}

func TestReceiverComesBackWithTheInterface(t *testing.T) {
	a, b := lan(t)
	got := b.StartProgram(listen, "ens3/51/ipv4", "ens9/51/ipv4")
	got.Expect("listening")
	b.Unplug("ens3")
	again := netns.NIC{Name: "ens9", Segment: "one", Addresses: []string{"10.0.0.9/24"}}
	if err := b.Plug(again); err != nil {
		t.Fatal(err)
	}
	// ens9 was missing at the start. The receiver tries again at least once a
	// second; until then packets are lost, so repeat.
	for i := 0; !strings.Contains(got.Output(), "ens9: 10.0.0.1"); i++ {
		if i == 1000 {
			t.Fatal("nothing heard on an interface that appeared later")
		}
		if err := send(t, a, parseRouter("ens3/51/ipv4"), "10.0.0.1", "224.0.0.18", strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
}

// numbered begins as an advert of VRRPv3 with VRID 51 does.
func numbered(n int) string { return "\x31\x33" + strconv.Itoa(n) }

func TestPollReadsWhatIsThereWithoutWaiting(t *testing.T) {
	a, b := lan(t)
	w := netio.NewWire(slog.New(slog.DiscardHandler))
	defer w.Close()
	r := parseRouter("ens3/51/ipv4")
	b.Do(func() {
		if err := w.Configure([]netio.Router{r}); err != nil {
			t.Fatal(err)
		}
	})
	w.Poll(func(string, vrrp.Datagram) { t.Error("nothing was sent yet") })
	const sent = 96 // a multiple of what one read takes: the next one finds nothing
	for i := range sent {
		if err := send(t, a, r, "10.0.0.1", "224.0.0.18", numbered(i)); err != nil {
			t.Fatal(err)
		}
	}
	next := 0
	for next < sent {
		w.Poll(func(device string, d vrrp.Datagram) {
			if want := []byte(numbered(next)); device != "ens3" || !bytes.Equal(d.Payload, want) {
				t.Fatalf("%s %q, want %q", device, d.Payload, want)
			}
			next++
		})
	}
}

// TestNothingIsLostWhileSocketsRest sends faster than the wire wants to be woken.
func TestNothingIsLostWhileSocketsRest(t *testing.T) {
	a, b := lan(t)
	w := netio.NewWire(slog.New(slog.DiscardHandler))
	defer w.Close()
	r := parseRouter("ens3/51/ipv4")
	b.Do(func() {
		if err := w.Configure([]netio.Router{r}); err != nil {
			t.Fatal(err)
		}
	})
	const sent = 200
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	next := 0
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		receive(ctx, w, func(_ string, d vrrp.Datagram) {
			if string(d.Payload) != numbered(next) {
				t.Errorf("heard %q, want %d", d.Payload, next)
			}
			if next++; next == sent {
				cancel()
			}
		})
	}()
	for i := range sent {
		if err := send(t, a, r, "10.0.0.1", "224.0.0.18", numbered(i)); err != nil {
			t.Fatal(err)
		}
	}
	<-ended
	if next != sent || w.Lost() != 0 {
		t.Errorf("%d packets of %d, %d lost", next, sent, w.Lost())
	}
	b.Do(func() {
		err := w.Send(r.ID, vrrp.Packet{Source: netip.MustParseAddr("10.0.0.2"), Destination: vrrp.GroupIPv4, Payload: []byte("bye")})
		if err != nil {
			t.Errorf("the last advert must leave after nobody listens any more: %v", err)
		}
	})
}

// TestFullSocketsAreCounted sends more than a socket holds to a wire that
// does not read.
func TestFullSocketsAreCounted(t *testing.T) {
	a, b := lan(t)
	w := netio.NewWire(slog.New(slog.DiscardHandler))
	defer w.Close()
	r := parseRouter("ens3/51/ipv4")
	b.Do(func() {
		if err := w.Configure([]netio.Router{r}); err != nil {
			t.Fatal(err)
		}
	})
	sender := netio.NewWire(slog.New(slog.DiscardHandler))
	defer sender.Close()
	a.Do(func() {
		if err := sender.Configure([]netio.Router{r}); err != nil {
			t.Fatal(err)
		}
	})
	const sent = 10_000
	p := vrrp.Packet{Source: netip.MustParseAddr("10.0.0.1"), Destination: vrrp.GroupIPv4, Payload: append([]byte(numbered(0)), make([]byte, 1000)...)}
	for range sent {
		if err := sender.Send(r.ID, p); err != nil {
			t.Fatal(err)
		}
	}
	heard := 0
	eventually(t, "the kernel to tell what it has thrown away", func() bool {
		w.Poll(func(string, vrrp.Datagram) { heard++ })
		_ = sender.Send(r.ID, p) // the count comes along with the next datagram
		return w.Lost() > 0
	})
	if got := heard + int(w.Lost()); got < sent {
		t.Errorf("%d heard, %d lost, of at least %d", heard, w.Lost(), sent)
	}
}

func TestWaitEndsAtTheDeadline(t *testing.T) {
	w := netio.NewWire(slog.New(slog.DiscardHandler))
	defer w.Close()
	early := 0 // a signal may end it early
	for range 50 {
		at := time.Now().Add(2 * time.Millisecond)
		for w.Wait(at); time.Now().Before(at); w.Wait(at) {
			early++
		}
	}
	if early > 25 {
		t.Errorf("%d times early, with nothing to hear", early)
	}
	w.Wait(time.Now().Add(-time.Hour)) // at once
	w.Wake()
	w.Wait(time.Time{}) // at once: called before
	time.AfterFunc(time.Millisecond, w.Wake)
	w.Wait(time.Now().Add(time.Hour))
	at := time.Now().Add(time.Millisecond)
	w.Wait(at) // a deadline nearer than the one before
	if time.Since(at) > 10*time.Second {
		t.Error("the last deadline does not count")
	}
}

func TestWakeAfterCloseIsHarmless(t *testing.T) {
	w := netio.NewWire(slog.New(slog.DiscardHandler))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Wake()
}

// BenchmarkWaitLateness measures how late a wake-up is on an absolute 10 ms
// schedule:
//
//	go test ./internal/netio -run '^$' -bench Lateness -benchtime 1000x
func BenchmarkWaitLateness(b *testing.B) {
	w := netio.NewWire(slog.New(slog.DiscardHandler))
	defer w.Close()
	late := make([]time.Duration, 0, b.N)
	at := time.Now()
	for b.Loop() {
		at = at.Add(10 * time.Millisecond)
		w.Wait(at)
		late = append(late, time.Since(at))
	}
	slices.Sort(late)
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	b.ReportMetric(us(late[len(late)/2]), "p50-µs")
	b.ReportMetric(us(late[len(late)*99/100]), "p99-µs")
	b.ReportMetric(us(late[len(late)-1]), "max-µs")
	b.ReportMetric(0, "ns/op")
}
