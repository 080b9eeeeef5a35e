// SPDX-License-Identifier: Apache-2.0

package ipsec

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// silence is how long charon may take to answer at all before it is restarted.
	silence = 3 * time.Second
	// firstLook and longestWait bound the time between looks at the SAs: soon at
	// first, as two healthy peers need milliseconds, less often later.
	firstLook   = 20 * time.Millisecond
	longestWait = 500 * time.Millisecond
	// tryAgain is the time between attempts at a child that was refused.
	tryAgain = time.Second
)

// strongSwan works through charon's VICI socket.
type strongSwan struct{ Config }

// up loads, initiates and verifies until every tunnel is up or ctx ends. When charon
// goes away meanwhile, it begins again.
func (s strongSwan) up(ctx context.Context) (string, error) {
	restarted := ""
	for {
		lines, err := s.attempt(ctx, &restarted)
		if errors.Is(err, errLost) && pause(ctx, longestWait) {
			continue
		}
		if restarted != "" {
			lines = append([]string{restarted}, lines...)
		}
		return strings.Join(lines, "\n"), err
	}
}

func (s strongSwan) attempt(ctx context.Context, restarted *string) ([]string, error) {
	c, err := s.reach(ctx, restarted)
	if err != nil {
		return nil, err
	}
	defer c.close()
	conns, err := s.loaded(ctx, c)
	if err != nil {
		return nil, err
	}
	sas, err := c.sas()
	if err != nil {
		return nil, err
	}
	wasUp := map[string]bool{}
	for _, conn := range conns {
		if wasUp[conn.Name] = len(s.missing(conn, sas)) == 0; wasUp[conn.Name] {
			continue
		}
		if err := s.clear(c, conn, sas); err != nil {
			return nil, err
		}
	}
	return s.raise(ctx, c, conns, wasUp)
}

// clear ends the SAs of a connection that are of no use: those that began before the
// address was there, or that start from another address.
func (s strongSwan) clear(c *charon, conn connection, sas []ikeSA) error {
	for _, sa := range sas {
		if sa.Name == conn.Name && !s.good(sa) && !passive(conn) {
			if err := c.terminate(sa); err != nil {
				return fmt.Errorf("%s: end a stale SA: %w", conn.Name, err)
			}
		}
	}
	return nil
}

// raise initiates what is missing and not under way, until nothing is missing. It does
// not wait for one tunnel before the next, so a dead peer delays nobody else.
func (s strongSwan) raise(ctx context.Context, c *charon, conns []connection, wasUp map[string]bool) ([]string, error) {
	tried := map[string]time.Time{}
	refused := map[string]error{}
	wait := firstLook
	for {
		sas, err := c.sas()
		if err != nil {
			return nil, err
		}
		lines, down := s.verify(conns, sas, wasUp, refused)
		if len(down) == 0 {
			return lines, nil
		}
		for _, conn := range conns {
			if passive(conn) || underWay(conn, sas) {
				continue
			}
			for _, child := range s.missing(conn, sas) {
				key := conn.Name + "/" + child
				if last, ok := tried[key]; ok && time.Since(last) < tryAgain {
					continue
				}
				tried[key] = time.Now()
				refused[conn.Name] = c.initiate(conn.Name, child)
			}
		}
		if !pause(ctx, wait) {
			return lines, fmt.Errorf("not up: %s", strings.Join(down, ", "))
		}
		wait = min(2*wait, longestWait)
	}
}

// verify describes each connection and lists those that are not up.
func (s strongSwan) verify(conns []connection, sas []ikeSA, wasUp map[string]bool, refused map[string]error) (lines, down []string) {
	for _, conn := range conns {
		missing := s.missing(conn, sas)
		switch {
		case passive(conn):
			lines = append(lines, conn.Name+": loaded, waits for its peers")
		case len(missing) > 0:
			lines = append(lines, conn.Name+": not up")
			why := conn.Name + " (" + strings.Join(missing, ", ") + ")"
			if err := refused[conn.Name]; err != nil {
				why += ": " + err.Error()
			}
			down = append(down, why)
		case wasUp[conn.Name]:
			lines = append(lines, conn.Name+": was up, left alone")
		default:
			lines = append(lines, conn.Name+": up"+s.between(conn, sas))
		}
	}
	return lines, down
}

func (s strongSwan) between(conn connection, sas []ikeSA) string {
	for _, sa := range sas {
		if sa.Name == conn.Name && s.good(sa) {
			return ", " + sa.LocalHost + " to " + sa.RemoteHost
		}
	}
	return ""
}

