// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/vrrp"
)

// heard records what a lane was told.
type heard struct {
	mu     sync.Mutex
	events []string
}

func (h *heard) lane() notify.Lane {
	return notify.Lane{Name: "test", Depth: 1000, Hooks: []notify.Hook{{
		On: notify.Everything(),
		Target: notify.Func("test", func(_ context.Context, e notify.Event) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.events = append(h.events, fmt.Sprintf("%s %s %s %d", e.Kind, e.Name, e.State, e.Priority))
			return nil
		}),
	}}}
}

func report(a vrrp.Action) engine.Output { return engine.Output{Name: "VI_1", Action: a} }

func transition(from, to vrrp.State, code vrrp.CauseCode) engine.Output {
	return report(vrrp.ReportTransition{From: from, To: to, Cause: vrrp.Cause{Code: code}, Priority: 100})
}

func TestSinkReportsTransitions(t *testing.T) {
	d, log := idle(t)
	h := &heard{}
	if err := d.dispatcher.Set([]notify.Lane{h.lane()}); err != nil {
		t.Fatal(err)
	}
	d.sink.Report(at(1), transition(vrrp.Init, vrrp.Backup, vrrp.CauseStarted))
	d.sink.Report(at(2), transition(vrrp.Backup, vrrp.Master, vrrp.CauseMasterDown))
	d.sink.Report(at(2), engine.Output{Name: "VG", Group: &engine.GroupTransition{To: vrrp.Master, Members: []string{"VI_1"}}})
	if err := d.dispatcher.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"INSTANCE VI_1 BACKUP 100", "INSTANCE VI_1 MASTER 100", "GROUP VG MASTER 0"}
	if !reflect.DeepEqual(h.events, want) {
		t.Errorf("told %q, want %q", h.events, want)
	}
	for _, line := range []string{"(VI_1) Entering BACKUP STATE", "(VI_1) Entering MASTER STATE", "VRRP_Group(VG) Entering MASTER STATE"} {
		if log.count(line) != 1 { // keepalived's words: people search for them
			t.Errorf("%q is not logged once: %q", line, log.lines())
		}
	}
	decisions := d.sink.decisionsOf("VI_1")
	if len(decisions) != 2 || decisions[1].What != "transition" || !strings.Contains(decisions[1].Text, "master down") || !decisions[1].At.Equal(at(2)) {
		t.Errorf("%+v", decisions)
	}
	if len(d.sink.decisionsOf("VG")) != 1 || len(d.sink.decisionsOf("nobody")) != 0 {
		t.Error("decisions of the group or of nobody")
	}
}

func notice(n vrrp.Notice, source string) engine.Output {
	return report(vrrp.ReportNotice{Notice: n, Source: addr(source), Detail: "d"})
}

// The same notice about the same sender is logged once a minute, except those
// whose repetition tells something.
func TestSinkLimitsNotices(t *testing.T) {
	d, log := idle(t)
	for second := 0.0; second < 59; second++ {
		d.sink.Report(at(second), notice(vrrp.NoticeAddressList, "192.0.2.2"))
		d.sink.Report(at(second), notice(vrrp.NoticeSendFailed, "192.0.2.2"))
	}
	d.sink.Report(at(30), notice(vrrp.NoticeAddressList, "192.0.2.3"))
	d.sink.Report(at(60), notice(vrrp.NoticeAddressList, "192.0.2.2"))
	if n := log.count("address_list_mismatch"); n != 3 {
		t.Errorf("%d lines of a notice, want one a minute and sender: 3", n)
	}
	if n := log.count("send_failed"); n != 59 {
		t.Errorf("%d lines of a notice that is always told, want 59", n)
	}
}

// Spoofed senders do not grow the table for ever.
func TestSinkForgetsSenders(t *testing.T) {
	d, _ := idle(t)
	for n := range 3 * 4096 {
		d.sink.Report(at(0), notice(vrrp.NoticeLowerPriority, fmt.Sprintf("10.0.%d.%d", n/256, n%256)))
	}
	if n := len(d.sink.logged); n > 4097 {
		t.Errorf("%d senders remembered", n)
	}
}

