// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/vrrp"
)

var (
	routerID = vrrp.ID{Interface: "eth0", VRID: 7, Family: vrrp.IPv4}
	own      = netip.MustParseAddr("192.0.2.1")
	peer     = netip.MustParseAddr("192.0.2.2")
)

// world is every port at once, in memory.
type world struct {
	mu      sync.Mutex
	sent    []sent
	applied []Ownership
	pending []engine.FrameReceived // what Poll finds
	call    chan struct{}
	apply   func(context.Context, Ownership) error
	reports []engine.Output
	told    []engine.Input // by Record

	suspended atomic.Int64 // in nanoseconds, since the start of the machine
}

type sent struct {
	at       time.Time
	priority byte
}

func (w *world) Send(_ vrrp.ID, p vrrp.Packet) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, sent{time.Now(), p.Payload[2]})
	return nil
}

func (w *world) Wait(deadline time.Time) {
	var due <-chan time.Time
	if !deadline.IsZero() {
		due = time.After(time.Until(deadline))
	}
	select {
	case <-w.call:
	case <-due:
	}
}

func (w *world) Wake() {
	select {
	case w.call <- struct{}{}:
	default:
	}
}

// arrive lays a frame into the socket, which nobody notices.
func (w *world) arrive(f engine.FrameReceived) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = append(w.pending, f)
}

func (w *world) Poll(yield func(*engine.FrameReceived)) {
	w.mu.Lock()
	frames := w.pending
	w.pending = nil
	w.mu.Unlock()
	for i := range frames {
		yield(&frames[i])
	}
}

func (w *world) Apply(ctx context.Context, _ vrrp.ID, o Ownership) error {
	w.mu.Lock()
	w.applied = append(w.applied, o)
	apply := w.apply
	w.mu.Unlock()
	if apply != nil {
		return apply(ctx, o)
	}
	return nil
}

func (w *world) Announce(context.Context, vrrp.ID, vrrp.Announce) error { return nil }

func (w *world) List(context.Context) ([]engine.LinkChanged, error) {
	return []engine.LinkChanged{{
		Interface: "eth0", Present: true, Up: true,
		Addresses: []netip.Prefix{netip.PrefixFrom(own, 24)},
	}}, nil
}

func (w *world) Watch(ctx context.Context, _ func(engine.LinkChanged)) error {
	<-ctx.Done()
	return nil
}

func (w *world) Report(_ time.Time, out engine.Output) { w.reports = append(w.reports, out) }

func (w *world) adverts() []sent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]sent(nil), w.sent...)
}

