// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/record"
	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

var (
	logged   = regexp.MustCompile(`\(V\) Entering (\w+) STATE`)
	replayed = regexp.MustCompile(`-> (INIT|BACKUP|MASTER|FAULT)\b`)
)

// TestRecordingReplays records a real failover (BACKUP, MASTER by the peer's
// crash, BACKUP by its return, FAULT by a cable) and replays it: the engine
// decides the same again.
func TestRecordingReplays(t *testing.T) {
	require.Need(t, require.NetNS)
	lab := netns.New(t)
	nic := func(last string) netns.NIC {
		return netns.NIC{Name: "ens3", Segment: "lan", Addresses: []string{"192.0.2." + last + "/24"}}
	}
	conf := func(priority string) string {
		return `vrrp_instance V {
    version 3
    interface ens3
    virtual_router_id 7
    priority ` + priority + `
    advert_int 0.2
    virtual_ipaddress {
        192.0.2.9/24
    }
}
`
	}
	a, b := lab.Host("a", nic("1")), lab.Host("b", nic("2"))
	better := start(t, ours, a, conf("200"))
	path := filepath.Join(t.TempDir(), "incident.jsonl")
	config := filepath.Join(t.TempDir(), "b.conf")
	if err := os.WriteFile(config, []byte(conf("100")), 0o600); err != nil {
		t.Fatal(err)
	}
	better.want("V", "MASTER")
	recorded := b.Start(better.path, "run", "-f", config, "--socket", filepath.Join(t.TempDir(), "b.sock"), "--record", path)
	recorded.Expect("Entering BACKUP STATE")
	better.crash()
	recorded.Expect("Entering MASTER STATE")
	better.run()
	eventually(t, "the better router to take over", func() bool {
		return strings.Count(recorded.Output(), "Entering BACKUP STATE") == 2
	})
	b.LinkDown("ens3")
	recorded.Expect("Entering FAULT STATE")
	recorded.Stop()

	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out strings.Builder
	if err := record.Replay(f, &out); err != nil {
		t.Fatal(err)
	}
	states := func(r *regexp.Regexp, text string) (all []string) {
		for _, m := range r.FindAllStringSubmatch(text, -1) {
			all = append(all, m[1])
		}
		return all
	}
	want, got := states(logged, recorded.Output()), states(replayed, out.String())
	if !slices.Equal(got, want) || len(want) < 4 {
		t.Errorf("the replay went through %v, the router through %v:\n%s", got, want, out.String())
	}
}
