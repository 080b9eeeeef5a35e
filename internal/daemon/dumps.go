// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/govrrp/vrrpd/internal/control"
)

// Dump is one of the files keepalived writes when it gets a signal.
type Dump string

// The files, in the directory of temporary files.
const (
	DumpData  Dump = "keepalived.data"  // SIGUSR1: everything, for people
	DumpStats Dump = "keepalived.stats" // SIGUSR2: counters, for people
	DumpJSON  Dump = "keepalived.json"  // SIGRTMIN+2: for programs
)

// serveDumps writes a file for each request until ctx ends.
func (d *Daemon) serveDumps(ctx context.Context, requests <-chan Dump) {
	for {
		select {
		case <-ctx.Done():
			return
		case what := <-requests:
			if err := d.dump(ctx, what); err != nil && ctx.Err() == nil {
				d.opts.Log.Error("dump failed", "file", string(what), "err", err)
			}
		}
	}
}

// dump writes one file, whole or not at all, for root only.
func (d *Daemon) dump(ctx context.Context, what Dump) error {
	s, err := d.Status(ctx)
	if err != nil {
		return err
	}
	var text []byte
	switch what {
	case DumpJSON:
		text, err = json.MarshalIndent(keepalivedJSON(s), "", "  ")
	case DumpStats:
		text = stats(s)
	default:
		text, err = json.MarshalIndent(s, "", "  ")
	}
	if err != nil {
		return err
	}
	dir := os.TempDir()
	f, err := os.CreateTemp(dir, "."+string(what)+"-*") // mode 0600, and never through somebody's link
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(text, '\n'))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, string(what)))
}

// stats is keepalived.stats: a block of counters for each instance.
func stats(s *control.Status) []byte {
	var b bytes.Buffer
	for _, i := range s.Instances {
		c := i.Counters
		fmt.Fprintf(&b, "VRRP Instance: %s\n", i.Name)
		fmt.Fprintf(&b, "  Advertisements:\n    Received: %d\n    Sent: %d\n", c.AdvertsReceived, c.AdvertsSent)
		fmt.Fprintf(&b, "  Became master: %d\n  Released master: %d\n", c.BecameMaster, c.ReleasedMaster)
		fmt.Fprintf(&b, "  Packet Errors:\n    Length: %d\n    TTL: %d\n    Invalid Type: %d\n    Advertisement Interval: %d\n    Address List: %d\n",
			c.Refused["length"]+c.Refused["too_short"], c.Refused["ttl"], c.Refused["type"], c.Refused["interval"], c.Refused["addresses"])
		fmt.Fprintf(&b, "  Authentication Errors:\n    Invalid Type: %d\n    Type Mismatch: %d\n    Failure: %d\n",
			c.Refused["auth_type"], c.Refused["auth_mismatch"], c.Refused["password"])
		fmt.Fprintf(&b, "  Priority Zero:\n    Received: %d\n    Sent: %d\n", c.PriorityZeroReceived, c.PriorityZeroSent)
	}
	return b.Bytes()
}

// keepalivedInstance is one element of keepalived.json, with the members that
// programs read from it. There is no password.
type keepalivedInstance struct {
	Data  keepalivedData   `json:"data"`
	Stats keepalivedCounts `json:"stats"`
}

type keepalivedData struct {
	Name              string   `json:"iname"`
	State             int      `json:"state"` // 0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT
	WantState         int      `json:"wantstate"`
	VRID              int      `json:"vrid"`
	Interface         string   `json:"ifp_ifname"`
	BasePriority      int      `json:"base_priority"`
	EffectivePriority int      `json:"effective_priority"`
	VIPs              []string `json:"vips"`
	Version           int      `json:"version"`
	LastTransition    float64  `json:"last_transition"` // seconds since 1970
}

type keepalivedCounts struct {
	AdvertRcvd   uint64 `json:"advert_rcvd"`
	AdvertSent   uint64 `json:"advert_sent"`
	BecomeMaster uint64 `json:"become_master"`
	ReleaseMast  uint64 `json:"release_master"`
	LengthErr    uint64 `json:"packet_len_err"`
	IntervalErr  uint64 `json:"advert_interval_err"`
	TTLErr       uint64 `json:"ip_ttl_err"`
	TypeErr      uint64 `json:"invalid_type_rcvd"`
	AddressErr   uint64 `json:"addr_list_err"`
	AuthTypeErr  uint64 `json:"invalid_authtype"`
	AuthMismatch uint64 `json:"authtype_mismatch"`
	AuthFailure  uint64 `json:"auth_failure"`
	ZeroRcvd     uint64 `json:"pri_zero_rcvd"`
	ZeroSent     uint64 `json:"pri_zero_sent"`
}

func keepalivedJSON(s *control.Status) []keepalivedInstance {
	list := []keepalivedInstance{}
	numbers := map[string]int{"INIT": 0, "BACKUP": 1, "MASTER": 2, "FAULT": 3}
	for _, i := range s.Instances {
		c := i.Counters
		list = append(list, keepalivedInstance{
			Data: keepalivedData{
				Name: i.Name, State: numbers[i.State], WantState: numbers[i.State], VRID: i.VRID, Interface: i.Interface,
				BasePriority: i.Priority.Configured, EffectivePriority: i.Priority.Effective,
				VIPs: i.Addresses, Version: i.VRRPVersion,
				LastTransition: float64(i.Since.UnixNano()) / float64(time.Second),
			},
			Stats: keepalivedCounts{
				AdvertRcvd: c.AdvertsReceived, AdvertSent: c.AdvertsSent,
				BecomeMaster: c.BecameMaster, ReleaseMast: c.ReleasedMaster,
				LengthErr: c.Refused["length"] + c.Refused["too_short"], IntervalErr: c.Refused["interval"],
				TTLErr: c.Refused["ttl"], TypeErr: c.Refused["type"], AddressErr: c.Refused["addresses"],
				AuthTypeErr: c.Refused["auth_type"], AuthMismatch: c.Refused["auth_mismatch"], AuthFailure: c.Refused["password"],
				ZeroRcvd: c.PriorityZeroReceived, ZeroSent: c.PriorityZeroSent,
			},
		})
	}
	return list
}
