// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// page is a page of the documentation: the files it shows, by path, and the
// commands, in their order.
type page struct {
	files    map[string]string
	commands []string
}

// readPage takes indented blocks apart: one that follows a line which begins
// with a path is that file, any other holds commands.
func readPage(t *testing.T, path string) page {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := page{files: map[string]string{}}
	block := regexp.MustCompile("(?m)^(?:`(/[^`]+)`.*:|.*)\n\n((?:    .*\n)+)")
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		body := strings.ReplaceAll("\n"+m[2], "\n    ", "\n")[1:]
		if m[1] != "" {
			p.files[m[1]] = body
			continue
		}
		p.commands = append(p.commands, strings.Split(strings.TrimSpace(body), "\n")...)
	}
	return p
}

// install puts the page's files into a host, with what the page says is
// different on the second router.
func (p page) install(d *daemon, second bool) {
	for path, text := range p.files {
		switch filepath.Base(path) {
		case "keepalived.conf":
			if second {
				text = strings.ReplaceAll(text, "priority 200", "priority 100")
			}
		case "conntrackd.conf":
			if second {
				text = strings.NewReplacer("IPv4_address 10.0.0.1\n        IPv4_D", "IPv4_address 10.0.0.2\n        IPv4_D",
					"Destination_Address 10.0.0.2", "Destination_Address 10.0.0.1").Replace(text)
			}
		}
		name := filepath.Base(path)
		d.write(name, 0o600, text)
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			require.Missing(d.t, require.Peers, err)
		}
		into(d.host, d.file(name), path)
	}
}

// into makes a file appear at a path in one host only: in place of the one that is there,
// or alone in its directory.
func into(h *netns.Host, file, path string) {
	if _, err := os.Stat(path); err == nil {
		h.Exec("mount", "--bind", file, path)
		return
	}
	h.Exec("mount", "-t", "tmpfs", "none", filepath.Dir(path))
	h.Exec("cp", file, path)
}

// TestIPsecPage: docs/ipsec.md as it stands makes a tunnel and a download
// that survive a power cut.
func TestIPsecPage(t *testing.T) {
	require.Need(t, require.NetNS)
	require.Need(t, require.Root) // in a user namespace charon cannot be reached by swanctl
	conntrackd, program := require.Peer(t, "conntrackd"), require.Peer(t, "charon")
	for _, needed := range []string{"swanctl", "nft", "jq"} {
		require.Peer(t, needed)
	}
	p := readPage(t, "../../docs/ipsec.md")
	g := newGateways(t)
	run := func(d *daemon, part string) {
		t.Helper()
		found := false
		for _, c := range p.commands {
			if !strings.HasPrefix(c, part) {
				continue
			}
			found = true
			if out, err := d.host.Try("sh", "-c", "PATH="+filepath.Dir(d.path)+":$PATH; "+c); err != nil || strings.TrimSpace(out) == "" && part == "vrrpd status" {
				t.Errorf("%s: %s: %v\n%s", d.host.Name, c, err, out)
			}
		}
		if !found {
			t.Errorf("the page does not say %s", part)
		}
	}
	for n, d := range g.routers() {
		d.host.Exec("mkdir", "-p", "/run/lock")
		p.install(d, n == 1)
		run(d, "sysctl -w net.ipv4")
		run(d, "nft ")
		run(d, "sysctl -w net.netfilter")
		charon(t, d.host, program, d.dir)
		d.host.Start(conntrackd)
		eventually(t, "conntrackd", func() bool { _, err := d.host.Try("conntrackd", "-s"); return err == nil })
		run(d, "vrrpd check")
	}
	g.farEnd(program)
	for _, d := range g.routers() {
		d.proc = d.host.Start(d.path, "run", "-f", "/etc/keepalived/keepalived.conf")
	}
	ping := g.client.Start("ping", "-D", "-i", "0.1", farHost)
	ping.Expect("icmp_seq=")
	for _, d := range g.routers() {
		for _, command := range []string{"vrrpd status", "swanctl ", "conntrackd "} {
			run(d, command)
		}
	}
	download(t, g, true)
	t.Logf("tunnel: %v without an answer", outage(t, ping))
}
