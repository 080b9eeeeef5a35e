// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/govrrp/vrrpd/engine"
	"github.com/govrrp/vrrpd/internal/config"
	"github.com/govrrp/vrrpd/vrrp"
)

// EngineConfig translates what the engine has to know.
func EngineConfig(c *config.Config) (engine.Config, error) {
	var out engine.Config
	var errs []error
	for _, i := range c.Instances {
		r, err := engineRouter(i)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", i.Name, err))
		}
		out.Routers = append(out.Routers, r)
	}
	for _, g := range c.SyncGroups {
		out.Groups = append(out.Groups, engine.Group{Name: g.Name, Members: g.Members, Tracks: groupTracks(g)})
		for n := range out.Routers {
			if r := &out.Routers[n]; g.SlowTakeover && slices.Contains(g.Members, r.Name) {
				r.WaitsForSlowMember = true
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return out, err
	}
	return out, out.Validate()
}

func engineRouter(i *config.Instance) (engine.Router, error) {
	r := engine.Router{
		Name: i.Name,
		Config: vrrp.Config{
			ID:           routerID(i),
			Version:      vrrp.Version(i.Version),
			Priority:     i.Priority,
			Interval:     i.AdvertInterval,
			NoPreempt:    !i.Preempt,
			PreemptDelay: i.PreemptDelay,
			StartDelay:   i.StartDelay,
			DownAdverts:  i.DownTimerAdverts,
			OwnerWaits:   i.InitialState != config.StateMaster,
			Source:       i.Source,
			Addresses:    advertised(i),
			Peers:        peers(i),

			AnyUnicastSource:  !i.CheckUnicastSource,
			StrictAddresses:   i.Strict && !i.SkipCheckAdvAddr,
			Checksum:          checksum(i),
			Announce:          announcing(i.Garp),
			HigherSendsAdvert: i.HigherPrioSendAdvert,
			LowerGetsNoAdvert: i.LowerPrioNoAdvert,
		},
		Tracks:           instanceTracks(i),
		IgnoresInterface: !i.TrackPrimary,
		IgnoresSource:    !i.Unicast && !i.TrackSource,
	}
	if !i.Unicast {
		r.Group = i.McastGroup
	}
	if i.UnicastFaultNoPeer && len(i.UnicastPeers) == 0 {
		r.Defect = "unicast is meant and there is no unicast_peer"
	}
	if i.Auth.Type == config.AuthPass {
		r.AuthType = vrrp.AuthPass
		r.Password = vrrp.MakePassword(i.Auth.Password.Reveal())
	}
	if i.HMAC != nil {
		h, err := hmac(i.HMAC)
		if err != nil {
			return r, err
		}
		r.HMAC = h
	}
	return r, nil
}

func routerID(i *config.Instance) vrrp.ID {
	return vrrp.ID{Interface: i.Interface, VRID: i.VRID, Family: vrrp.Family(i.Family)}
}

func advertised(i *config.Instance) []netip.Addr {
	var all []netip.Addr
	for _, a := range i.Addresses {
		all = append(all, a.Prefix.Addr())
	}
	return all
}

func peers(i *config.Instance) []vrrp.Peer {
	if !i.Unicast {
		return nil
	}
	var all []vrrp.Peer
	for _, p := range i.UnicastPeers {
		all = append(all, vrrp.Peer{Address: p.Addr, MinTTL: uint8(p.MinTTL), MaxTTL: uint8(p.MaxTTL)})
	}
	return all
}

func checksum(i *config.Instance) vrrp.Checksum {
	switch {
	case i.ChecksumAsV2:
		return vrrp.ChecksumMessage
	case i.OldChecksum == config.OldChecksumAlways:
		return vrrp.ChecksumOldUnicast
	case i.OldChecksum == config.OldChecksumNever:
		return vrrp.ChecksumPseudo
	}
	return vrrp.ChecksumUnknown
}

func announcing(g config.Garp) vrrp.Announcing {
	return vrrp.Announcing{
		Repeat: g.MasterRepeat, Delay: g.MasterDelay,
		Refresh: g.Refresh, RefreshRepeat: g.RefreshRepeat, Elsewhere: g.ExtraInterval,
		LowerRepeat: g.LowerPrioRepeat, LowerDelay: g.LowerPrioDelay,
	}
}

func instanceTracks(i *config.Instance) []engine.Tracking {
	tracks := tracking(nil, engine.TrackInterface, i.TrackInterfaces)
	for _, a := range append(append([]config.Address(nil), i.Addresses...), i.Excluded...) {
		if a.Dev != "" && a.Dev != i.Interface && !a.NoTrack {
			tracks = append(tracks, engine.Tracking{Track: engine.Track{Kind: engine.TrackInterface, Name: a.Dev}})
		}
	}
	tracks = tracking(tracks, engine.TrackScript, i.TrackScripts)
	tracks = tracking(tracks, engine.TrackFile, i.TrackFiles)
	tracks = tracking(tracks, engine.TrackProcess, i.TrackProcesses)
	return tracking(tracks, engine.TrackCheck, i.TrackChecks)
}

func groupTracks(g *config.SyncGroup) []engine.Tracking {
	tracks := tracking(nil, engine.TrackInterface, g.TrackInterfaces)
	tracks = tracking(tracks, engine.TrackScript, g.TrackScripts)
	tracks = tracking(tracks, engine.TrackFile, g.TrackFiles)
	tracks = tracking(tracks, engine.TrackProcess, g.TrackProcesses)
	return tracking(tracks, engine.TrackCheck, g.TrackChecks)
}

func tracking(to []engine.Tracking, kind engine.TrackKind, tracks []config.Track) []engine.Tracking {
	for _, t := range tracks {
		to = append(to, engine.Tracking{
			Track:  engine.Track{Kind: kind, Name: t.Name},
			Weight: t.Weight, Reverse: t.Reverse,
		})
	}
	return to
}

func hmac(h *config.HMAC) (*vrrp.HMAC, error) {
	out := &vrrp.HMAC{ActiveKey: h.ActiveKey, Mode: vrrp.HMACMode(h.Mode), Monotonic: h.Monotonic, Window: h.Window}
	for _, k := range h.Keys {
		secret, err := keyBytes(k)
		if err != nil {
			return nil, fmt.Errorf("auth_hmac key %d: %w", k.ID, err)
		}
		out.Keys = append(out.Keys, vrrp.HMACKey{ID: k.ID, Secret: secret})
	}
	return out, nil
}

// keyBytes reads a key: hex:… in the configuration or in a file, or plain text.
func keyBytes(k config.HMACKey) ([]byte, error) {
	text := []byte(k.Key.Reveal())
	if k.File != "" {
		content, err := os.ReadFile(k.File)
		if err != nil {
			return nil, err
		}
		text = bytes.TrimRight(content, "\r\n")
	}
	if digits, ok := strings.CutPrefix(string(text), "hex:"); ok {
		secret, err := hex.DecodeString(digits)
		if err != nil {
			return nil, errors.New("the hex digits are malformed") // the cause would quote the secret
		}
		return secret, nil
	}
	return text, nil
}

// startupDelay holds every instance in INIT for the daemon-wide delay of
// vrrp_startup_delay or what is left of vrrp_delay_after_boot, unless its own
// is longer. Only at start: a reload and a recovery use the instance's own.
func startupDelay(c engine.Config, g *config.Global, sinceBoot time.Duration) engine.Config {
	delay := min(max(g.StartupDelay, g.DelayAfterBoot-sinceBoot), vrrp.MaxStartDelay)
	routers := append([]engine.Router(nil), c.Routers...)
	for i := range routers {
		routers[i].StartDelay = max(routers[i].StartDelay, delay)
	}
	c.Routers = routers
	return c
}
