// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/internal/testnet/build"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
)

func TestMain(m *testing.M) { netns.Main(m) }

// daemon is one running router.
type daemon struct {
	t    testing.TB
	host *netns.Host
	dir  string
	proc *netns.Process
	path string

	env      []string // of the process, besides the test's own
	preamble string   // of its configuration, in [gateways]
}

// lan adds a router to the segment all routers share.
func lan(lab *netns.Lab, name, last string) *netns.Host {
	return lab.Host(name, netns.NIC{Name: "eth0", Segment: "lan", Addresses: []string{"192.0.2." + last + "/24"}})
}

// start runs a daemon. In the configuration DIR is a directory of its own.
func start(t testing.TB, h *netns.Host, conf string) *daemon {
	t.Helper()
	d := &daemon{t: t, host: h, dir: t.TempDir(), path: build.Vrrpd(t)}
	d.write("keepalived.conf", 0o600, strings.ReplaceAll(conf, "DIR", d.dir))
	d.run()
	return d
}

func (d *daemon) file(name string) string { return filepath.Join(d.dir, name) }

// run starts the process, again after it ended.
func (d *daemon) run() {
	d.proc = d.host.Start(slices.Concat([]string{"env"}, d.env, []string{d.path, "run", "-f", d.file("keepalived.conf"), "--socket", d.file("s")})...)
}

func (d *daemon) write(name string, mode os.FileMode, text string) {
	d.t.Helper()
	if err := os.WriteFile(d.file(name), []byte(text), mode); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Chmod(d.file(name), mode); err != nil {
		d.t.Fatal(err)
	}
}

// read returns a file of the daemon's directory; "" while it is not there.
func (d *daemon) read(name string) string {
	text, _ := os.ReadFile(d.file(name))
	return string(text)
}

// ctl runs another vrrpd command against the daemon.
func (d *daemon) ctl(args ...string) (string, error) {
	return d.host.Try(append(append([]string{d.path}, args...), "--socket", d.file("s"))...)
}

// instance asks for one instance; nil while there is no answer.
func (d *daemon) instance(name string) *control.Instance {
	out, err := d.ctl("status", "--json")
	if err != nil {
		return nil
	}
	var s control.Status
	if json.Unmarshal([]byte(out), &s) != nil {
		return nil
	}
	i, _ := s.Instance(name)
	return i
}

// notification is what became of a target; nothing yet is its zero value.
func notification(i *control.Instance, target string) control.Notification {
	for _, n := range i.Notify {
		if n.Target == target {
			return n
		}
	}
	return control.Notification{}
}

// limit is generous: it tells working from not working, never fast from slow.
const limit = 20 * time.Second

// want waits until the instance is in the state.
func (d *daemon) want(name, state string) {
	d.t.Helper()
	eventually(d.t, fmt.Sprintf("%s on %s to be %s", name, d.host.Name, state), func() bool {
		i := d.instance(name)
		return i != nil && i.State == state
	})
}

// eventually waits until it holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", limit, what)
		}
	}
}

// instance is a configuration of one instance with 100 ms adverts.
func instance(name string, vrid, priority int, lines string) string {
	return fmt.Sprintf(`
vrrp_instance %s {
    interface eth0
    virtual_router_id %d
    priority %d
    version 3
    advert_int 0.1
    virtual_ipaddress {
        192.0.2.%d/32
    }
%s
}
`, name, vrid, priority, 100+vrid, lines)
}
