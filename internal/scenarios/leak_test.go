// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"context"
	"flag"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/govrrp/vrrpd/internal/control"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

var leaks = flag.Int("leaks", 10, "rounds of TestNoLeaks: 150 take 3 minutes")

// always is there all the time. FLAP falls and rises with a file.
const always = `
global_defs {
    notify_fifo DIR/fifo
}
vrrp_sync_group VG {
    group {
        FLAP
        VMAC
    }
    notify DIR/notify.sh
}
track_file level {
    file DIR/level
}
vrrp_script true {
    script "/bin/true"
    interval 0.1
}
`

// sometimes comes and goes with each reload, and all that it has with it.
const sometimes = `
track_file more {
    file DIR/level
}
vrrp_track_process self {
    process vrrpd
}
vrrp_script more {
    script "/bin/sleep 5"
    interval 6
    timeout 6
}
`

// usage is what a daemon holds.
type usage struct{ goroutines, files, resident float64 }

// TestNoLeaks: whatever states are entered and left, whatever a reload adds and
// takes away, goroutines, files and memory are what they were.
//
//	go test ./internal/scenarios -run NoLeaks -leaks 150 -v
func TestNoLeaks(t *testing.T) {
	require.Need(t, require.NetNS)
	t.Parallel()
	h := lan(netns.New(t), "r1", "1")
	conf := always + instance("FLAP", 1, 100, "track_file {\n level weight 0\n}\nnotify DIR/notify.sh") +
		instance("VMAC", 2, 100, "use_vmac\ntrack_script {\n true\n}") + instance("STILL", 3, 100, "")
	more := conf + sometimes + instance("MORE", 4, 100, "use_vmac\ntrack_file {\n more weight 1\n}\n"+
		"track_process {\n self\n}\ntrack_script {\n more weight 1\n}\nnotify DIR/notify.sh")
	d := &leaky{daemon: start(t, h, conf)}
	d.client = control.Dial(d.file("s"))
	d.write("level", 0o600, "0")
	d.write("notify.sh", 0o755, "#!/bin/sh\nexit 0\n")
	d.has("VMAC", "MASTER")
	for range 5 {
		d.round(more, conf)
	}
	before := d.usage()
	for range *leaks {
		d.round(more, conf)
	}
	after := d.usage()
	leaked := func() bool {
		const slack = 4 // a script that runs at this moment
		return after.goroutines > before.goroutines+slack || after.files > before.files+slack
	}
	for end := time.Now().Add(limit); leaked() && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond) // what ends may take a while
		after = d.usage()
	}
	t.Logf("after 5 rounds %.0f goroutines, %.0f files, %.1f MiB; after %d more %.0f, %.0f, %.1f MiB", before.goroutines, before.files,
		before.resident/(1<<20), *leaks, after.goroutines, after.files, after.resident/(1<<20))
	if leaked() {
		d.proc.Signal(syscall.SIGQUIT) // it ends with the stacks of all goroutines
		t.Error("more goroutines or files than before")
	}
	if grown := after.resident - before.resident; grown > 8<<20 {
		t.Errorf("%.1f MiB more than before", grown/(1<<20))
	}
}

type leaky struct {
	*daemon
	client *control.Client
}

// round takes the group down and up, and an instance in and out.
func (d *leaky) round(more, conf string) {
	d.t.Helper()
	d.write("level", 0o600, "1")
	d.has("VMAC", "FAULT")
	d.reload(more)
	d.has("MORE", "MASTER")
	d.write("level", 0o600, "0")
	d.has("VMAC", "MASTER")
	d.reload(conf)
	d.has("MORE", "")
}

func (d *leaky) reload(conf string) {
	d.write("keepalived.conf", 0o600, strings.ReplaceAll(conf, "DIR", d.dir))
	d.proc.Signal(syscall.SIGHUP)
}

// has waits until the instance is in the state, or is not there.
func (d *leaky) has(name, state string) {
	d.t.Helper()
	eventually(d.t, name+" to be "+strconv.Quote(state), func() bool {
		s, err := d.client.Status(context.Background())
		if err != nil {
			return false
		}
		i, ok := s.Instance(name)
		return !ok && state == "" || ok && i.State == state
	})
}

// usage asks the daemon's own metrics.
func (d *leaky) usage() usage {
	d.t.Helper()
	c := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("unix", d.file("s"))
		},
	}}
	resp, err := c.Get("http://vrrpd/metrics")
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	value := func(name string) float64 {
		f, ok := families[name]
		if !ok {
			d.t.Fatalf("no metric %s", name)
		}
		return f.GetMetric()[0].GetGauge().GetValue()
	}
	return usage{value("go_goroutines"), value("process_open_fds"), value("process_resident_memory_bytes")}
}
