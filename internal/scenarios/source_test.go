// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"flag"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

var cycles = flag.Int("cycles", 100, "how often TestDefaultRoute becomes MASTER")

// reachable asks the kernel for a way out of the host again and again, until
// the function it returns is called: that tells how often there was none.
func reachable(h *netns.Host) (stop func() (asked, failed int)) {
	end := make(chan struct{})
	type count struct{ asked, failed int }
	result := make(chan count)
	go h.Do(func() {
		var n count
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-end:
				result <- n
				return
			case <-tick.C:
			}
			n.asked++
			c, err := net.Dial("udp", "203.0.113.1:9") // sends nothing
			if err != nil {
				n.failed++
				continue
			}
			_ = c.Close()
		}
	})
	return func() (int, int) {
		close(end)
		n := <-result
		return n.asked, n.failed
	}
}

// TestDefaultRoute: the host's own traffic uses the VIP while MASTER, and the
// default route is as it was afterwards, however the daemon ends. There is one
// all the time.
func TestDefaultRoute(t *testing.T) {
	require.Need(t, require.NetNS)
	t.Parallel()
	h := lan(netns.New(t), "r1", "1")
	h.Exec("ip", "route", "add", "default", "via", "192.0.2.254", "metric", "77")
	stop := reachable(h)
	route := func() string { return strings.TrimSpace(h.Exec("ip", "-4", "route", "show", "default")) }
	before := route()
	owned := before + " src 192.0.2.101"
	if i := strings.Index(before, " metric"); i >= 0 {
		owned = before[:i] + " src 192.0.2.101" + before[i:]
	}
	conf := instance("VI", 1, 100, "source_address vip\ntrack_file {\n f\n}")
	r := start(t, h, "track_file f {\n file DIR/level\n init_file 0\n weight 0\n}\n"+strings.Replace(conf, "advert_int 0.1", "advert_int 0.03", 1))
	is := func(when, want string) {
		t.Helper()
		eventually(t, when, func() bool { return squeeze(route()) == squeeze(want) })
	}
	is("MASTER", owned)
	for n := range *cycles {
		r.write("level", 0o600, "1")
		is(fmt.Sprint("FAULT ", n), before)
		r.write("level", 0o600, "0")
		is(fmt.Sprint("MASTER ", n), owned)
	}
	for n := range *cycles / 10 {
		if code := r.proc.Stop(); code != 0 {
			t.Errorf("exit %d", code)
		}
		is(fmt.Sprint("SIGTERM ", n), before)
		r.run()
		is(fmt.Sprint("started again ", n), owned)

		r.proc.Kill()
		if route() == "" {
			t.Error("no default route after SIGKILL")
		}
		r.write("level", 0o600, "1")
		r.run()
		r.want("VI", "FAULT")
		is(fmt.Sprint("FAULT after SIGKILL ", n), before)
		if strings.Contains(h.Exec("ip", "addr"), "192.0.2.101") {
			t.Error("the VIP of the killed daemon is still there")
		}
		r.write("level", 0o600, "0")
		is(fmt.Sprint("MASTER after SIGKILL ", n), owned)
	}
	if asked, failed := stop(); failed > 0 || asked == 0 {
		t.Errorf("without a default route %d of %d times", failed, asked)
	} else {
		t.Logf("a default route %d of %d times", asked, asked)
	}
	r.proc.Stop()
	is("the end", before)
}

// squeeze takes away what ip pads with.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }
