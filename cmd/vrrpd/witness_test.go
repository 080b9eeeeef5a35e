// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/guard"
)

// A witness says what a node says of itself, that it cannot be reached, and
// nothing to whoever has another key.
func TestWitness(t *testing.T) {
	const key = cloud.Secret("0123456789abcdef0123456789abcdef")
	state := "MASTER"
	node := httptest.NewServer(guard.Handler(key, func() guard.Report { return guard.Report{State: state, Healthy: true} }))
	defer node.Close()
	foreign := httptest.NewServer(guard.Handler("another key", func() guard.Report { return guard.Report{State: "MASTER", Healthy: true} }))
	defer foreign.Close()
	h, err := witness(key, []string{"a=" + node.URL, "b=http://127.0.0.1:1/x", "c=" + foreign.URL})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewServer(h)
	defer w.Close()
	ask := func(name string) guard.Answer {
		t.Helper()
		a, err := guard.Status("witness", guard.Witness, http.DefaultClient, w.URL+"/"+name, key).Ask(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	master, standby := guard.Answer{Alive: true, State: guard.PeerMaster}, guard.Answer{Alive: true, State: guard.PeerStandby}
	if got := ask("a"); got != master {
		t.Errorf("a MASTER: %+v", got)
	}
	state = "BACKUP"
	for _, name := range []string{"a", "b", "c"} {
		if got := ask(name); got != standby {
			t.Errorf("%s: %+v, want not MASTER", name, got)
		}
	}
	if got := ask("nobody"); got != (guard.Answer{Alive: true}) {
		t.Errorf("of an unknown node: %+v", got)
	}
	for _, bad := range [][]string{{"a"}, {"=http://x"}, {"a=ftp://x"}, {"a=http://x", "a=http://y"}, {"a/b=http://x"}} {
		if _, err := witness(key, bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
