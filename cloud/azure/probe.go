// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Limits of a probe listener.
const (
	probeRetry   = time.Second     // between attempts to open the port
	probeTimeout = 5 * time.Second // of one connection
	probeConns   = 64              // at once
)

// ProbeOptions say where a load balancer's health probe is answered.
type ProbeOptions struct {
	// Addr is where to listen. The probe of a load balancer comes from
	// 168.63.129.16 to the primary address of the backend's interface.
	Addr netip.AddrPort
	// Path, if not empty, answers HTTP: 200 for this path, 404 for others.
	// Empty: it is enough that the port accepts connections.
	Path string
}

// Probe answers a load balancer's health probe while this node is the one to
// send traffic to. The port is open then and closed otherwise; nothing in the
// cloud is written, and no permission is needed. Feed it from the status of a
// claim:
//
//	OnChange: func(s cloud.Status) { probe.Set(s.State.Acting() && healthy()) },
//
// or, where nothing is claimed, from the VRRP state. All methods are safe for
// concurrent use.
type Probe struct {
	o ProbeOptions

	mu    sync.Mutex
	want  bool
	ln    net.Listener
	http  *http.Server
	conns map[net.Conn]struct{}
	retry *time.Timer
	err   error
	serve sync.WaitGroup
}

// NewProbe returns a probe whose port is closed.
func NewProbe(o ProbeOptions) (*Probe, error) {
	if !o.Addr.IsValid() {
		return nil, fmt.Errorf("azure: probe: no address to listen on")
	}
	if o.Path != "" && o.Path[0] != '/' {
		return nil, fmt.Errorf("azure: probe: path %q does not begin with a slash", o.Path)
	}
	return &Probe{o: o, conns: map[net.Conn]struct{}{}}, nil
}

// Set opens or closes the port. When it returns from closing, the port refuses
// connections and those that were open have ended. A port that cannot be opened
// is tried again every second; see [Probe.Err].
func (p *Probe) Set(ready bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.want = ready
	if ready {
		p.open()
	} else {
		p.shut()
	}
}

// Close closes the port for good and waits for its goroutines.
func (p *Probe) Close() {
	p.Set(false)
	p.serve.Wait()
}

// Err says why the port could not be opened, nil if it is open or not wanted.
func (p *Probe) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Addr is where the port is open; invalid if it is closed.
func (p *Probe) Addr() netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ln == nil {
		return netip.AddrPort{}
	}
	a, _ := p.ln.Addr().(*net.TCPAddr)
	return a.AddrPort()
}

// open is called with the lock held.
func (p *Probe) open() {
	if p.ln != nil {
		return
	}
	ln, err := net.Listen("tcp", p.o.Addr.String())
	if p.err = err; err != nil {
		p.later()
		return
	}
	p.ln = ln
	if p.o.Path == "" {
		p.serve.Go(func() { p.accept(ln) })
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc(p.o.Path, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != p.o.Path {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte("MASTER\n"))
	})
	srv := &http.Server{Handler: mux, ReadTimeout: probeTimeout, WriteTimeout: probeTimeout, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10}
	p.http = srv
	p.serve.Go(func() { _ = srv.Serve(ln) })
}

// shut is called with the lock held.
func (p *Probe) shut() {
	p.err = nil
	if p.retry != nil {
		p.retry.Stop()
	}
	if p.http != nil {
		_ = p.http.Close()
	}
	if p.ln != nil {
		_ = p.ln.Close()
	}
	for c := range p.conns {
		_ = c.Close()
	}
	p.ln, p.http = nil, nil
}

// accept takes connections and holds them until the client has seen enough.
func (p *Probe) accept(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			p.lost(ln)
			return
		}
		p.mu.Lock()
		keep := p.ln == ln && len(p.conns) < probeConns
		if keep {
			p.conns[c] = struct{}{}
		}
		p.mu.Unlock()
		if !keep {
			_ = c.Close()
			continue
		}
		p.serve.Go(func() {
			_ = c.SetDeadline(time.Now().Add(probeTimeout))
			_, _ = c.Read(make([]byte, 1)) // nothing is expected but the end
			_ = c.Close()
			p.mu.Lock()
			delete(p.conns, c)
			p.mu.Unlock()
		})
	}
}

// lost opens the port again when it was not this probe that closed it.
func (p *Probe) lost(ln net.Listener) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ln != ln {
		return
	}
	_ = ln.Close()
	p.ln = nil
	p.later()
}

// later tries to open the port again. It is called with the lock held.
func (p *Probe) later() {
	if p.retry != nil {
		p.retry.Stop()
	}
	p.retry = time.AfterFunc(probeRetry, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.want {
			p.open()
		}
	})
}
