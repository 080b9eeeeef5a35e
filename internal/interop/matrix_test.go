// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/require"
)

var (
	matrixSize = flag.String("matrix", "pairwise", "cells TestMatrix runs: pairwise (every pair of values once) or full")
	update     = flag.Bool("update", false, "with -matrix=full: write the measured table to docs/interop.md")
)

// cell is one combination of everything two routers must agree on.
type cell struct {
	a, z    kind // a has the higher priority
	version string
	family  string
	wire    string
	mac     string
}

func (c cell) axes() [5]string {
	return [5]string{string(c.a) + " → " + string(c.z), c.version, c.family, c.wire, c.mac}
}

func (c cell) name() string {
	axes := c.axes()
	return strings.ReplaceAll(strings.Join(axes[:], "_"), " → ", "_")
}

const (
	v2, v3             = "VRRPv2", "VRRPv3"
	ipv4Only, ipv6Only = "IPv4", "IPv6"
	multicast, unicast = "multicast", "unicast"
	plain, vmac        = "plain", "virtual MAC"
)

// cells lists every combination, also the impossible ones.
func cells() (all []cell) {
	for _, pair := range [][2]kind{{ours, ours}, {ours, keepalived}, {keepalived, ours}, {ours, frr}, {frr, ours}} {
		for _, version := range []string{v2, v3} {
			for _, family := range []string{ipv4Only, ipv6Only} {
				for _, wire := range []string{multicast, unicast} {
					for _, mac := range []string{plain, vmac} {
						all = append(all, cell{pair[0], pair[1], version, family, wire, mac})
					}
				}
			}
		}
	}
	return all
}

// impossible tells why a cell cannot be run, or "".
func (c cell) impossible() string {
	withFRR := c.a == frr || c.z == frr
	switch {
	case withFRR && c.version == v2 && c.family == ipv6Only:
		return "FRR speaks VRRPv2 over IPv4 only, as RFC 3768 has it"
	case withFRR && c.wire == unicast:
		return "FRR speaks multicast only"
	case withFRR && c.mac == plain:
		return "FRR runs on a virtual MAC only"
	}
	return ""
}

func (c cell) interval() time.Duration {
	if c.version == v2 {
		return time.Second // the shortest it can say
	}
	return 100 * time.Millisecond
}

// TestMatrix runs every combination of peer, version, family, wire and MAC
// that both peers can. By default it runs a subset in which every pair of
// values of two axes still occurs; -matrix=full runs all of them.
func TestMatrix(t *testing.T) {
	require.Need(t, require.NetNS)
	var possible []cell
	for _, c := range cells() {
		if c.impossible() == "" {
			possible = append(possible, c)
		}
	}
	switch *matrixSize {
	case "full":
	case "pairwise":
		possible = pairwise(possible)
		t.Logf("%d cells that cover every pair of values; -matrix=full runs all", len(possible))
	default:
		t.Fatalf("-matrix=%s: pairwise or full", *matrixSize)
	}
	results := runCells(t, possible)
	if *update && *matrixSize == "full" && !t.Failed() {
		writeMatrix(t, results)
	}
}

// workers is how many cells run at once. Their hosts share nothing, and they
// mostly wait for timers.
const workers = 6

func runCells(t *testing.T, list []cell) map[cell]times {
	var (
		mu      sync.Mutex
		results = map[cell]times{}
		wait    sync.WaitGroup
		queue   = make(chan cell, len(list))
	)
	for _, c := range list {
		queue <- c
	}
	close(queue)
	for range workers {
		wait.Go(func() {
			for c := range queue {
				t.Run(c.name(), func(t *testing.T) {
					r := runCell(t, c)
					mu.Lock()
					defer mu.Unlock()
					results[c] = r
				})
			}
		})
	}
	wait.Wait()
	return results
}

// pairwise picks cells, most useful first, until every pair of values that
// occurs together in some cell occurs in a picked one.
func pairwise(all []cell) (picked []cell) {
	pairs := func(c cell) (p []string) {
		axes := c.axes()
		for i := range axes {
			for j := range i {
				p = append(p, fmt.Sprint(i, axes[i], j, axes[j]))
			}
		}
		return p
	}
	seen := map[string]bool{}
	for {
		best, gain := cell{}, 0
		for _, c := range all {
			fresh := 0
			for _, p := range pairs(c) {
				if !seen[p] {
					fresh++
				}
			}
			if fresh > gain {
				best, gain = c, fresh
			}
		}
		if gain == 0 {
			return picked
		}
		picked = append(picked, best)
		for _, p := range pairs(best) {
			seen[p] = true
		}
	}
}

// TestPairwise checks the subset without running it.
func TestPairwise(t *testing.T) {
	var possible []cell
	values := map[string]bool{}
	for _, c := range cells() {
		if c.impossible() != "" {
			continue
		}
		possible = append(possible, c)
		for _, v := range c.axes() {
			values[v] = true
		}
	}
	picked := pairwise(possible)
	for _, c := range picked {
		for _, v := range c.axes() {
			delete(values, v)
		}
	}
	if len(values) > 0 || len(picked)*2 > len(possible) {
		t.Errorf("%d of %d cells picked, without %v", len(picked), len(possible), values)
	}
}
