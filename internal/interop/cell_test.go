// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/gopacket"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// times is what a client on the segment saw of a cell.
type times struct {
	crash time.Duration // kill -9 of the MASTER → first answer of the other
	stop  time.Duration // SIGTERM of the MASTER → first answer of the other
	back  time.Duration // longest wait for an answer while the better router comes back
}

// run is one cell being run.
type run struct {
	t      testing.TB
	c      cell
	client *netns.Host
	asks   *netns.Capture // what the client sends
	routers
	a, z *daemon
}

// routers are the hosts of a and z and what they send.
type routers struct {
	hostA, hostZ *netns.Host
	fromA, fromZ *netns.Capture
}

func runCell(t *testing.T, c cell) (r times) {
	x := &run{t: t, c: c}
	ping := require.Peer(t, "ping")
	lab := netns.New(t)
	host := func(name, last string) *netns.Host {
		return lab.Host(name, netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"192.0.2." + last + "/24", "2001:db8::" + last + "/64"}})
	}
	x.hostA, x.hostZ, x.client = host("A", "1"), host("Z", "2"), host("client", "50")
	x.fromA, x.fromZ = x.hostA.Capture("ens3"), x.hostZ.Capture("ens3")
	x.asks = x.client.Capture("ens3")
	x.a = x.start(c.a, x.hostA, "1", "2", 200)
	x.z = x.start(c.z, x.hostZ, "2", "1", 100)
	x.elected()
	x.client.Start(ping, "-n", "-i", "0.02", c.vip())
	x.follows(x.hostA, x.fromA, time.Now())
	if x.z.kind == ours {
		x.silent()
	}

	at := time.Now()
	x.a.crash()
	if c.haunted() {
		x.hostA.CableOut("ens3")
	}
	x.z.want("V", "MASTER")
	r.crash = x.follows(x.hostZ, x.fromZ, at).Sub(at)
	if c.haunted() {
		x.hostA.CableIn("ens3")
	}
	r.back = x.comeBack()

	at = time.Now()
	x.a.proc.Signal(syscall.SIGTERM)
	if code := x.a.proc.Wait(); code != 0 {
		t.Errorf("%s ends with exit code %d after SIGTERM", c.a, code)
	}
	x.fromA.Wait("priority 0", func(f gopacket.Packet) bool {
		p, ok := vrrpOf(f)
		return ok && p[2] == 0
	})
	x.z.want("V", "MASTER")
	r.stop = x.follows(x.hostZ, x.fromZ, at).Sub(at)
	r.back = max(r.back, x.comeBack())
	x.a.noComplaint()
	x.z.noComplaint()
	x.nothingRefused()
	return r
}

// elected waits until A is MASTER and Z has heard of it. FRR over IPv6 calls
// itself MASTER some time before it can send.
func (x *run) elected() {
	x.t.Helper()
	x.a.want("V", "MASTER")
	after := time.Now()
	x.fromA.Wait("advert", func(f gopacket.Packet) bool {
		p, ok := vrrpOf(f)
		return ok && p[2] > 0 && f.Metadata().Timestamp.After(after)
	})
	x.z.want("V", "BACKUP")
}

// explained is the wait for an answer from which on the frames are logged that
// went over the wire meanwhile: in them is who caused it.
const explained = 250 * time.Millisecond

// comeBack starts A again and returns the longest time from an echo request
// that is not answered to the next answer.
func (x *run) comeBack() time.Duration {
	x.t.Helper()
	from := time.Now()
	x.a.run()
	x.elected()
	to := x.follows(x.hostA, x.fromA, time.Now())
	longest := time.Duration(0)
	answers := x.echoes(x.isReply, from, to, x.fromA, x.fromZ)
	for _, asked := range x.echoes(x.isRequest, from, to, x.asks) {
		for len(answers) > 0 && answers[0].Before(asked) {
			answers = answers[1:]
		}
		if len(answers) == 0 {
			break
		}
		if wait := answers[0].Sub(asked); wait > longest {
			longest = wait
			if wait > explained {
				x.explain(asked, answers[0])
			}
		}
	}
	return longest
}

// follows waits until a host answers the client's echo requests after a time,
// and the client sends them to the right MAC address.
func (x *run) follows(h *netns.Host, c *netns.Capture, after time.Time) (first time.Time) {
	x.t.Helper()
	answer := c.Wait("echo reply", func(f gopacket.Packet) bool {
		return f.Metadata().Timestamp.After(after) && x.isReply(f)
	})
	want := x.macOf(h)
	eventually(x.t, fmt.Sprintf("the client to know %s at %s", x.c.vip(), want), func() bool {
		return strings.Contains(x.client.Exec("ip", "neigh", "show", x.c.vip()), want)
	})
	return answer.Metadata().Timestamp
}

// macOf is the MAC address under which a MASTER is reached.
func (x *run) macOf(h *netns.Host) string {
	if x.c.mac == vmac {
		if x.c.family == ipv6Only {
			return "00:00:5e:00:02:07"
		}
		return "00:00:5e:00:01:07"
	}
	return macAddress(x.t, h, "ens3")
}

func macAddress(t testing.TB, h *netns.Host, nic string) (mac string) {
	t.Helper()
	h.Do(func() {
		i, err := net.InterfaceByName(nic)
		if err != nil {
			t.Fatal(err)
		}
		mac = i.HardwareAddr.String()
	})
	return mac
}

// silent checks that Z, if it never was MASTER, sent nothing from the virtual
// MAC: switches would learn the wrong port.
func (x *run) silent() {
	x.t.Helper()
	if s, _ := x.z.status(); x.c.mac != vmac || len(s.Instances) == 0 || s.Instances[0].Counters.BecameMaster > 0 {
		return // it was up long before A
	}
	mac, err := net.ParseMAC(x.macOf(x.hostZ))
	if err != nil {
		x.t.Fatal(err)
	}
	if frames := x.fromZ.From([6]byte(mac)); len(frames) > 0 {
		x.t.Errorf("a BACKUP sent %v", frames[0])
	}
}

// nothingRefused asks each vrrpd whether it disliked a packet.
func (x *run) nothingRefused() {
	x.t.Helper()
	for _, d := range []*daemon{x.a, x.z} {
		if d.kind != ours {
			continue
		}
		s, _ := d.status()
		i, ok := s.Instance("V")
		if !ok {
			x.t.Fatalf("vrrpd on %s does not answer", d.host.Name)
		}
		for reason, n := range i.Counters.Refused {
			if n > 0 {
				x.t.Errorf("vrrpd on %s refused %d packets: %s", d.host.Name, n, reason)
			}
		}
		if i.Counters.AdvertsReceived == 0 {
			x.t.Errorf("vrrpd on %s heard nothing", d.host.Name)
		}
	}
}

// echoes are the times of the frames that match, in order.
func (x *run) echoes(match func(gopacket.Packet) bool, from, to time.Time, on ...*netns.Capture) (at []time.Time) {
	for _, c := range on {
		for _, f := range c.Frames() {
			if ts := f.Metadata().Timestamp; match(f) && ts.After(from) && !ts.After(to) {
				at = append(at, ts)
			}
		}
	}
	sortTimes(at)
	return at
}

func (x *run) isReply(f gopacket.Packet) bool {
	src, _, what := echoOf(f)
	return what == echoReply && src == x.c.vip()
}

func (x *run) isRequest(f gopacket.Packet) bool {
	_, dst, what := echoOf(f)
	return what == echoRequest && dst == x.c.vip()
}