// down unloads the connections first, so that nothing is initiated again, and then
// ends their SAs and all others that start from one of the addresses.
func (s strongSwan) down(ctx context.Context) (string, error) {
	c, err := dial(ctx, s.Socket)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return "charon does not run", nil // nothing to take down
	}
	if err != nil {
		return "", err
	}
	defer c.close()
	known, err := c.connections()
	if err != nil {
		return "", err
	}
	var report []string
	var failed []error
	mine := s.choose(known)
	for _, conn := range mine {
		if err := c.unload(conn.Name); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", conn.Name, err))
			continue
		}
		report = append(report, conn.Name+": unloaded")
	}
	sas, err := c.sas()
	if err != nil {
		return strings.Join(report, "\n"), errors.Join(append(failed, err)...)
	}
	for _, sa := range sas {
		named := slices.Contains(s.Connections, sa.Name) ||
			slices.ContainsFunc(mine, func(conn connection) bool { return conn.Name == sa.Name })
		if !named && !s.isOurs(sa.LocalHost) {
			continue
		}
		if err := c.terminate(sa); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", sa.Name, err))
			continue
		}
		report = append(report, sa.Name+": SA ended")
	}
	return strings.Join(report, "\n"), errors.Join(failed...)
}

// reach connects to charon. When nobody answers for a while, the unit is restarted once,
// which restarted then says.
func (s strongSwan) reach(ctx context.Context, restarted *string) (*charon, error) {
	restart := time.Now().Add(silence)
	for {
		c, err := dial(ctx, s.Socket)
		if err == nil {
			if err = c.answers(silence); err == nil {
				return c, nil
			}
			c.close()
		}
		if *restarted == "" && !time.Now().Before(restart) {
			unit := s.Unit
			if unit == "" {
				unit = "strongswan.service"
			}
			if _, rerr := s.command(ctx, "systemctl", "restart", unit); rerr != nil {
				return nil, errors.Join(err, rerr)
			}
			*restarted = "charon did not answer, " + unit + " restarted"
		}
		if !pause(ctx, longestWait) {
			return nil, err
		}
	}
}

// loaded returns the connections to bring up, after making charon read its
// configuration if some are not there.
func (s strongSwan) loaded(ctx context.Context, c *charon) ([]connection, error) {
	known, err := c.connections()
	if err != nil {
		return nil, err
	}
	if chosen := s.choose(known); s.complete(chosen) {
		return chosen, nil
	}
	if _, err := s.command(ctx, s.Load...); err != nil {
		return nil, fmt.Errorf("load connections: %w", err)
	}
	if known, err = c.connections(); err != nil {
		return nil, err
	}
	chosen := s.choose(known)
	if !s.complete(chosen) {
		return nil, fmt.Errorf("charon has no such connections: wanted %s", s.wanted())
	}
	return chosen, nil
}

// choose returns the connections this target is about, sorted by name.
func (s strongSwan) choose(known map[string]connection) []connection {
	var out []connection
	for _, name := range slices.Sorted(maps.Keys(known)) {
		conn := known[name]
		wanted := slices.ContainsFunc(conn.LocalAddrs, s.isOurs) || len(s.Addresses) == 0
		if len(s.Connections) > 0 {
			wanted = slices.Contains(s.Connections, name)
		}
		if wanted {
			out = append(out, conn)
		}
	}
	return out
}

func (s strongSwan) complete(chosen []connection) bool {
	return len(chosen) > 0 && len(chosen) >= len(s.Connections)
}

func (s strongSwan) wanted() string {
	if len(s.Connections) > 0 {
		return strings.Join(s.Connections, ", ")
	}
	if len(s.Addresses) == 0 {
		return "any"
	}
	return fmt.Sprintf("local_addrs one of %v", s.Addresses)
}

// missing lists the children of a connection that have no good SA.
func (s strongSwan) missing(conn connection, sas []ikeSA) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(conn.Children)) {
		if mode := conn.Children[name].Mode; mode == "PASS" || mode == "DROP" {
			continue
		}
		if !slices.ContainsFunc(sas, func(sa ikeSA) bool {
			return sa.Name == conn.Name && s.good(sa) && installed(sa, name)
		}) {
			out = append(out, name)
		}
	}
	return out
}

// good reports whether an IKE SA is established from one of the addresses.
func (s strongSwan) good(sa ikeSA) bool {
	return sa.State == "ESTABLISHED" && (len(s.Addresses) == 0 || s.isOurs(sa.LocalHost))
}

func installed(sa ikeSA, name string) bool {
	for _, c := range sa.Children {
		if c.Name == name && c.State == "INSTALLED" {
			return true
		}
	}
	return false
}

func (s strongSwan) isOurs(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && slices.Contains(s.Addresses, addr.WithZone(""))
}

// underWay reports whether charon is working on a connection already.
func underWay(conn connection, sas []ikeSA) bool {
	return slices.ContainsFunc(sas, func(sa ikeSA) bool {
		return sa.Name == conn.Name && (sa.State == "CONNECTING" || len(sa.Active)+len(sa.Queued) > 0)
	})
}

// passive reports whether there is nothing to initiate: the connection names no
// peer to call, or has no children.
func passive(conn connection) bool {
	return len(conn.Children) == 0 || len(conn.RemoteAddrs) == 0 || slices.ContainsFunc(conn.RemoteAddrs, func(a string) bool {
		return a == "%any" || a == "0.0.0.0/0" || a == "::/0"
	})
}
