// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"net/http"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/guard"
	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/notify"
)

// claimGuard translates what is asked before a claim after a silent peer.
func claimGuard(g *config.Guard) *guard.Guard {
	// No proxy: a peer is asked directly or not at all.
	client := &http.Client{Transport: &http.Transport{}}
	out := &guard.Guard{Hold: g.Hold}
	for _, a := range g.Ping {
		out.Probes = append(out.Probes, guard.Ping("ping "+a.String(), guard.Peer, a))
	}
	for _, url := range g.API {
		out.Probes = append(out.Probes, guard.HTTP("api "+url, guard.Peer, client, url))
	}
	if g.Witness != "" {
		out.Probes = append(out.Probes, guard.HTTP("witness", guard.Witness, client, g.Witness))
	}
	if g.Gateway.IsValid() {
		out.Probes = append(out.Probes, guard.Ping("gateway", guard.Gateway, g.Gateway))
	}
	return out
}

func suspicion(g *config.Guard) cloud.Suspicion {
	if g.OnSuspect == "hold" {
		return cloud.SuspectHold
	}
	return cloud.SuspectClaim
}

// claimWait is how long IPsec and scripts wait for the cloud to be ours: then
// they go anyway, and the status says so.
const claimWait = 15 * time.Second

// afterClaim is the hook that lets the claims begin, and IPsec and scripts wait
// for them.
func (d *Daemon) afterClaim(who notify.Subject) notify.Hook {
	target := notify.Func("cloud_claim", func(ctx context.Context, e notify.Event) error {
		if e.State != notify.Master {
			return nil
		}
		d.claims.proceed(who)
		ctx, cancel := context.WithTimeout(ctx, claimWait)
		defer cancel()
		return d.claims.held(ctx, who)
	})
	return notify.Hook{On: []notify.State{notify.Master}, Target: target, Yields: true}
}
