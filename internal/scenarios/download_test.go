// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// TestDownloadSurvivesFailover: a TCP download through address translation goes
// on when its router loses power, and not without connection tracking.
func TestDownloadSurvivesFailover(t *testing.T) {
	require.Need(t, require.NetNS)
	conntrackd := require.Peer(t, "conntrackd")
	require.Peer(t, "nft")
	for _, c := range []struct {
		name, group string
		survives    bool
	}{
		{"synchronised", "conntrack_sync {\n config_file DIR/conntrackd.conf\n}", true},
		{"not synchronised", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := newGateways(t)
			g.translates()
			g.conntrackd(conntrackd)
			g.start(c.group)
			download(t, g, c.survives)
		})
	}
}

// size is more than what socket buffers hold, by far.
const size = 64 << 20

// download cuts the power of r1 in the middle.
func download(t *testing.T, g *gateways, survives bool) {
	l := g.listen()
	sent := make(chan error, 1)
	seed := [32]byte{1}
	go func() {
		c, err := l.Accept()
		if err == nil {
			if from := c.RemoteAddr().String(); !strings.HasPrefix(from, outsideVIP+":") {
				t.Errorf("the peer sees %s, want the virtual address", from)
			}
			_, err = io.CopyN(c, rand.NewChaCha8(seed), size)
			_ = c.Close()
		}
		sent <- err
	}()
	c := g.dial(l.Addr())
	got := sha256.New()
	if _, err := io.CopyN(got, c, size/4); err != nil {
		t.Fatal(err)
	}
	port := "dport=" + l.Addr().String()[len(peerAddr)+1:]
	eventually(t, "the connection to be known to r2", func() bool {
		cache, err := g.r2.host.Try("conntrackd", "-C", g.r2.file("conntrackd.conf"), "-e")
		return err == nil && strings.Contains(cache, port) && strings.Contains(cache, "ESTABLISHED")
	})
	began := time.Now()
	g.losesPower(g.r1)
	_ = c.SetReadDeadline(began.Add(limit))
	if !survives {
		go func() { _, _ = io.Copy(io.Discard, c) }()
		select {
		case err := <-sent: // r2 takes the peer's segments for its own, and resets
			if err == nil {
				t.Error("it survives without connection tracking: the test proves nothing")
			}
		case <-time.After(limit):
		}
		return
	}
	if _, err := io.CopyN(got, c, 16<<20); err != nil { // more than was under way
		t.Fatalf("after %v: %v", time.Since(began), err)
	}
	t.Logf("%v from the power cut to 16 MiB more", time.Since(began))
	if _, err := io.CopyN(got, c, size-size/4-16<<20); err != nil {
		t.Fatal(err)
	}
	want := sha256.New()
	if _, err := io.CopyN(want, rand.NewChaCha8(seed), size); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil || string(got.Sum(nil)) != string(want.Sum(nil)) {
		t.Errorf("sent %v, %x, want %x", err, got.Sum(nil), want.Sum(nil))
	}
}
