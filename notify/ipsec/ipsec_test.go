// SPDX-License-Identifier: Apache-2.0

package ipsec

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/notify/script"
)

var vip = netip.MustParseAddr("192.0.2.9")

func at(s notify.State) notify.Event {
	return notify.Event{Kind: notify.Instance, Name: "VI", State: s}
}

// router returns a target that speaks to the fake, and loads from its disk.
func (f *fakeCharon) router(t *testing.T, change func(*Config)) notify.Target {
	t.Helper()
	c := Config{
		Stack: StrongSwan, Socket: f.socket, Addresses: []netip.Addr{vip}, Timeout: 30 * time.Second,
		Run: func(_ context.Context, argv ...string) script.Result {
			if argv[0] != "swanctl" {
				t.Errorf("ran %v", argv)
			}
			f.load()
			return script.Result{}
		},
	}
	if change != nil {
		change(&c)
	}
	target, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}

func tell(t *testing.T, target notify.Target, s notify.State, report string) {
	t.Helper()
	o := target.Notify(t.Context(), at(s))
	if o.Err != nil || o.Output != report {
		t.Errorf("%s: %v\ngot  %q\nwant %q", s, o.Err, o.Output, report)
	}
}

func TestTunnelsFollowTheState(t *testing.T) {
	f := newFakeCharon(t)
	f.know(true, "gw", "192.0.2.9", "198.51.100.1", "net-a", "net-b")
	f.know(true, "other", "192.0.2.1", "198.51.100.1", "net")
	f.know(true, "roadwarriors", "192.0.2.9", "%any", "rw")
	f.add("gw", "192.0.2.9", "CONNECTING", "net-a") // began before the address was there
	f.add("other", "192.0.2.1", "ESTABLISHED", "net")
	r := f.router(t, nil)

	up := "gw: up, 192.0.2.9 to 198.51.100.1\nroadwarriors: loaded, waits for its peers"
	tell(t, r, notify.Master, up)
	expect(t, "first MASTER", f.did(), "terminate 1", "initiate gw/net-a", "initiate gw/net-b")
	tell(t, r, notify.Master, "gw: was up, left alone\nroadwarriors: loaded, waits for its peers")
	expect(t, "second MASTER", f.did())
	tell(t, r, notify.RxLowerPri, "")

	tell(t, r, notify.Backup, "gw: unloaded\nroadwarriors: unloaded\ngw: SA ended\ngw: SA ended")
	expect(t, "BACKUP", f.did(), "unload gw", "unload roadwarriors", "terminate 3", "terminate 4")
	tell(t, r, notify.Fault, "")
	expect(t, "FAULT", f.did())

	tell(t, r, notify.Master, up)
	expect(t, "third MASTER", f.did(), "load", "initiate gw/net-a", "initiate gw/net-b")
	if len(f.sas) != 3 {
		t.Errorf("%d SAs, want the two of gw and the one of other", len(f.sas))
	}
}

func TestAddressIsAwaitedFirst(t *testing.T) {
	f := newFakeCharon(t)
	f.know(true, "gw", "192.0.2.9", "198.51.100.1", "net")
	var early []string
	r := f.router(t, func(c *Config) {
		c.Ready = func(_ context.Context, a []netip.Addr) error {
			early = f.did()
			if !slices.Equal(a, c.Addresses) {
				t.Errorf("asked for %v", a)
			}
			return nil
		}
	})
	tell(t, r, notify.Master, "gw: up, 192.0.2.9 to 198.51.100.1")
	expect(t, "before the address", early)
	expect(t, "after the address", f.did(), "initiate gw/net")

	never := f.router(t, func(c *Config) {
		c.Ready = func(context.Context, []netip.Addr) error { return errors.New("tentative") }
	})
	o := never.Notify(t.Context(), at(notify.Master))
	if o.Err == nil || !strings.Contains(o.Err.Error(), "wait for the addresses: tentative") {
		t.Errorf("got %v", o.Err)
	}
	expect(t, "without the address", f.did())

	late := f.router(t, func(c *Config) {
		c.Wait = time.Millisecond
		c.Ready = func(ctx context.Context, _ []netip.Addr) error { <-ctx.Done(); return errors.New("tentative") }
	})
	tell(t, late, notify.Master, "addresses not usable after 1ms: tentative\ngw: was up, left alone")
}

func TestRefusedChildIsTriedAgain(t *testing.T) {
	f := newFakeCharon(t)
	f.know(true, "gw", "192.0.2.9", "198.51.100.1", "net")
	f.refuse["net"] = 1
	tell(t, f.router(t, nil), notify.Master, "gw: up, 192.0.2.9 to 198.51.100.1")
	expect(t, "commands", f.did(), "initiate gw/net", "initiate gw/net")
}

