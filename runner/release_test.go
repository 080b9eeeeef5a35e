// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/govrrp/vrrpd/engine"
)

// stubborn is a host that fails the first releases.
func stubborn(fails int) func(context.Context, Ownership) error {
	return func(_ context.Context, o Ownership) error {
		if o == Own || fails == 0 {
			return nil
		}
		fails--
		return errors.New("device or resource busy")
	}
}

// TestReleaseOfARemovedRouter: what the host could not release for a router
// that a reload removed is ordered again, after 1 s and 2 s.
func TestReleaseOfARemovedRouter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{apply: stubborn(2)}
		r, stop := start(t, w)
		time.Sleep(5 * time.Second) // it is MASTER
		if err := r.Reload(t.Context(), engine.Config{}); err != nil {
			t.Fatal(err)
		}
		for i, after := range []time.Duration{0, time.Second, 2 * time.Second, time.Hour} {
			time.Sleep(after)
			synctest.Wait()
			want := append([]Ownership{Own}, slices.Repeat([]Ownership{Release}, min(i+1, 3))...)
			if got := w.orders(); !slices.Equal(got, want) {
				t.Errorf("after %v more: orders %v, want %v", after, got, want)
			}
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestReleaseAtShutdown: the end waits for a release that fails, and orders it
// again, but not for ever.
func TestReleaseAtShutdown(t *testing.T) {
	for fails, want := range map[int]struct {
		took   time.Duration
		failed bool
	}{
		0:   {0, false},
		2:   {3 * time.Second, false},
		100: {stopTimeout, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{apply: stubborn(fails)}
			_, stop := start(t, w)
			time.Sleep(5 * time.Second)
			began := time.Now()
			err := stop()
			if took := time.Since(began); took != want.took || (err != nil) != want.failed {
				t.Errorf("%d failures: took %v, error %v", fails, took, err)
			}
		})
	}
}

func (w *world) orders() []Ownership {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.applied)
}
