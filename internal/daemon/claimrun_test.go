// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/notify"
	"github.com/govrrp/vrrpd/vrrp"
)

// claimed is a configuration whose cloud does not answer.
const claimed = `
cloud_claim here {
    provider aws
    mode MODE
    region eu-west-1
    endpoint http://127.0.0.1:1
    metadata_endpoint http://127.0.0.1:1
    timeout 1
}
`

// TestClaimsRun: a claim starts with the configuration, is kept while nothing
// changes, made anew when it does, and ends when nobody names it.
func TestClaimsRun(t *testing.T) {
	d, _ := idle(t)
	d.claims.stateDir = t.TempDir()
	who := notify.Subject{Kind: notify.Instance, Name: "VI_1"}
	configure := func(mode, name string) {
		t.Helper()
		specs, err := claimSpecs(parse(t, strings.Replace(claimed, "MODE", mode, 1)+router(vip+name)))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.claims.configure(t.Context(), specs); err != nil {
			t.Fatal(err)
		}
	}
	run := func() *claimRun { return d.claims.runs[claimKey{who, "here"}] }
	configure("enforce", "cloud_claim here")
	first := run()
	configure("enforce", "cloud_claim here")
	if first == nil || run() != first {
		t.Error("a claim that has not changed was made anew")
	}
	d.claims.transition(who, vrrp.Master, vrrp.Cause{Code: vrrp.CauseMasterDown}, 100)
	time.Sleep(20 * time.Millisecond)
	if s := run().claim.Status().State; s != cloud.StateIdle {
		t.Errorf("a claim is %s before the addresses are in place", s)
	}
	d.claims.proceed(who)
	d.claims.tick()
	ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
	defer cancel()
	if err := d.claims.held(ctx, who); err == nil || !strings.Contains(err.Error(), "VI_1/here") {
		t.Errorf("held: %v, want the claim that is not", err)
	}
	var status []map[string]any
	if err := json.Unmarshal(d.claims.status(who), &status); err != nil || len(status) != 1 {
		t.Errorf("%s, %v", d.claims.status(who), err)
	}
	configure("dry_run", "cloud_claim here")
	if !works(t, run()) {
		t.Error("a claim that was made anew while MASTER does nothing")
	}
	configure("off", "cloud_claim here")
	if run() == first || run() == nil {
		t.Error("a changed claim goes on as it was")
	}
	if err := d.claims.held(t.Context(), who); err != nil {
		t.Errorf("scripts wait for a claim that is off: %v", err)
	}
	configure("off", "")
	if run() != nil {
		t.Error("a claim nobody names still runs")
	}
	configure("dry_run", "cloud_claim here")
	if !works(t, run()) {
		t.Error("a claim that a MASTER got by reload does nothing")
	}
	d.sink.configure(parse(t, "")) // the instance goes and comes back
	configure("off", "")
	if len(d.claims.told) != 0 {
		t.Error("what has gone is still known as MASTER")
	}
	configure("off", "cloud_claim here")
	d.claims.close()
	if len(d.claims.runs) != 0 {
		t.Error("close left some")
	}
}

// works waits until a claim has left idle: it knows that it is wanted.
func works(t *testing.T, run *claimRun) bool {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if run.claim.Status().State != cloud.StateIdle {
			return true
		}
	}
	return false
}
