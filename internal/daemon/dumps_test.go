// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/control"
)

func dumped() *control.Status {
	return &control.Status{Instances: []control.Instance{{
		Name: "VI_1", State: "MASTER", VRID: 51, Interface: "eth0", VRRPVersion: 2, Since: time.Unix(1700000000, 500e6),
		Priority: control.Priority{Configured: 100, Effective: 120}, Addresses: []string{"192.0.2.10"},
		Counters: control.Counters{
			AdvertsSent: 1, AdvertsReceived: 2, PriorityZeroSent: 3, PriorityZeroReceived: 4, BecameMaster: 5, ReleasedMaster: 6,
			Refused: map[string]uint64{"length": 1, "too_short": 2, "ttl": 4, "password": 8},
		},
	}}}
}

// Programs that read keepalived.json find the members they know.
func TestKeepalivedJSON(t *testing.T) {
	text, err := json.Marshal(keepalivedJSON(dumped()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"iname":"VI_1"`, `"state":2`, `"vrid":51`, `"ifp_ifname":"eth0"`, `"base_priority":100`, `"effective_priority":120`,
		`"vips":["192.0.2.10"]`, `"last_transition":1700000000.5`, `"advert_sent":1`, `"become_master":5`,
		`"packet_len_err":3`, `"ip_ttl_err":4`, `"auth_failure":8`, `"pri_zero_rcvd":4`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	for _, never := range []string{"auth_data", "auth_pass"} {
		if strings.Contains(string(text), never) {
			t.Errorf("%s in %s", never, text)
		}
	}
	if text, _ := json.Marshal(keepalivedJSON(&control.Status{})); string(text) != "[]" {
		t.Errorf("nothing is %s", text)
	}
}

func TestKeepalivedStats(t *testing.T) {
	text := string(stats(dumped()))
	for _, want := range []string{"VRRP Instance: VI_1\n", "Received: 2\n    Sent: 1\n", "Became master: 5\n", "Length: 3\n", "TTL: 4\n", "Failure: 8\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