// start runs a lone router of priority 100 with 1 s adverts.
func start(t *testing.T, w *world) (r *Runner, stop func() error) {
	t.Helper()
	e, err := engine.New(engine.Config{Routers: []engine.Router{{Name: "r", Config: vrrp.Config{
		ID: routerID, Version: vrrp.V3, Priority: 100, Interval: time.Second,
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	w.call = make(chan struct{}, 1)
	r = New(e, Ports{
		Wire: w, Host: w, Links: w, Sink: w,
		Suspended: func() time.Duration { return time.Duration(w.suspended.Load()) },
		Record:    func(_ time.Time, in engine.Input) { w.told = append(w.told, in) },
	})
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- r.Run(ctx) }()
	return r, func() error { cancel(); return <-result }
}

func advert(priority uint8) engine.FrameReceived {
	a := vrrp.Advertisement{Version: vrrp.V3, Family: vrrp.IPv4, VRID: 7, Priority: priority, Interval: time.Second}
	payload := a.AppendTo(nil, peer, vrrp.GroupIPv4, vrrp.ChecksumPseudo)
	return engine.FrameReceived{Interface: "eth0", Datagram: vrrp.Datagram{
		Source: peer, Destination: vrrp.GroupIPv4, TTL: 255, Payload: payload,
	}}
}

const masterDown = 3*time.Second + 609375*time.Microsecond

func TestHangingHostDelaysNoAdvert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{apply: func(ctx context.Context, o Ownership) error {
			if o == Own {
				time.Sleep(20 * time.Second)
			}
			return nil
		}}
		began := time.Now()
		_, stop := start(t, w)
		time.Sleep(masterDown + 15*time.Second + time.Millisecond)
		got := w.adverts()
		if len(got) != 16 {
			t.Fatalf("%d adverts while the host hung, want 16", len(got))
		}
		for i, s := range got {
			if want := began.Add(masterDown + time.Duration(i)*time.Second); !s.at.Equal(want) {
				t.Errorf("advert %d at %v, want %v", i, s.at.Sub(began), want.Sub(began))
			}
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestFramesAreHeardBeforeTimeIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		r, stop := start(t, w)
		// The MASTER's advert lies in the socket when the timer is due.
		w.arrive(advert(200))
		time.Sleep(masterDown + time.Millisecond)
		if got := w.adverts(); len(got) != 0 {
			t.Errorf("took over although the MASTER's advert lay in the socket: %v", got)
		}
		s, err := r.Status(t.Context())
		if err != nil || s.Routers[0].State != vrrp.Backup || s.Routers[0].Master.Priority != 200 {
			t.Errorf("status %+v, %v", s.Routers[0].Status, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestSuspended: the MASTER's machine stands still for a minute, in which the
// clock of this process does not move. Before that it was suspended for a day,
// which is no news.
func TestSuspended(t *testing.T) {
	const day, little = 24 * time.Hour, shortestSuspension - 1
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.suspended.Store(int64(day))
		r, stop := start(t, w)
		time.Sleep(masterDown + time.Millisecond)
		w.suspended.Add(int64(little)) // no more than the clocks differ by themselves
		w.Wake()
		synctest.Wait()
		w.suspended.Add(int64(time.Minute))
		w.arrive(advert(50)) // who took over meanwhile
		w.Wake()
		synctest.Wait()
		s, err := r.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := s.Routers[0]
		if got.State != vrrp.Backup || got.Counters.Suspensions != 1 || got.Counters.SuspendedFor != time.Minute+little {
			t.Errorf("%v, counters %+v", got.State, got.Counters)
		}
		if n := len(w.adverts()); n != 1 {
			t.Errorf("%d adverts, want none since the promotion", n)
		}
		i := slices.IndexFunc(w.told, func(in engine.Input) bool { _, ok := in.(engine.Suspended); return ok })
		if i < 0 {
			t.Fatal("the recording does not tell")
		}
		if _, frame := w.told[i+1].(*engine.FrameReceived); !frame {
			t.Errorf("%T follows the suspension, want the frame", w.told[i+1])
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestStopResignsAndReleases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		_, stop := start(t, w)
		time.Sleep(masterDown + time.Millisecond)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		got := w.adverts()
		if len(got) != 2 || got[1].priority != 0 {
			t.Errorf("adverts %v, want the last to have priority 0", got)
		}
		if len(w.applied) != 2 || w.applied[0] != Own || w.applied[1] != Release {
			t.Errorf("ownership %v, want own, release", w.applied)
		}
	})
}

func TestKeepOnExitLeavesAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		r, stop := start(t, w)
		time.Sleep(masterDown + time.Millisecond)
		if err := r.KeepOnExit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if got := w.adverts(); len(got) != 1 || len(w.applied) != 1 {
			t.Errorf("adverts %v, ownership %v", got, w.applied)
		}
	})
}

func TestOwnershipFailureResignsAndRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		denied := errors.New("operation not permitted")
		w := &world{apply: func(_ context.Context, o Ownership) error {
			if o == Own {
				return denied
			}
			return nil
		}}
		r, stop := start(t, w)
		time.Sleep(masterDown + time.Millisecond)
		synctest.Wait()
		s, err := r.Status(t.Context())
		if err != nil || s.Routers[0].State != vrrp.Fault {
			t.Fatalf("state %v, %v; want FAULT", s.Routers[0].State, err)
		}
		if got := w.adverts(); len(got) != 2 || got[1].priority != 0 {
			t.Errorf("adverts %v, want a resignation", got)
		}
		w.mu.Lock()
		w.apply = nil
		w.mu.Unlock()
		time.Sleep(time.Minute)
		if s, err = r.Status(t.Context()); err != nil || s.Routers[0].State != vrrp.Master {
			t.Errorf("state %v after the cure, %v; want MASTER", s.Routers[0].State, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestSlowHostEndsInTheLastState flaps while every host call takes longer
// than the flap: calls never overlap, and the last one is the final state.
func TestSlowHostEndsInTheLastState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var busy sync.Mutex
		w := &world{apply: func(context.Context, Ownership) error {
			if !busy.TryLock() {
				t.Error("two host calls for one router at once")
				return nil
			}
			defer busy.Unlock()
			time.Sleep(700 * time.Millisecond)
			return nil
		}}
		_, stop := start(t, w)
		for range 10 {
			time.Sleep(masterDown + 100*time.Millisecond)
			w.arrive(advert(200))
			w.arrive(advert(0))
			w.Wake()
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if last := w.applied[len(w.applied)-1]; last != Release {
			t.Errorf("last host call %v, want release", last)
		}
	})
}

// TestEveryRequestIsServed posts more than the queue holds, from many sides,
// while nothing else wakes the loop.
func TestEveryRequestIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		r, stop := start(t, w)
		var all sync.WaitGroup
		for range 4 * requestQueue {
			all.Go(func() {
				if _, err := r.Status(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		began := time.Now()
		all.Wait()
		if took := time.Since(began); took != 0 {
			t.Errorf("served by a timer, after %v", took)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if err := r.Post(t.Context(), engine.Woke{}); !errors.Is(err, ErrStopped) {
			t.Errorf("after the end: %v", err)
		}
	})
}
