// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/guard"
	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/vrrp"
)

// report is what this node says of a claim to its peer: of the instance or
// group that names it, or of the one that is MASTER if several do.
func (c *claims) report(name string) (rep guard.Report, key cloud.Secret, known bool) {
	runs := c.all()
	keys := make([]claimKey, 0, len(runs))
	for k := range runs {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b claimKey) int { return strings.Compare(a.String(), b.String()) })
	for _, k := range keys {
		run := runs[k]
		if k.name != name || run.spec.conf.Guard == nil || !run.spec.conf.Guard.Listen.IsValid() {
			continue
		}
		c.mu.Lock()
		state := c.told[k.who].state
		c.mu.Unlock()
		s := run.claim.Status()
		r := guard.Report{
			Node: c.opts.Node, State: state.String(), Healthy: state == vrrp.Master && s.State.Acting(),
			Generation: s.Generation, Claim: s.State.String(), Config: run.spec.print,
		}
		if !known || r.Healthy && !rep.Healthy {
			rep, key = r, run.key
		}
		known = true
	}
	return rep, key, known
}

// peerServers answer the peers' status questions, at each address that a guard
// says.
type peerServers struct {
	answer func(claim string) (guard.Report, cloud.Secret, bool)
	log    *slog.Logger
	at     map[netip.AddrPort]*peerServer
}

type peerServer struct {
	server *http.Server
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// configure listens where the claims say, and nowhere else.
func (p *peerServers) configure(specs []claimSpec) {
	wanted := map[netip.AddrPort]bool{}
	for _, s := range specs {
		if g := s.conf.Guard; g != nil && g.Listen.IsValid() && g.Key != nil {
			wanted[g.Listen] = true
		}
	}
	for at, s := range p.at {
		if !wanted[at] {
			s.close()
			delete(p.at, at)
		}
	}
	for at := range wanted {
		if p.at[at] == nil {
			if p.at == nil {
				p.at = map[netip.AddrPort]*peerServer{}
			}
			p.at[at] = p.serve(at)
		}
	}
}

func (p *peerServers) close() {
	for _, s := range p.at {
		s.close()
	}
	p.at = nil
}

// listenAgain is the pause before an address that is not there yet is tried again.
const listenAgain = time.Second

func (p *peerServers) serve(at netip.AddrPort) *peerServer {
	ctx, cancel := context.WithCancel(context.Background())
	s := &peerServer{cancel: cancel, server: &http.Server{
		Handler: http.HandlerFunc(p.handle), ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, MaxHeaderBytes: 8 << 10,
	}}
	s.done.Go(func() {
		last := ""
		for ctx.Err() == nil {
			l, err := new(net.ListenConfig).Listen(ctx, "tcp", at.String())
			if err == nil {
				last, err = "", s.server.Serve(l)
			}
			if errors.Is(err, http.ErrServerClosed) {
				return
			}
			if err.Error() != last {
				last = err.Error()
				p.log.Warn("guard: the peer's questions cannot be answered", "listen", at.String(), "err", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(listenAgain):
			}
		}
	})
	return s
}

func (s *peerServer) close() {
	s.cancel()
	_ = s.server.Close()
	s.done.Wait()
}

// handle answers for the claim that the path names.
func (p *peerServers) handle(w http.ResponseWriter, r *http.Request) {
	rep, key, known := p.answer(strings.Trim(r.URL.Path, "/"))
	if !known || key == "" {
		http.NotFound(w, r)
		return
	}
	guard.Handler(key, func() guard.Report { return rep }).ServeHTTP(w, r)
}

// comparePeer asks the peer now and then whether it is configured alike.
func (r *claimRun) comparePeer(ctx context.Context) {
	tick := time.NewTicker(peerEvery)
	defer tick.Stop()
	for {
		asking, cancel := context.WithTimeout(ctx, r.spec.conf.Guard.Budget)
		rep, err := guard.Ask(asking, peerClient, r.spec.conf.Guard.Status, r.key)
		cancel()
		r.compared(rep, err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// compared takes one answer of the peer. Silence says nothing of its
// configuration; a wrong signature says that the keys differ.
func (r *claimRun) compared(rep guard.Report, err error) {
	differ := ""
	switch {
	case errors.Is(err, guard.ErrForged):
		differ = "the peer's status is not signed with our key: " + err.Error()
	case err != nil:
		return
	case rep.Config != "" && rep.Config != r.spec.print:
		differ = fmt.Sprintf("the peer %s is configured otherwise: %s there, %s here", rep.Node, rep.Config, r.spec.print)
	}
	r.mu.Lock()
	news := differ != r.differ
	r.differ = differ
	r.mu.Unlock()
	if news && differ != "" {
		r.owner.opts.Log.Warn("cloud claim: "+differ, "claim", r.spec.key.String())
	}
}

// claimPrint is eight digits of what both nodes of a pair must have in common:
// the routers, what the claim moves, and where it looks for routes. It holds no
// secret.
func claimPrint(s claimSpec, instances []*config.Instance) string {
	var b strings.Builder
	for _, i := range instances {
		b.WriteString(i.Fingerprint() + " ")
	}
	items := make([]string, 0, len(s.items))
	for _, it := range s.items {
		items = append(items, it.Key()+">"+target(it))
	}
	slices.Sort(items)
	k := s.conf
	home, _ := k.HomeIsSelf(s.self, s.peer)
	at := s.peer
	if home {
		at = s.self
	}
	if !k.Capture {
		at = netip.Addr{}
	}
	fmt.Fprint(&b, k.Provider, k.Mode, k.AzureMode, items, k.Tables, k.TableTags, k.Networks, k.Capture, k.Adopt, at, k.ProbePort)
	for _, r := range k.Routes {
		if r.Table == "" {
			b.WriteString(" " + r.Destination.String())
		}
	}
	return fingerprint(b.String())
}

func target(it cloud.Item) string {
	if it.Kind == cloud.PublicIP && it.Target.IsValid() {
		return it.Target.String()
	}
	return ""
}

func fingerprint(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:4])
}
