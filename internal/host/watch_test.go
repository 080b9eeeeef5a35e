// SPDX-License-Identifier: Apache-2.0

//go:build linux

package host_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/host"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/vrrp"
)

// watch is a program that prints what [host.Host.Watch] yields. With
// arguments it owns them as addresses.
var watch = netns.Program("watch", func(ctx context.Context, args []string) error {
	h := host.New(host.Options{
		Log:    slog.New(slog.DiscardHandler),
		OnLost: func(id vrrp.ID, detail string) { fmt.Println("lost", id, detail) },
	})
	r := host.Router{ID: id4, Addresses: vips(args...)}
	if len(args) > 0 {
		r.Routes = []host.Route{{Destination: netip.MustParsePrefix("192.0.2.0/24"), Device: "ens3"}}
	}
	if err := h.Configure(ctx, []host.Router{r}); err != nil {
		return err
	}
	if len(args) > 0 {
		if err := h.Apply(ctx, id4, host.Own); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	err := h.Watch(ctx, func(l host.Link) {
		addresses := make([]string, len(l.Addresses))
		for i, a := range l.Addresses {
			addresses[i] = a.String()
		}
		slices.Sort(addresses)
		fmt.Println(l.Name, "present", l.Index != 0, "up", l.Up, strings.Join(addresses, " "))
	})
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return h.Close(context.Background())
})

func TestWatchYieldsWholeStates(t *testing.T) {
	n, _ := lan(t)
	n.Sysctl("net/ipv6/conf/ens5/disable_ipv6", "1")
	p := n.StartProgram(watch)
	p.Expect("ens5 present true up true 10.0.5.1/24\n")
	p.Expect("ens3 present true up true 10.0.0.1/24 2001:db8::1/64 fe80::")
	n.Exec("ip", "addr", "add", "10.0.5.9/32", "dev", "ens5")
	p.Expect("ens5 present true up true 10.0.5.1/24 10.0.5.9/32\n")
	n.Exec("ip", "addr", "del", "10.0.5.1/24", "dev", "ens5")
	p.Expect("ens5 present true up true 10.0.5.9/32\n")
	n.CableOut("ens5")
	p.Expect("ens5 present true up false 10.0.5.9/32\n")
	n.CableIn("ens5")
	n.Unplug("ens5")
	p.Expect("ens5 present false up false \n")
	if err := n.Plug(netns.NIC{Name: "ens7", Segment: "two", Addresses: []string{"10.0.7.1/24"}}); err != nil {
		t.Fatal(err)
	}
	p.Expect("ens7 present true up true 10.0.7.1/24")
	n.Exec("ip", "link", "add", "mv", "link", "ens7", "type", "macvlan")
	n.Exec("ip", "link", "set", "mv", "up")
	p.Expect("mv present true up true")
	n.LinkDown("ens7")
	p.Expect("mv present true up false")
	if code := p.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestTentativeAddressIsNotUsable(t *testing.T) {
	n, _ := lan(t)
	n.Sysctl("net/ipv6/conf/ens5/accept_dad", "1")
	p := n.StartProgram(watch)
	p.Expect("ens5 present true")
	n.Exec("ip", "addr", "add", "2001:db8:5::1/64", "dev", "ens5")
	eventually(t, "the address to be known", func() bool { return strings.Contains(p.Output(), "2001:db8:5::1/64") })
	n.expect(false, showAddr, "2001:db8:5::1/64", "tentative")
}

func TestWhatOthersRemoveIsPutBackAndTold(t *testing.T) {
	n, _ := lan(t)
	p := n.StartProgram(watch, "10.0.0.100/32", "10.0.0.101/32")
	p.Expect("ens3 present true up true 10.0.0.1/24 10.0.0.100/32 10.0.0.101/32")
	n.Exec("ip", "addr", "del", "10.0.0.100/32", "dev", "ens3")
	p.Expect("lost ens3/51/ipv4 10.0.0.100/32 on ens3\n")
	n.expect(true, showAddr, "10.0.0.100/32")
	n.Exec("ip", "route", "del", "192.0.2.0/24")
	p.Expect("lost ens3/51/ipv4 route 192.0.2.0/24 on ens3\n")
	n.expect(true, showRoute, "192.0.2.0/24")
	n.Exec("ip", "addr", "flush", "dev", "ens3")
	p.Expect("10.0.0.101/32 on ens3")
	eventually(t, "both addresses to be back", func() bool {
		return n.has(showAddr, "10.0.0.100/32") && n.has(showAddr, "10.0.0.101/32")
	})
	p.Stop()
	n.expect(false, showAddr, "10.0.0.100/32")
	if lost := strings.Count(p.Output(), "lost"); lost > 4 {
		t.Errorf("told %d times:\n%s", lost, p.Output())
	}
}

func TestOwnReleaseIsNotALoss(t *testing.T) {
	n, _ := lan(t)
	p := n.StartProgram(watch, "10.0.0.100/32")
	p.Expect("10.0.0.100/32")
	p.Stop()
	if strings.Contains(p.Output(), "lost") {
		t.Errorf("told of a loss:\n%s", p.Output())
	}
}

func TestManyChangesAtOnceAreAllSeen(t *testing.T) {
	n, _ := lan(t)
	p := n.StartProgram(watch)
	p.Expect("ens5 present true")
	n.Exec("sh", "-c", `for i in $(seq 1 250); do echo "addr add 10.77.0.$i/32 dev ens5"; done | ip -batch -
		for i in $(seq 1 249); do echo "addr del 10.77.0.$i/32 dev ens5"; done | ip -batch -
		ip addr add 10.78.0.1/32 dev ens5`)
	p.Expect("10.77.0.250/32 10.78.0.1/32")
}
