// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"os/user"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/notify/script"
)

// targets are the names of a lane's hooks, in their order.
func targets(l notify.Lane) string {
	var names []string
	for _, h := range l.Hooks {
		names = append(names, h.Target.Name())
	}
	return strings.Join(names, " ")
}

const everything = `
conntrack_sync {
}
notify_ipsec {
    stack strongswan
}
cloud_claim oci
notify_master "/bin/a"
notify_backup "/bin/b"
notify_fault "/bin/c"
notify_stop "/bin/d"
notify_deleted "/bin/e"
notify_master_rx_lower_pri "/bin/f"
notify "/bin/g"
smtp_alert
`

const claim = "cloud_claim oci {\n provider oci\n mode off\n}\n"

// What follows ownership comes in the documented order.
func TestLaneOrder(t *testing.T) {
	d, _ := idle(t)
	global := "global_defs {\n notification_email {\n a@example.org\n }\n notification_email_from b@example.org\n smtp_server 192.0.2.25\n" +
		" vrrp_notify_fifo " + filepath.Join(t.TempDir(), "pipe") + "\n}\n"
	c := parse(t, global+claim+router(vip+everything)+"vrrp_sync_group VG {\n group {\n VI_1\n }\n notify \"/bin/h\"\n smtp_alert\n}\n")
	lanes, err := d.lanes(c)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]notify.Lane{}
	for _, l := range lanes {
		got[l.Name] = l
	}
	for name, want := range map[string]struct{ after, targets string }{
		"INSTANCE VI_1 addresses": {"", "conntrack_commit addresses"},
		"INSTANCE VI_1 conntrack": {"INSTANCE VI_1 addresses", "conntrack_sync"},
		"INSTANCE VI_1 edge":      {"INSTANCE VI_1 addresses", "cloud_claim notify_ipsec"},
		"INSTANCE VI_1": {
			"INSTANCE VI_1 edge",
			"notify_master notify_backup notify_fault notify_stop notify_deleted notify_master_rx_lower_pri notify",
		},
		"GROUP VG addresses": {"", "addresses"},
		"GROUP VG":           {"GROUP VG addresses", "notify"},
	} {
		l := got[name]
		if l.After != want.after || targets(l) != want.targets {
			t.Errorf("%s: %s after %q, want %s after %q", name, targets(l), l.After, want.targets, want.after)
		}
		if who := string(l.Subject.Kind) + " " + l.Subject.Name; !strings.HasPrefix(name, who) {
			t.Errorf("%s is for %s", name, who)
		}
	}
	if len(lanes) != 9 || targets(lanes[6]) != "fifo" || lanes[6].Depth != notify.FIFODepth {
		t.Fatalf("%d lanes: %+v", len(lanes), lanes)
	}
	if lanes[7].Subject.Name != "VI_1" || lanes[8].Subject.Name != "VG" || targets(lanes[7]) != targets(lanes[8]) {
		t.Errorf("mail: %+v", lanes[7:])
	}
	again, err := d.lanes(c)
	if err != nil || again[6].Hooks[0].Target != lanes[6].Hooks[0].Target {
		t.Errorf("a reload opened the pipe again: %v", err)
	}
	_ = d.fifos[c.Global.VRRPNotifyFIFO.Path].Close()
}

// Nobody waits for the addresses of an instance that nothing follows.
func TestNoLanes(t *testing.T) {
	d, _ := idle(t)
	if lanes, err := d.lanes(parse(t, router(vip))); err != nil || len(lanes) != 0 {
		t.Errorf("%+v, %v", lanes, err)
	}
}

func TestMailWithoutFaults(t *testing.T) {
	l := mailLane(notify.Func("mail", nil), notify.Subject{}, &config.Global{NoEmailFaults: true})
	for _, s := range l.Hooks[0].On {
		if s == notify.Fault {
			t.Error("a mail about a fault")
		}
	}
}

// notify_timeout holds for each script of its instance or group.
func TestScriptTimeout(t *testing.T) {
	d, _ := idle(t)
	lanes, err := d.lanes(parse(t, router(vip+"notify_timeout 2.5\nnotify \"/bin/a\"\nnotify_stop \"/bin/b\"\n")))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range lanes[1].Hooks {
		if x := h.Target.(notify.Exec); x.Command.Timeout != 2500*time.Millisecond {
			t.Errorf("%s has %v", x.Keyword, x.Command.Timeout)
		}
	}
	if len(lanes[1].Hooks) != 2 {
		t.Errorf("%+v", lanes[1])
	}
}

func TestLaneErrors(t *testing.T) {
	d, _ := idle(t)
	c := parse(t, router(vip+"notify \"/bin/a\" nosuchuser0\n"))
	if _, err := d.lanes(c); err == nil || !strings.Contains(err.Error(), "VI_1") || !strings.Contains(err.Error(), "nosuchuser0") {
		t.Errorf("%v", err)
	}
	c = parse(t, router(vip))
	c.Global.VRRPNotifyFIFO = config.FIFO{Path: "/dev/null"}
	if _, err := d.lanes(c); err == nil || !strings.Contains(err.Error(), "/dev/null") {
		t.Errorf("a pipe that is none: %v", err)
	}
	c.Global.VRRPNotifyFIFO.User = "nosuchuser0"
	if _, err := d.lanes(c); err == nil {
		t.Error("a pipe of nobody")
	}
	c = parse(t, router(vip))
	c.Instances[0].IPsec = &config.IPsec{Stack: "nosuch"}
	if _, err := d.lanes(c); err == nil || !strings.Contains(err.Error(), "notify_ipsec") {
		t.Errorf("%v", err)
	}
}

func TestRunAs(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	as := newRunAs(&config.Global{ScriptUser: me.Username, ScriptSecurity: true})
	c, err := as.command(&config.Command{Argv: []string{"/bin/a", "x"}})
	if err != nil || c.User == nil || c.Policy != script.Refuse || !reflect.DeepEqual(c.Argv, []string{"/bin/a", "x"}) {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := as.command(nil); c != nil || err != nil {
		t.Errorf("%+v, %v of nothing", c, err)
	}
	if _, err := as.command(&config.Command{Argv: []string{"/bin/a"}, User: "nosuchuser0"}); err == nil || !strings.Contains(err.Error(), "/bin/a") {
		t.Errorf("%v", err)
	}
	c, err = newRunAs(&config.Global{}).command(&config.Command{Argv: []string{"/bin/a"}})
	if err != nil || c.User != nil || c.Policy != script.Trust {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestGroupAddresses(t *testing.T) {
	c := parse(t, router(vip+"virtual_ipaddress_excluded {\n 192.0.2.11\n}")+"vrrp_sync_group VG {\n group {\n VI_1\n }\n}\n")
	c.SyncGroups[0].Members = append(c.SyncGroups[0].Members, "gone")
	if got := groupAddresses(c, c.SyncGroups[0]); !reflect.DeepEqual(got, []netip.Addr{addr("192.0.2.10"), addr("192.0.2.11")}) {
		t.Errorf("%v", got)
	}
}
