// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// The tests of this file start Debian's keepalived on the same text and compare what it makes of it.

// script runs keepalived in network and mount namespaces of its own: $1 is the file, $2 where results go, $3 keepalived.
// The results are the JSON dump, the output of -t, and the exit code, or "running". The process namespace ends with the script, and
// keepalived with it.
const script = `
set -e
mount -t tmpfs tmpfs /run
for i in eth0 eth1 ens3 ens5 ens6; do
	ip link add $i type veth peer name p$i
	ip link set $i up; ip link set p$i up
done
ip link set lo up
ip addr add 10.0.0.2/24 dev eth0; ip addr add 10.0.1.2/24 dev eth1; ip addr add 172.20.136.130/24 dev ens3
set +e
cp "$1" /run/k.conf; chmod 644 /run/k.conf
"$3" -t -i node1 -f /run/k.conf >"$2.t" 2>&1; echo "exit $?" >>"$2.t"
TMPDIR=/run "$3" -P -n -l -i node1 -f /run/k.conf >"$2.log" 2>&1 &
pid=$!
# It writes its dump once it runs, in pieces, and at each signal anew: wait until
# it has started, ask once, and take the dump when it is whole. A busy machine is slow.
n=0
while [ $n -lt 25 ] && kill -0 $pid 2>/dev/null && ! grep -q "Startup complete" "$2.log"; do sleep 0.1; n=$((n+1)); done
sleep 0.3
kill -36 $pid 2>/dev/null
n=0
while [ $n -lt 25 ] && kill -0 $pid 2>/dev/null; do
	sleep 0.1; n=$((n+1))
	[ -s /run/keepalived.json ] && [ "$(tail -c 16 /run/keepalived.json | tr -d '[:space:]' | tail -c 1)" = "]" ] && cp /run/keepalived.json "$2.json" && break
done
if kill -0 $pid 2>/dev/null; then echo running >"$2.exit"; else wait $pid; echo $? >"$2.exit"; fi
`

// keepalivedRun is what keepalived said of one file.
type keepalivedRun struct {
	Test, Log string
	Exit      string
	Instances []keepalivedInstance
}

type keepalivedInstance struct {
	Data struct {
		Name          string   `json:"iname"`
		VRID          uint8    `json:"vrid"`
		Version       uint8    `json:"version"`
		Priority      uint8    `json:"base_priority"`
		Interval      float64  `json:"adver_int"`
		NoPreempt     bool     `json:"nopreempt"`
		PreemptDelay  float64  `json:"preempt_delay"`
		Accept        int      `json:"accept"`
		Strict        int      `json:"strict_mode"`
		SkipCheck     int      `json:"skip_check_adv_addr"`
		DontTrack     int      `json:"dont_track_primary"`
		VIPs          []string `json:"vips"`
		Excluded      []string `json:"evips"`
		Interface     string   `json:"ifp_ifname"`
		VMAC          string   `json:"vmac_ifname"`
		TrackedIfs    []string `json:"track_ifp"`
		TrackedCmds   []string `json:"track_script"`
		AuthType      int      `json:"auth_type"`
		AuthData      string   `json:"auth_data"`
		GarpDelay     float64  `json:"garp_delay"`
		GarpRepeat    int      `json:"garp_rep"`
		GarpRefresh   float64  `json:"garp_refresh"`
		GarpRefreshN  int      `json:"garp_refresh_rep"`
		LowerDelay    float64  `json:"garp_lower_prio_delay"`
		LowerRepeat   int      `json:"garp_lower_prio_rep"`
		LowerNoAdvert int      `json:"lower_prio_no_advert"`
		HigherSend    int      `json:"higher_prio_send_advert"`
		SMTPAlert     bool     `json:"smtp_alert"`
		NotifyDeleted bool     `json:"notify_deleted"`
		Promote       bool     `json:"promote_secondaries"`
		ScriptMaster  string   `json:"script_master"`
		ScriptBackup  string   `json:"script_backup"`
		ScriptFault   string   `json:"script_fault"`
		ScriptStop    string   `json:"script_stop"`
		Script        string   `json:"script"`
	} `json:"data"`
}