func TestLostConversationBeginsAgain(t *testing.T) {
	f := newFakeCharon(t)
	f.know(true, "gw", "192.0.2.9", "198.51.100.1", "net")
	f.hangUps = 1
	tell(t, f.router(t, nil), notify.Master, "gw: up, 192.0.2.9 to 198.51.100.1")
	expect(t, "commands", f.did(), "initiate gw/net")
}

func TestDeadPeerIsReportedInTime(t *testing.T) {
	f := newFakeCharon(t)
	f.know(true, "dead", "192.0.2.9", "198.51.100.1", "lost")
	f.know(true, "live", "192.0.2.9", "198.51.100.2", "net")
	f.refuse["lost"] = 1000
	r := f.router(t, func(c *Config) { c.Timeout = 200 * time.Millisecond })
	o := r.Notify(t.Context(), at(notify.Master))
	if o.Err == nil || !errors.Is(o.Err, context.DeadlineExceeded) ||
		!strings.Contains(o.Err.Error(), "not up: dead (lost): initiate: ") ||
		!strings.Contains(o.Err.Error(), "establishing CHILD_SA 'lost' failed") {
		t.Errorf("error %v", o.Err)
	}
	if o.Output != "dead: not up\nlive: up, 192.0.2.9 to 198.51.100.1" {
		t.Errorf("report %q", o.Output)
	}
}

func TestNewerStateEndsTheWait(t *testing.T) {
	f := newFakeCharon(t)
	f.know(true, "dead", "192.0.2.9", "198.51.100.1", "lost")
	f.refuse["lost"] = 1000
	ctx, cancel := context.WithCancelCause(t.Context())
	r := f.router(t, func(c *Config) {
		c.Ready = func(context.Context, []netip.Addr) error { cancel(notify.ErrSuperseded); return nil }
	})
	if o := r.Notify(ctx, at(notify.Master)); !errors.Is(o.Err, notify.ErrSuperseded) {
		t.Errorf("got %v", o.Err)
	}
	tell(t, r, notify.Backup, "dead: unloaded")
}

func TestNamedConnectionsOnly(t *testing.T) {
	f := newFakeCharon(t)
	f.know(false, "gw", "%any", "198.51.100.1", "net")
	f.know(true, "bystander", "192.0.2.9", "198.51.100.1", "net")
	r := f.router(t, func(c *Config) { c.Connections, c.Addresses = []string{"gw"}, nil })
	tell(t, r, notify.Master, "gw: up, %any to 198.51.100.1")
	expect(t, "MASTER", f.did(), "load", "initiate gw/net")
	tell(t, r, notify.Fault, "gw: unloaded\ngw: SA ended")

	missing := f.router(t, func(c *Config) { c.Connections = []string{"gw", "typo"} })
	o := missing.Notify(t.Context(), at(notify.Master))
	if o.Err == nil || !strings.Contains(o.Err.Error(), "no such connections: wanted gw, typo") {
		t.Errorf("got %v", o.Err)
	}
}

func TestAllConnectionsWithoutAddressesAndNames(t *testing.T) {
	f := newFakeCharon(t)
	f.know(true, "a", "%any", "198.51.100.1", "net")
	f.know(true, "b", "192.0.2.7", "198.51.100.1", "net")
	r := f.router(t, func(c *Config) { c.Addresses = nil })
	tell(t, r, notify.Master, "a: up, %any to 198.51.100.1\nb: up, 192.0.2.7 to 198.51.100.1")
	tell(t, r, notify.Stop, "a: unloaded\nb: unloaded\na: SA ended\nb: SA ended")
	empty := newFakeCharon(t).router(t, func(c *Config) { c.Addresses = nil })
	if o := empty.Notify(t.Context(), at(notify.Master)); o.Err == nil || !strings.Contains(o.Err.Error(), "no such connections: wanted any") {
		t.Errorf("got %v", o.Err)
	}
}

func TestSilentOrAbsentCharonIsRestartedOnce(t *testing.T) {
	for _, silent := range []bool{true, false} {
		f := &fakeCharon{
			socket: filepath.Join(t.TempDir(), "vici"), refuse: map[string]int{}, silent: silent,
			onDisk: map[string]section{}, conns: map[string]section{}, sas: map[string]section{},
		}
		if silent {
			f.serve(t)
		}
		f.know(true, "gw", "192.0.2.9", "198.51.100.1", "net")
		restarts := 0
		r := f.router(t, func(c *Config) {
			c.Run = func(_ context.Context, argv ...string) script.Result {
				if strings.Join(argv, " ") != "systemctl restart strongswan.service" {
					t.Errorf("ran %v", argv)
				}
				restarts++
				if !silent {
					f.serve(t)
				}
				f.mu.Lock()
				defer f.mu.Unlock()
				f.silent = false
				return script.Result{}
			}
		})
		tell(t, r, notify.Master, "charon did not answer, strongswan.service restarted\ngw: up, 192.0.2.9 to 198.51.100.1")
		if restarts != 1 {
			t.Errorf("%d restarts", restarts)
		}
	}
}

