// SPDX-License-Identifier: Apache-2.0

package ipsec

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/strongswan/govici/vici"
)

// errLost means that the conversation broke, not that charon refused something.
var errLost = errors.New("connection to charon lost")

// A charon is a conversation with strongSwan's daemon that ends with its context.
type charon struct {
	session *vici.Session
	hangUp  func()
}

// A connection is one that charon knows.
type connection struct {
	Name        string
	LocalAddrs  []string         `vici:"local_addrs"`
	RemoteAddrs []string         `vici:"remote_addrs"`
	Children    map[string]child `vici:"children"`
}

type child struct {
	Mode string `vici:"mode"`
}

// An ikeSA is an IKE SA with its CHILD SAs.
type ikeSA struct {
	Name       string
	UniqueID   string             `vici:"uniqueid"`
	State      string             `vici:"state"`
	LocalHost  string             `vici:"local-host"`
	RemoteHost string             `vici:"remote-host"`
	Active     []string           `vici:"tasks-active"`
	Queued     []string           `vici:"tasks-queued"`
	Children   map[string]childSA `vici:"child-sas"`
}

type childSA struct {
	Name  string `vici:"name"`
	State string `vici:"state"`
}

// dial opens the VICI socket. govici's commands take no context, so its connections
// are closed when ctx ends, which ends any command with an error.
func dial(ctx context.Context, socket string) (*charon, error) {
	var mu sync.Mutex
	var open []net.Conn
	hangUp := func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			_ = c.Close()
		}
	}
	dialer := func(_ context.Context, _, _ string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
		if err == nil {
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
		}
		return c, err
	}
	session, err := vici.NewSession(vici.WithSocketPath(socket), vici.WithDialContext(dialer))
	if err != nil {
		hangUp()
		return nil, fmt.Errorf("reach charon: %w", err)
	}
	stop := context.AfterFunc(ctx, hangUp)
	return &charon{session: session, hangUp: func() { stop(); hangUp() }}, nil
}

func (c *charon) close() {
	_ = c.session.Close()
	c.hangUp()
}

// connections lists what charon has loaded, by name.
func (c *charon) connections() (map[string]connection, error) {
	out := map[string]connection{}
	err := c.list("list-conns", "list-conn", func(name string, m *vici.Message) error {
		conn := connection{Name: name}
		err := vici.UnmarshalMessage(m, &conn)
		out[name] = conn
		return err
	})
	return out, err
}

// sas lists the IKE SAs.
func (c *charon) sas() ([]ikeSA, error) {
	var out []ikeSA
	err := c.list("list-sas", "list-sa", func(name string, m *vici.Message) error {
		sa := ikeSA{Name: name}
		err := vici.UnmarshalMessage(m, &sa)
		out = append(out, sa)
		return err
	})
	return out, err
}

func (c *charon) list(command, event string, each func(string, *vici.Message) error) error {
	messages, err := c.session.StreamedCommandRequest(command, event, nil)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", command, errLost, err)
	}
	for _, m := range messages {
		if err := m.Err(); err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		for _, name := range m.Keys() {
			section, ok := m.Get(name).(*vici.Message)
			if !ok {
				continue
			}
			if err := each(name, section); err != nil {
				return fmt.Errorf("%s: %s: %w", command, name, err)
			}
		}
	}
	return nil
}

// answers asks charon for its version, to see that it does more than accept.
func (c *charon) answers(limit time.Duration) error {
	t := time.AfterFunc(limit, c.hangUp)
	defer t.Stop()
	return c.do("version", nil)
}

// initiate begins to bring up one child of a connection. Charon can only be told how
// long to wait; it is told the least, works on, and its complaint that the
// child is not up yet is no error.
func (c *charon) initiate(conn, child string) error {
	err := c.do("initiate", map[string]string{"ike": conn, "child": child, "timeout": "1"})
	if err != nil && strings.Contains(err.Error(), "not established after") {
		return nil
	}
	return err
}

// terminate ends one IKE SA with its children, without waiting for the peer.
func (c *charon) terminate(sa ikeSA) error {
	return c.do("terminate", map[string]string{"ike-id": sa.UniqueID, "force": "yes"})
}

// unload takes a connection out of charon. SAs stay.
func (c *charon) unload(conn string) error {
	return c.do("unload-conn", map[string]string{"name": conn})
}

func (c *charon) do(command string, fields map[string]string) error {
	m := vici.NewMessage()
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if err := m.Set(key, fields[key]); err != nil {
			return err
		}
	}
	answer, err := c.session.CommandRequest(command, m)
	switch {
	case err == nil:
		return nil
	case answer == nil:
		return fmt.Errorf("%s: %w: %w", command, errLost, err)
	}
	return fmt.Errorf("%s: %w", command, err)
}
