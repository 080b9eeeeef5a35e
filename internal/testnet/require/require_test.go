// SPDX-License-Identifier: Apache-2.0

package require

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// recorder keeps how a test ended instead of ending the one that runs.
type recorder struct {
	testing.TB
	outcome string
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(format string, args ...any) {
	r.outcome = "SKIP " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.outcome = "FAIL " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func outcome(f func(testing.TB)) string {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r.outcome
}

func TestMissingPeerSkipsUnlessDemanded(t *testing.T) {
	ask := func(t testing.TB) { Peer(t, "vrrpd-no-such-program") }
	for _, tc := range []struct{ env, want string }{
		{"", "SKIP needs peers: vrrpd-no-such-program: "},
		{"netns", "SKIP "},
		{"netns, peers", "FAIL VRRPD_REQUIRE=netns, peers demands peers"},
	} {
		t.Setenv(Env, tc.env)
		if got := outcome(ask); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s=%q: got %q, want prefix %q", Env, tc.env, got, tc.want)
		}
	}
}

func TestPresentPeerIsFound(t *testing.T) {
	if got := Peer(t, "true"); got == "" {
		t.Error("no path for a program every system has")
	}
}

func TestNetNSOutcomeFollowsProbe(t *testing.T) {
	saved := probeNetNS
	t.Cleanup(func() { probeNetNS = saved })
	t.Setenv(Env, "")
	probeNetNS = func() error { return errors.New("denied") }
	if got, want := outcome(func(t testing.TB) { Need(t, NetNS) }), "SKIP needs netns: denied"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	probeNetNS = func() error { return nil }
	if got := outcome(func(t testing.TB) { Need(t, NetNS) }); got != "" {
		t.Errorf("test ended with %q although the capability is there", got)
	}
}

func TestUnknownCapabilityFails(t *testing.T) {
	if got := outcome(func(t testing.TB) { Need(t, "moon") }); !strings.HasPrefix(got, "FAIL ") {
		t.Errorf("got %q", got)
	}
}

func TestProbeRuns(t *testing.T) {
	Need(t, NetNS)
}
