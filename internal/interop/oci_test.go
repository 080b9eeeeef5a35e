// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/govrrp/vrrpd/internal/testnet/netns"
	"github.com/govrrp/vrrpd/internal/testnet/require"
)

// claimScript stands in the place of the one that moves the cloud VIPs.
const claimScript = "#!/bin/sh\necho claimed >>/root/claims\n"

// ociHost is one of the two router VMs, with three VNICs.
func ociHost(lab *netns.Lab, name, last string) *netns.Host {
	h := lab.Host(
		name,
		netns.NIC{Name: "ens3", Segment: "transit", Addresses: []string{"172.20.136." + last + "/25"}},
		netns.NIC{Name: "ens5", Segment: "left", Addresses: []string{"10.0.5." + last + "/24"}},
		netns.NIC{Name: "ens6", Segment: "right", Addresses: []string{"10.0.6." + last + "/24"}},
	)
	h.Exec("mount", "-t", "tmpfs", "-o", "mode=0700", "none", "/root")
	h.Exec("sh", "-c", "printf '%s' '"+claimScript+"' >/root/claim-vips-notify-master.sh && chmod 700 /root/claim-vips-notify-master.sh")
	return h
}

// claims is how often the script ran on a host.
func claims(h *netns.Host) int {
	out, _ := h.Try("cat", "/root/claims") // absent: it never ran
	return strings.Count(out, "claimed")
}

func example(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "oci-pair", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOCIPair runs the unchanged keepalived.conf of a cloud router pair, which
// has no virtual address: the hook moves the VIPs.
func TestOCIPair(t *testing.T) {
	for _, c := range []struct {
		name     string
		vr1, vr2 kind
	}{
		{"vrrpd_vrrpd", ours, ours},
		{"vrrpd_keepalived", ours, keepalived},
		{"keepalived_vrrpd", keepalived, ours},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Need(t, require.NetNS)
			require.Need(t, require.Root) // in a user namespace / belongs to nobody, and every script is unsafe
			ociPair(t, c.vr1, c.vr2)
		})
	}
}

func ociPair(t *testing.T, kind1, kind2 kind) {
	lab := netns.New(t)
	host1, host2 := ociHost(lab, "VR1", "130"), ociHost(lab, "VR2", "131")
	from1, from2 := host1.Capture("ens3"), host2.Capture("ens3")
	vr1 := start(t, kind1, host1, example(t, "vr1.conf"))
	vr2 := start(t, kind2, host2, example(t, "vr2.conf"))
	vr1.want("ISV", "MASTER")
	vr2.want("ISV", "BACKUP")
	ran := func(h *netns.Host, times int) {
		t.Helper()
		eventually(t, "the script on "+h.Name, func() bool { return claims(h) == times })
	}
	ran(host1, 1)
	ran(host2, 0)

	host1.LinkDown("ens5")
	vr1.want("ISV", "FAULT")
	vr2.want("ISV", "MASTER")
	if kind1 == ours {
		s, _ := vr1.status()
		i, _ := s.Instance("ISV")
		if len(i.Faults) != 1 || !strings.Contains(i.Faults[0].Reason, "ens5") {
			t.Errorf("faults %v, want one that names ens5", i.Faults)
		}
	}
	ran(host2, 1)
	resigned := from1.Wait("VR1's priority 0", hasPriority(0))
	taken := from2.Wait("VR2's first advert", hasPriority(100))
	if waited := taken.Metadata().Timestamp.Sub(resigned.Metadata().Timestamp); waited > 2*time.Second {
		t.Errorf("VR2 took over %v after the resignation, Skew_Time is 609 ms and Master_Down_Interval 3.6 s", waited)
	}

	host1.LinkUp("ens5")
	vr1.want("ISV", "MASTER")
	vr2.want("ISV", "BACKUP")
	ran(host1, 2)
	ran(host2, 1)
	vr1.noComplaint()
	vr2.noComplaint()
}

// hasPriority matches VRRPv2 adverts of that priority.
func hasPriority(p byte) func(gopacket.Packet) bool {
	return func(f gopacket.Packet) bool {
		ip, ok := f.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		return ok && ip.Protocol == layers.IPProtocolVRRP && len(ip.Payload) > 2 && ip.Payload[2] == p
	}
}
