// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Backend is the daemon behind the socket.
type Backend interface {
	Status(ctx context.Context) (*Status, error)
	Decisions(name string) ([]Decision, error)
	// Do carries out a command and returns its answer, to be sent as JSON.
	Do(ctx context.Context, c Command) (any, error)
}

// Command is what a POST asks for.
type Command struct {
	Verb    string  `json:"-"`                 // reload, plan or failover
	Name    string  `json:"name,omitempty"`    // failover: instance or group
	Seconds float64 `json:"seconds,omitempty"` // failover: stay aside so long
	File    string  `json:"file,omitempty"`    // plan: the file to compare; empty = the daemon's own
}

// ErrNotFound is answered with 404.
var ErrNotFound = errors.New("not found")

// ErrRejected is answered with 409: the command was understood and refused.
var ErrRejected = errors.New("rejected")

// errMalformed is answered with 400.
var errMalformed = errors.New("the body is not a command")

// Listen opens the socket at path, for root and its group only. A left-over
// socket nobody answers on is replaced; a live one is an error.
func Listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return nil, fmt.Errorf("control socket %s: another daemon answers there", path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSocket == 0 {
		return nil, fmt.Errorf("control socket %s: the path is taken by something that is not a socket", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		l.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return l, nil
}

// Serve answers on l until ctx ends.
func Serve(ctx context.Context, l net.Listener, b Backend) error {
	s := &http.Server{Handler: Handler(b), ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() { s.Close() })
	defer stopped()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("control socket: %w", err)
	}
	return nil
}

// Handler is the API without its socket.
func Handler(b Backend) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{b}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		s, err := b.Status(r.Context())
		answer(w, s, err)
	})
	mux.HandleFunc("GET /v1/instances/{name}/decisions", func(w http.ResponseWriter, r *http.Request) {
		d, err := b.Decisions(r.PathValue("name"))
		answer(w, d, err)
	})
	mux.HandleFunc("POST /v1/{verb}", func(w http.ResponseWriter, r *http.Request) {
		var c Command
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&c)
		if err != nil && !errors.Is(err, io.EOF) { // no body: no arguments
			answer(w, nil, fmt.Errorf("%w: %w", errMalformed, err))
			return
		}
		c.Verb = r.PathValue("verb")
		out, err := b.Do(r.Context(), c)
		answer(w, out, err)
	})
	return mux
}

// failure is the body of an answer that is not 200.
type failure struct {
	Error  string `json:"error"`
	Detail any    `json:"detail,omitempty"`
}

func answer(w http.ResponseWriter, body any, err error) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case errors.Is(err, ErrNotFound):
		w.WriteHeader(http.StatusNotFound)
	case errors.Is(err, ErrRejected):
		w.WriteHeader(http.StatusConflict)
	case errors.Is(err, errMalformed):
		w.WriteHeader(http.StatusBadRequest)
	case err != nil:
		w.WriteHeader(http.StatusInternalServerError)
	}
	if err != nil {
		body = failure{Error: err.Error(), Detail: body}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(body) // the reader is gone; nobody is left to tell
}