func TestSinkBoundsDecisions(t *testing.T) {
	d, log := idle(t)
	for n := range 5 * decisionLog {
		d.sink.Report(at(float64(n)), report(vrrp.ReportRefusal{Reason: vrrp.RefusedTTL, Source: addr("192.0.2.9"), Detail: fmt.Sprint(n)}))
	}
	got := d.sink.decisionsOf("VI_1")
	if len(got) != decisionLog || got[decisionLog-1].Text != fmt.Sprintf("ttl %d", 5*decisionLog-1) || got[0].Source != "192.0.2.9" {
		t.Errorf("%d decisions, the last %+v", len(got), got[len(got)-1])
	}
	got[0].Text = "changed"
	if d.sink.decisionsOf("VI_1")[0].Text == "changed" {
		t.Error("decisionsOf is not a copy")
	}
	if log.count("(VI_1) packet refused: ttl") == 0 {
		t.Errorf("not logged: %q", log.lines()[0])
	}
}

// Pipes and scripts are told of priorities if they asked, and of lower adverts.
func TestSinkRemarks(t *testing.T) {
	d, _ := idle(t)
	h := &heard{}
	if err := d.dispatcher.Set([]notify.Lane{h.lane()}); err != nil {
		t.Fatal(err)
	}
	changed := func(s vrrp.State) engine.Output {
		return report(vrrp.ReportNotice{Notice: vrrp.NoticePriority, State: s, Priority: 90})
	}
	d.sink.configure(parse(t, router(vip)))
	d.sink.Report(at(0), changed(vrrp.Master)) // nobody asked
	d.sink.configure(parse(t, router(vip+"notify_priority_changes")))
	d.sink.Report(at(1), changed(vrrp.Master))
	d.sink.Report(at(2), changed(vrrp.Fault))
	d.sink.Report(at(3), notice(vrrp.NoticeLowerPriority, "192.0.2.2"))
	d.sink.Report(at(4), notice(vrrp.NoticeChecksum, "192.0.2.2")) // for the log only
	if err := d.dispatcher.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"INSTANCE VI_1 MASTER_PRIORITY 90", "INSTANCE VI_1 BACKUP_PRIORITY 90", "INSTANCE VI_1 MASTER_RX_LOWER_PRI 0"}
	if !reflect.DeepEqual(h.events, want) {
		t.Errorf("told %q, want %q", h.events, want)
	}
}

// A reload forgets the decisions of what it removes.
func TestSinkForgetsTheRemoved(t *testing.T) {
	d, _ := idle(t)
	for _, name := range []string{"VI_1", "VI_2", "VG"} {
		d.sink.Report(at(0), engine.Output{Name: name, Group: &engine.GroupTransition{To: vrrp.Backup}})
	}
	d.sink.configure(parse(t, router(vip)+"vrrp_sync_group VG {\n group {\n VI_1\n }\n}\n"))
	var left []string
	for name := range d.sink.decisions {
		left = append(left, name)
	}
	slices.Sort(left)
	if !reflect.DeepEqual(left, []string{"VG", "VI_1"}) {
		t.Errorf("%q", left)
	}
}

// Silence is what a guard must doubt: if any member moved for it, the group did.
func TestGroupCause(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b vrrp.Cause
		want vrrp.CauseCode
	}{
		{"one silent", vrrp.Cause{Code: vrrp.CauseMasterResigned}, vrrp.Cause{Code: vrrp.CauseMasterDown}, vrrp.CauseMasterDown},
		{"all resigned", vrrp.Cause{Code: vrrp.CauseMasterResigned}, vrrp.Cause{Code: vrrp.CauseMasterResigned}, vrrp.CauseMasterResigned},
		{"by the group", vrrp.Cause{Code: vrrp.CauseGroup, Detail: string(vrrp.CausePreempted)}, vrrp.Cause{Code: vrrp.CausePreempted}, vrrp.CausePreempted},
	} {
		d, _ := idle(t)
		for name, cause := range map[string]vrrp.Cause{"a": c.a, "b": c.b} {
			d.sink.Report(at(0), engine.Output{Name: name, Action: vrrp.ReportTransition{To: vrrp.Master, Cause: cause}})
		}
		got := d.sink.groupCause([]string{"a", "b"})
		if got.Code != vrrp.CauseGroup || got.Detail != string(c.want) {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
}
