// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"time"
)

// Node is one instance: its interfaces, its metadata service, its role's keys.
type Node struct {
	w        *World
	Name     string
	Instance string
	enis     []string

	keys   map[string]key // by access key id; guarded by World.mu
	minted int
	tokens map[string]time.Time // metadata sessions and their ends
	cut    bool

	// KeyLife is how long the role's keys live; default 6 h. Set it before use.
	KeyLife time.Duration
}

// key is one set of credentials.
type key struct {
	id, secret, session string
	expires             time.Time
}

// AddNode adds an instance with one interface for each primary address, in a
// /24 subnet of its own range, with source/destination checking off. Subnets
// have an IPv6 range as well: 2001:db8:<third byte of the IPv4 address>::/64.
func (w *World) AddNode(name string, primaries ...string) *Node {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := &Node{
		w: w, Name: name, Instance: "i-" + name, KeyLife: 6 * time.Hour,
		keys: map[string]key{}, tokens: map[string]time.Time{},
	}
	for i, p := range primaries {
		a := netip.MustParseAddr(p).As4()
		id := fmt.Sprintf("eni-%s%d", name, i)
		w.now.enis[id] = &eni{
			id: id, instance: n.Instance, v4: []string{p}, subnet: fmt.Sprintf("subnet-%d", a[2]),
			mac: net.HardwareAddr{2, 0, a[0], a[1], a[2], a[3]}.String(),
		}
		n.enis = append(n.enis, id)
	}
	w.nodes = append(w.nodes, n)
	return n
}

// ENI returns the id of the first interface.
func (n *Node) ENI() string { return n.enis[0] }

// SetSourceDestCheck switches the checking of an interface on or off.
func (w *World) SetSourceDestCheck(eni string, on bool) {
	w.edit(func(s *state) { s.enis[eni].check = on })
}

// Cut takes the node off the network, or puts it back: its requests get no
// answer, those to its metadata service neither.
func (n *Node) Cut(cut bool) {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	n.cut = cut
}

// RevokeKeys makes every key that was handed out so far invalid.
func (n *Node) RevokeKeys() {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	clear(n.keys)
}

// RevokeTokens ends every metadata session.
func (n *Node) RevokeTokens() {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	clear(n.tokens)
}

// mint makes new keys. The caller holds the lock.
func (n *Node) mint() key {
	n.minted++
	k := key{
		id: fmt.Sprintf("ASIA%s%d", strings.ToUpper(n.Name), n.minted), secret: fmt.Sprintf("secret-of-%s-%d", n.Name, n.minted),
		session: fmt.Sprintf("session-of-%s-%d", n.Name, n.minted), expires: time.Now().Add(n.KeyLife),
	}
	n.keys[k.id] = k
	return k
}

// findKey returns whose key this is. The caller holds the lock.
func (w *World) findKey(id string) (*Node, key, bool) {
	for _, n := range w.nodes {
		if k, ok := n.keys[id]; ok {
			return n, k, true
		}
	}
	return nil, key{}, false
}

// Transport returns a network in process: requests for the metadata address
// reach this node's metadata service, requests for an EC2 host the API, and
// nothing else answers.
func (n *Node) Transport() http.RoundTripper { return inProcess{n} }

type inProcess struct{ n *Node }

var errUnreachable = errors.New("no route to host")

// RoundTrip implements http.RoundTripper.
func (t inProcess) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	t.n.w.mu.Lock()
	cut := t.n.cut
	t.n.w.mu.Unlock()
	var h http.Handler
	switch {
	case cut:
	case r.URL.Hostname() == "169.254.169.254":
		h = t.n.Metadata()
	case strings.HasPrefix(r.URL.Hostname(), "ec2.") && r.URL.Scheme == "https":
		h = t.n.w.EC2()
	}
	if h == nil {
		<-r.Context().Done()
		return nil, fmt.Errorf("%w: %w", errUnreachable, r.Context().Err())
	}
	in := r.Clone(r.Context())
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
		in.Body = io.NopCloser(bytes.NewReader(body))
	}
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	rec := httptest.NewRecorder()
	defer func() {
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler {
				panic(v)
			}
			if resp, err = nil, r.Context().Err(); err == nil {
				err = io.ErrUnexpectedEOF
			}
		}
	}()
	h.ServeHTTP(rec, in)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp = rec.Result()
	resp.Request = r
	return resp, nil
}