func runKeepalived(t *testing.T, text []byte) keepalivedRun {
	t.Helper()
	bin := require.Peer(t, "keepalived")
	out := filepath.Join(t.TempDir(), "k")
	if err := os.WriteFile(out+".conf", text, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "-n", "-m", "-p", "-f", "--kill-child", "--mount-proc", "sh", "-c", script, "sh", out+".conf", out, bin)
	if b, err := cmd.CombinedOutput(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatalf("%v\n%s", err, b)
	}
	read := func(ext string) string {
		b, err := os.ReadFile(out + ext)
		if err != nil && ext != ".json" {
			t.Fatal(err)
		}
		return string(b)
	}
	r := keepalivedRun{Test: read(".t"), Log: read(".log"), Exit: strings.TrimSpace(read(".exit"))}
	if j := read(".json"); j != "" {
		if err := json.Unmarshal([]byte(j), &r.Instances); err != nil {
			t.Fatalf("%v in %s", err, j)
		}
	}
	return r
}

func needKeepalived(t *testing.T) {
	t.Helper()
	require.Need(t, require.NetNS)
	require.Need(t, require.Root)
	require.Peer(t, "keepalived")
}

// notForKeepalived are corpus files with words that keepalived does not have, and why.
var notForKeepalived = map[string]string{
	"ours": "blocks of our own",
}

// TestModelAgainstKeepalived compares the model of every corpus file with keepalived's JSON dump, field by field.
func TestModelAgainstKeepalived(t *testing.T) {
	needKeepalived(t)
	files, err := filepath.Glob("testdata/corpus/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	slots := make(chan struct{}, 16)
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".conf")
		if notForKeepalived[name] != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			cfg, ds := Parse(f, text, Options{ConfigID: "node1"})
			if ds.HasErrors() {
				t.Fatal(ds)
			}
			r := runKeepalived(t, text)
			if len(r.Instances) != len(cfg.Instances) {
				t.Fatalf("keepalived has %d instances, the model %d\n%s", len(r.Instances), len(cfg.Instances), r.Log)
			}
			for i, v := range cfg.Instances {
				compareWithKeepalived(t, v, r.Instances[i], cfg)
			}
		})
	}
}

func compareWithKeepalived(t *testing.T, v *Instance, k keepalivedInstance, cfg *Config) {
	t.Helper()
	d := k.Data
	eq := func(field string, ours, theirs any) {
		if fmt.Sprint(ours) != fmt.Sprint(theirs) {
			t.Errorf("%s: %s is %v here and %v in keepalived", v.Name, field, ours, theirs)
		}
	}
	secs := func(d time.Duration) float64 { return math.Round(d.Seconds()*1e6) / 1e6 }
	eq("name", v.Name, d.Name)
	eq("vrid", v.VRID, d.VRID)
	eq("version", v.Version, d.Version)
	eq("priority", v.Priority, d.Priority)
	eq("advert_int", secs(v.AdvertInterval), d.Interval)
	eq("nopreempt", !v.Preempt, d.NoPreempt)
	eq("preempt_delay", math.Floor(secs(v.PreemptDelay)), d.PreemptDelay) // the dump prints whole seconds
	eq("accept", v.Accept, d.Accept != 0)
	eq("strict", v.Strict, d.Strict != 0)
	eq("skip_check_adv_addr", v.SkipCheckAdvAddr, d.SkipCheck != 0)
	eq("dont_track_primary", !v.TrackPrimary, d.DontTrack != 0)
	eq("promote_secondaries", v.PromoteSecondaries, d.Promote)
	eq("auth_type", int(v.Auth.Type), d.AuthType)
	eq("auth_pass equal", v.Auth.Password.Reveal() == d.AuthData, true)
	eq("garp_master_delay", secs(v.Garp.MasterDelay), d.GarpDelay)
	eq("garp_master_repeat", v.Garp.MasterRepeat, d.GarpRepeat)
	eq("garp_master_refresh", secs(v.Garp.Refresh), d.GarpRefresh)
	if v.Garp.Refresh > 0 { // vrrp_min_garp prints 0 for a refresh that never happens
		eq("garp_master_refresh_repeat", v.Garp.RefreshRepeat, d.GarpRefreshN)
	}
	eq("garp_lower_prio_delay", secs(v.Garp.LowerPrioDelay), d.LowerDelay)
	eq("garp_lower_prio_repeat", v.Garp.LowerPrioRepeat, d.LowerRepeat)
	eq("lower_prio_no_advert", v.LowerPrioNoAdvert, d.LowerNoAdvert != 0)
	eq("higher_prio_send_advert", v.HigherPrioSendAdvert, d.HigherSend != 0)
	eq("smtp_alert", v.Notify.SMTPAlert, d.SMTPAlert)
	eq("notify_deleted", v.Notify.DeletedState, d.NotifyDeleted)
	if v.VMAC == nil {
		eq("interface", v.Interface, d.Interface)
	} else {
		eq("use_vmac", vmacName(v), d.VMAC)
	}
	eq("virtual_ipaddress", keepalivedAddresses(v, v.Addresses), firstWords(d.VIPs))
	eq("virtual_ipaddress_excluded", keepalivedAddresses(v, v.Excluded), firstWords(d.Excluded))
	eq("track_interface", trackNames(v.TrackInterfaces), emptyIfNil(d.TrackedIfs))
	var cmds []string
	for _, s := range v.TrackScripts {
		i := slices.IndexFunc(cfg.Scripts, func(o *Script) bool { return o.Name == s.Name })
		cmds = append(cmds, quotedArgv(&cfg.Scripts[i].Command))
	}
	eq("track_script", emptyIfNil(cmds), emptyIfNil(resolved(d.TrackedCmds)))
	eq("notify_backup", quotedArgv(v.Notify.Backup), resolve1(d.ScriptBackup))
}

