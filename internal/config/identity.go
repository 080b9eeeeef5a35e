// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Identity is what makes two instances of two configurations the same virtual router. The name is not part of it: a renamed
// instance keeps its state.
type Identity struct {
	VRID      uint8
	Family    Family
	Interface string
	// Target is the group of multicast adverts, or the sorted peers of unicast ones.
	Target string
}

// Identity returns the instance's identity.
func (i *Instance) Identity() Identity {
	target := i.McastGroup.String()
	if i.Unicast {
		peers := make([]netip.Addr, 0, len(i.UnicastPeers))
		for _, p := range i.UnicastPeers {
			peers = append(peers, p.Addr)
		}
		slices.SortFunc(peers, netip.Addr.Compare)
		var b strings.Builder
		for _, p := range slices.Compact(peers) {
			b.WriteString(p.String() + " ")
		}
		target = b.String()
	}
	return Identity{i.VRID, i.Family, i.Interface, target}
}

// String names the virtual router for people.
func (id Identity) String() string {
	return fmt.Sprintf("VRID %d, %s, on %s", id.VRID, id.Family, id.Interface)
}

// Fingerprint is eight hexadecimal digits of what both routers of a pair must have in common: VRID, family, version, interval,
// authentication type, checksum dialect and the set of VIPs. It holds no secret. Two nodes with equal fingerprints accept each
// other's adverts, if the password is the same.
func (i *Instance) Fingerprint() string {
	auth := i.Auth.Type.String()
	if i.HMAC != nil {
		auth = "HMAC"
	}
	interval := formatSeconds(i.AdvertInterval)
	if i.Version == 3 {
		interval = "learnt"
	}
	h := sha256.Sum256(fmt.Appendf(nil, "%d %s %d %s %s %t %v", i.VRID, i.Family, i.Version, interval, auth, i.ChecksumAsV2, i.vips()))
	return hex.EncodeToString(h[:4])
}

// vips returns the advertised addresses, sorted.
func (i *Instance) vips() []netip.Addr {
	out := make([]netip.Addr, 0, len(i.Addresses))
	for _, a := range i.Addresses {
		out = append(out, a.Prefix.Addr())
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}
