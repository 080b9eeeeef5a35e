// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/runner"
	"github.com/govrrp/vrrpd/vrrp"
)

// machine is a host whose calls take their time; it notes what happens in order.
type machine struct {
	applying, announcing time.Duration
	err                  error

	mu   sync.Mutex
	done []string
}

func (m *machine) note(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done = append(m.done, what)
}

func (m *machine) Apply(_ context.Context, id vrrp.ID, own runner.Ownership) error {
	time.Sleep(m.applying)
	m.note(map[runner.Ownership]string{runner.Own: "own ", runner.Release: "release "}[own] + id.Interface)
	return m.err
}

func (m *machine) Announce(_ context.Context, id vrrp.ID, _ vrrp.Announce) error {
	time.Sleep(m.announcing)
	m.note("announce " + id.Interface)
	return nil
}

var (
	outside = vrrp.ID{Interface: "eth0", VRID: 1, Family: vrrp.IPv4}
	inside  = vrrp.ID{Interface: "eth1", VRID: 2, Family: vrrp.IPv4}
	both    = []vrrp.ID{outside, inside}
	group   = notify.Subject{Kind: notify.Group, Name: "VG"}
)

// stage is a group of two routers on a machine, with a commit that takes its
// time, and lanes for what comes after.
func stage(t *testing.T, m *machine, committing time.Duration) (*phases, *notify.Dispatcher) {
	p := newPhases()
	p.host = m
	p.commits[group] = &commit{routers: both, done: make(chan struct{}), run: func(ctx context.Context) notify.Outcome {
		select {
		case <-time.After(committing):
			m.note("commit")
			return notify.Outcome{Exit: -1}
		case <-ctx.Done():
			return notify.Outcome{Exit: -1, Err: context.Cause(ctx)}
		}
	}}
	d := notify.New(nil)
	script := notify.Func("script", func(_ context.Context, e notify.Event) error { m.note("script " + string(e.State)); return nil })
	err := d.Set([]notify.Lane{
		{Name: "addresses", Hooks: []notify.Hook{p.committed(group), p.settled(both)}},
		{Name: "scripts", After: "addresses", Hooks: []notify.Hook{{Target: script}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, d
}

// promote does what the host lanes of the two routers do.
func (p *phases) promote(t *testing.T, routers ...vrrp.ID) *sync.WaitGroup {
	lanes := &sync.WaitGroup{}
	for _, id := range routers {
		lanes.Go(func() {
			if p.Apply(t.Context(), id, runner.Own) == nil {
				_ = p.Announce(t.Context(), id, vrrp.Announce{Repeat: 1})
			}
		})
	}
	return lanes
}

func (p *phases) demote(t *testing.T) *sync.WaitGroup {
	lanes := &sync.WaitGroup{}
	for _, id := range both {
		lanes.Go(func() { _ = p.Apply(t.Context(), id, runner.Release) })
	}
	return lanes
}

func event(s notify.State) notify.Event {
	return notify.Event{Kind: notify.Group, Name: "VG", State: s}
}

// result is what the status shows of a target.
func result(t *testing.T, d *notify.Dispatcher, target string) notify.Result {
	t.Helper()
	for _, r := range d.Results() {
		if r.Target == target {
			return r
		}
	}
	t.Fatalf("no result of %s", target)
	return notify.Result{}
}

func TestPhaseOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{applying: 100 * time.Millisecond, announcing: 10 * time.Millisecond}
		p, d := stage(t, m, time.Second)
		d.Post(event(notify.Master)) // the report is there at once, the lanes take their time
		lanes := p.promote(t, outside)
		time.Sleep(5 * time.Millisecond)
		also := p.promote(t, inside)
		lanes.Wait()
		also.Wait()
		synctest.Wait()
		d.Post(event(notify.Backup))
		p.demote(t).Wait()
		synctest.Wait()
		d.Post(event(notify.Master))
		p.promote(t, outside).Wait()
		p.promote(t, inside).Wait()
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
		// The two routers of the group go on beside each other.
		got := m.done
		for i := 0; i+1 < len(got); i++ {
			if got[i][:3] == got[i+1][:3] && got[i] > got[i+1] {
				got[i], got[i+1] = got[i+1], got[i]
			}
		}
		want := []string{
			"commit", "own eth0", "own eth1", "announce eth0", "announce eth1", "script MASTER",
			"release eth0", "release eth1", "script BACKUP",
			"commit", "own eth0", "announce eth0", "own eth1", "announce eth1", "script MASTER",
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

// A commit that hangs is given up: the addresses come, and the status tells.
func TestHungCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{}
		p, d := stage(t, m, time.Hour)
		began := time.Now()
		d.Post(event(notify.Master))
		p.promote(t, both...).Wait()
		if took := time.Since(began); took != commitTime {
			t.Errorf("the addresses came after %v", took)
		}
		synctest.Wait()
		if r := result(t, d, "conntrack_commit"); r.Failures != 1 || r.Err == "" {
			t.Errorf("%+v", r)
		}
		if r := result(t, d, "script"); r.State != notify.Master {
			t.Errorf("%+v", r)
		}
		// A repair while MASTER commits nothing again.
		before := time.Now()
		p.promote(t, both...).Wait()
		if time.Since(before) != 0 {
			t.Error("a repair waited for a commit")
		}
	})
}

// Scripts do not hear of a MASTER without addresses, but of the state it has then.
func TestAddressesThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{err: errors.New("no such device")}
		p, d := stage(t, m, 0)
		d.Post(event(notify.Master))
		p.promote(t, both...).Wait()
		time.Sleep(time.Second)
		d.Post(event(notify.Fault))
		p.demote(t).Wait()
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if last := m.done[len(m.done)-1]; last != "script FAULT" || len(m.done) != 6 {
			t.Errorf("%q", m.done)
		}
		if r := result(t, d, "addresses"); r.Err != "no such device\nno such device" || r.State != notify.Fault {
			t.Errorf("%+v", r)
		}
	})
}

