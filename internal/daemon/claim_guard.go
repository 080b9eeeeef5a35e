// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/guard"
	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/notify"
)

// peerClient asks other nodes: directly, and never longer than the budget.
// Connections are not kept: the next question comes much later, if ever.
var peerClient = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// livenessClient asks whether anything answers. Who it is does not matter, and
// an appliance's own certificate is no reason to call it dead.
var livenessClient = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, //nolint:gosec // nothing is told to it or believed
	CheckRedirect: peerClient.CheckRedirect,
}

// makeGuard translates what is asked before a claim after a silent peer.
func (r *claimRun) makeGuard() error {
	g := r.spec.conf.Guard
	if g == nil {
		return nil
	}
	if g.Key != nil {
		secret, err := guardKey(g)
		if err != nil {
			return err
		}
		r.key = cloud.Secret(secret)
	}
	probes := selfProbes(r.spec.conf)
	r.self = &guard.Guard{Probes: probes}
	r.guard = &guard.Guard{Probes: append(peerProbes(g, r.key), probes...), Hold: g.Hold, OnEvidence: r.evidence}
	return nil
}

func guardKey(g *config.Guard) (string, error) {
	if g.Key == nil {
		return "", nil
	}
	if g.Key.File != "" {
		secret, err := KeyFile(g.Key.File)
		return secret.Reveal(), err
	}
	secret, err := keyBytes(*g.Key)
	return string(secret), err
}

// KeyFile reads a key that signs answers, as key file:PATH of a guard does.
func KeyFile(path string) (cloud.Secret, error) {
	secret, err := keyBytes(config.HMACKey{File: path})
	if err == nil && (len(secret) < 32 || len(secret) > 64) {
		err = fmt.Errorf("%s: a key has 32 to 64 bytes, this one %d", path, len(secret))
	}
	return cloud.Secret(secret), err
}

func peerProbes(g *config.Guard, key cloud.Secret) (probes []guard.Probe) {
	for _, a := range g.Ping {
		probes = append(probes, guard.Ping("ping "+a.String(), guard.Peer, a))
	}
	for _, u := range g.API {
		probes = append(probes, guard.HTTP("api "+u, guard.Peer, livenessClient, u))
	}
	if g.Status != "" {
		probes = append(probes, guard.Status("status", guard.Peer, peerClient, g.Status, key))
	}
	if g.Witness != "" {
		probes = append(probes, guard.Status("witness", guard.Witness, peerClient, g.Witness, key))
	}
	return probes
}

// metadataAddress is where every one of the clouds has its metadata service.
const metadataAddress = "169.254.169.254:80"

// selfProbes tell whether this node is the one that is cut off: its gateway and
// the metadata service, which is on the same machine, are both silent then.
func selfProbes(k *config.CloudClaim) (probes []guard.Probe) {
	if gateway := k.Guard.Gateway; gateway.IsValid() {
		probes = append(probes, guard.Ping("gateway", guard.Gateway, gateway))
	} else {
		probes = append(probes, guard.DefaultGateway("gateway"))
	}
	return append(probes, guard.TCP("metadata", guard.Metadata, metadataHost(k.MetadataEndpoint)))
}

// metadataHost is host and port of a metadata endpoint.
func metadataHost(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return metadataAddress
	}
	port := "80"
	if u.Scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))
}

// evidence says what the guard found, loudly if the peer is alive: then it is
// the path of the adverts that is broken.
func (r *claimRun) evidence(found []guard.Finding, v cloud.Verdict) {
	log := r.owner.opts.Log.Info
	for _, f := range found {
		if v.Decision != cloud.ClaimNow || f.Side == guard.Peer && f.Answer.Alive {
			log = r.owner.opts.Log.Warn
		}
	}
	log("cloud claim: guard", "claim", r.spec.key.String(), "decision", v.Decision.String(), "because", v.Reason)
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
