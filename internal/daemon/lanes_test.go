// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/netip"
	"os/user"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

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
	var got []string
	for _, l := range lanes {
		got = append(got, l.Name[:strings.LastIndexAny(l.Name+" ", " ")]+": "+targets(l))
	}
	if len(lanes) != 5 {
		t.Fatalf("%q", got)
	}
	if lanes[0].Subject != (notify.Subject{Kind: notify.Instance, Name: "VI_1"}) || lanes[1].Subject != (notify.Subject{Kind: notify.Group, Name: "VG"}) {
		t.Errorf("%+v", lanes)
	}
	hooks := targets(lanes[0])
	if !strings.HasPrefix(hooks, "conntrack_sync cloud_claim notify_ipsec notify_") || !strings.HasSuffix(hooks, " notify") {
		t.Errorf("%s", hooks)
	}
	for _, keyword := range []string{"master", "backup", "fault", "stop", "deleted", "master_rx_lower_pri"} {
		if !strings.Contains(hooks+" ", "notify_"+keyword+" ") {
			t.Errorf("no %s in %s", keyword, hooks)
		}
	}
	if targets(lanes[1]) != "notify" || targets(lanes[2]) != "fifo" || lanes[2].Depth != notify.FIFODepth {
		t.Errorf("%q", got)
	}
	if lanes[3].Subject.Name != "VI_1" || lanes[4].Subject.Name != "VG" || targets(lanes[3]) != targets(lanes[4]) {
		t.Errorf("mail: %q", got)
	}
	again, err := d.lanes(c)
	if err != nil || again[2].Hooks[0].Target != lanes[2].Hooks[0].Target {
		t.Errorf("a reload opened the pipe again: %v", err)
	}
	_ = d.fifos[c.Global.VRRPNotifyFIFO.Path].Close()
}

func TestMailWithoutFaults(t *testing.T) {
	l := mailLane(notify.Func("mail", nil), notify.Subject{}, &config.Global{NoEmailFaults: true})
	for _, s := range l.Hooks[0].On {
		if s == notify.Fault {
			t.Error("a mail about a fault")
		}
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