func emptyIfNil(s []string) []string { return append([]string{}, s...) }

// vmacName is what both choose when there is no name and no other such interface.
func vmacName(v *Instance) string { return cmp.Or(v.VMAC.Name, fmt.Sprintf("vrrp.%d", v.VRID)) }

// keepalivedAddresses prints addresses as the dump does: without the length of a host, and with the interface.
func keepalivedAddresses(v *Instance, list []Address) []string {
	out := []string{}
	for _, a := range list {
		s := a.Prefix.String()
		if a.Prefix.IsSingleIP() {
			s = a.Prefix.Addr().String()
		}
		dev := a.Dev
		if dev == "" || dev == v.Interface {
			dev = v.Interface
			if v.VMAC != nil {
				dev = vmacName(v) + "@" + v.Interface
			}
		}
		out = append(out, s+" dev "+dev)
	}
	return out
}

func firstWords(list []string) []string {
	out := []string{}
	for _, s := range list {
		f := strings.Fields(s)
		i := slices.Index(f, "dev")
		out = append(out, f[0]+" dev "+f[i+1])
	}
	return out
}

// quotedArgv prints a command as the dump does.
func quotedArgv(c *Command) string {
	if c == nil {
		return ""
	}
	parts := make([]string, len(c.Argv))
	for i, a := range c.Argv {
		parts[i] = "'" + a + "'"
	}
	return resolve1(strings.Join(parts, " "))
}

// resolve1 undoes keepalived's resolution of symbolic links (/bin is /usr/bin).
func resolve1(s string) string { return strings.Replace(s, "'/bin/", "'/usr/bin/", 1) }

func resolved(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = resolve1(s)
	}
	return out
}

// refusals are faulty files on which keepalived and vrrpd do not agree whether they can run, and why.
var refusals = map[string]string{
	"brace-missing-inner": "keepalived merges both instances into one; vrrpd reads two",
	"quotes-single":       "keepalived looks for the interface on this host; vrrpd does so with --host only",
}

// TestFaultsAgainstKeepalived holds the severity error to its meaning: keepalived refuses to run the file. It also keeps what keepalived -t
// says of each, for docs and for the eye.
func TestFaultsAgainstKeepalived(t *testing.T) {
	needKeepalived(t)
	files := archive(t, "testdata/faults.txtar")
	said := make([]string, len(files))
	slots := make(chan struct{}, 16)
	t.Run("files", func(t *testing.T) {
		for i, f := range files {
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				slots <- struct{}{}
				defer func() { <-slots }()
				_, ds := Parse(f.Name, f.Data, Options{ConfigID: "node1"})
				r := runKeepalived(t, f.Data)
				refused := r.Exit != "0" && r.Exit != "running"
				if refused != ds.HasErrors() && refusals[f.Name] == "" {
					t.Errorf("keepalived exits with %s, our errors: %t\n%s\n%v", r.Exit, ds.HasErrors(), r.Log, ds)
				}
				said[i] = fmt.Sprintf("-- %s --\n%s", f.Name, strings.ReplaceAll(r.Test, "/run/k.conf: ", ""))
			})
		}
	})
	if *update {
		var b bytes.Buffer
		for _, s := range said {
			b.WriteString(s)
		}
		if err := os.WriteFile("testdata/faults.keepalived", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