func TestNothingToTakeDownWithoutCharon(t *testing.T) {
	r, err := New(Config{Stack: StrongSwan, Socket: filepath.Join(t.TempDir(), "vici"), Addresses: []netip.Addr{vip}})
	if err != nil {
		t.Fatal(err)
	}
	tell(t, r, notify.Backup, "charon does not run")
}

func TestBadConfiguration(t *testing.T) {
	for want, c := range map[string]Config{
		"unknown stack \"openswan\"":           {Stack: "openswan"},
		"libreswan needs the names":            {Stack: Libreswan, Addresses: []netip.Addr{vip}},
		"systemd needs the name of a unit":     {Stack: Systemd},
		`"--all" would be taken for an option`: {Connections: []string{"--all"}},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// commands runs a target in virtual time against a table of answers, and returns what ran.
func commands(t *testing.T, c Config, answers map[string]script.Result, states ...notify.State) (ran []string, last notify.Outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c.Run = func(_ context.Context, argv ...string) script.Result {
			line := strings.Join(argv, " ")
			ran = append(ran, line)
			return answers[line]
		}
		target, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range states {
			last = target.Notify(t.Context(), at(s))
		}
	})
	return ran, last
}

func TestLibreswan(t *testing.T) {
	c := Config{Stack: Libreswan, Connections: []string{"a", "b"}}
	status := "ipsec whack --trafficstatus --name "
	answers := map[string]script.Result{
		status + "a": {Output: `006 #2: "a", type=ESP, add_time=1480687195, inBytes=1, outBytes=2`},
		status + "b": {Output: `006 #3: "b/1x1", type=ESP, add_time=1480687195, inBytes=1, outBytes=2`},
	}
	ran, o := commands(t, c, answers, notify.Master)
	expect(t, "all up", ran, status+"a", status+"b", "ipsec whack --listen", status+"a", status+"b")
	if o.Err != nil || o.Output != "a: was up, left alone\nb: was up, left alone" {
		t.Errorf("got %v, %q", o.Err, o.Output)
	}

	delete(answers, status+"b")
	ran, o = commands(t, c, answers, notify.Master)
	expect(t, "b down", ran[:7], status+"a", status+"b", "ipsec whack --listen",
		"ipsec auto --replace b", "ipsec auto --up b --asynchronous", status+"a", status+"b")
	if o.Err == nil || !strings.Contains(o.Err.Error(), "not up: b") {
		t.Errorf("got %v", o.Err)
	}

	ran, o = commands(t, c, nil, notify.Backup)
	expect(t, "BACKUP", ran, "ipsec auto --down a", "ipsec auto --delete a", "ipsec auto --down b", "ipsec auto --delete b")
	if o.Err != nil {
		t.Error(o.Err)
	}
}

func TestSystemdUnit(t *testing.T) {
	c := Config{Stack: Systemd, Unit: "vpn.service"}
	ran, o := commands(t, c, nil, notify.Backup, notify.Master, notify.Master, notify.Fault, notify.Master)
	expect(t, "all", ran, "systemctl stop vpn.service",
		"systemctl restart vpn.service", "systemctl is-active vpn.service",
		"systemctl is-active vpn.service",
		"systemctl stop vpn.service",
		"systemctl restart vpn.service", "systemctl is-active vpn.service")
	if o.Err != nil || o.Output != "vpn.service restarted and active" {
		t.Errorf("got %v, %q", o.Err, o.Output)
	}
	_, o = commands(t, c, map[string]script.Result{
		"systemctl restart vpn.service": {Exit: 1, Err: script.ErrExit, Output: "Job failed.\nSee the journal."},
	}, notify.Master)
	if o.Err == nil || o.Err.Error() != "systemctl restart vpn.service: failed: See the journal." {
		t.Errorf("got %v", o.Err)
	}
}

func TestAutoFindsTheStack(t *testing.T) {
	none := filepath.Join(t.TempDir(), "vici")
	version := func(text string) map[string]script.Result {
		return map[string]script.Result{"ipsec --version": {Output: text}}
	}
	c := Config{Socket: none, Connections: []string{"a"}}
	ran, _ := commands(t, c, version("Linux Libreswan 4.10 (XFRM)"), notify.Backup)
	expect(t, "libreswan", ran, "ipsec --version", "ipsec auto --down a", "ipsec auto --delete a")
	if _, o := commands(t, c, version("Linux strongSwan U5.9.8"), notify.Backup); o.Output != "charon does not run" {
		t.Errorf("strongSwan: %+v", o)
	}
	if _, o := commands(t, c, nil, notify.Master); o.Err == nil || !strings.Contains(o.Err.Error(), "no IKE daemon found") {
		t.Errorf("none: %v", o.Err)
	}
	f := newFakeCharon(t)
	r := f.router(t, func(c *Config) { c.Stack = Auto })
	tell(t, r, notify.Backup, "")
	if _, err := os.Stat(f.socket); err != nil {
		t.Error(err)
	}
}