// A host that hangs delays what comes after it, but not for ever, and the end
// of the daemon not at all.
func TestHungHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{applying: time.Hour}
		p, d := stage(t, m, 0)
		d.Post(event(notify.Master))
		lanes := p.promote(t, both...)
		began := time.Now()
		for len(d.Results()) < 3 {
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took < addressTime || took > addressTime+2*time.Second {
			t.Errorf("the script came after %v", took)
		}
		if r := result(t, d, "addresses"); r.Err != errUnsettled.Error() {
			t.Errorf("%+v", r)
		}
		d.Post(event(notify.Backup))
		synctest.Wait()
		before := time.Now()
		d.Post(event(notify.Stop))
		if err := d.Close(t.Context()); err != nil || time.Since(before) != 0 {
			t.Errorf("%v after %v", err, time.Since(before))
		}
		lanes.Wait()
	})
}

// Announcements that are paced over a long time hold nobody up.
func TestSlowAnnouncements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, d := stage(t, &machine{announcing: time.Minute}, 0)
		began := time.Now()
		d.Post(event(notify.Master))
		lanes := p.promote(t, both...)
		if err := d.Close(t.Context()); err != nil || time.Since(began) != announceTime {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		lanes.Wait()
	})
}

// A reload keeps what is under way, and gives up what is no more.
func TestPhasesReload(t *testing.T) {
	const conf = "vrrp_sync_group VG {\n group {\n VI_1\n }\n conntrack_sync {\n }\n}\n"
	p := newPhases()
	with := parse(t, router(vip)+conf)
	p.configure(with)
	first := p.commits[group]
	if first == nil || !reflect.DeepEqual(first.routers, []vrrp.ID{routerID(with.Instances[0])}) {
		t.Fatalf("%+v", first)
	}
	p.set(first.routers[0], func(*ownership) {})
	p.configure(with)
	if p.commits[group] != first || len(p.routers) != 1 {
		t.Error("a reload forgot what is under way")
	}
	p.configure(&config.Config{})
	if len(p.commits) != 0 || len(p.routers) != 0 {
		t.Errorf("%v and %v are left", p.commits, p.routers)
	}
	if out := p.committed(group).Target.Notify(t.Context(), event(notify.Master)); out.Err != nil {
		t.Error(out.Err)
	}
}
