// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Config describes one virtual router. The zero value of each optional field
// is the protocol's default.
type Config struct {
	ID       ID
	Version  Version
	Priority uint8         // 1…255; 255 = address owner (RFC 9568 §5.2.4)
	Interval time.Duration // Advertisement_Interval: v2 whole seconds 1 s…255 s, v3 centiseconds 10 ms…40.95 s

	NoPreempt    bool          // Preempt_Mode false: never displace a live MASTER of lower priority
	PreemptDelay time.Duration // wait this long after first hearing a lower MASTER, 0…1000 s
	StartDelay   time.Duration // stay in INIT this long after start or recovery, 0…600 s
	DownAdverts  int           // adverts missed before Master_Down; 0 means 3
	OwnerWaits   bool          // an address owner starts in BACKUP, as keepalived's "state BACKUP"

	Source    netip.Addr   // sends from here; zero = what SourceChanged says
	Addresses []netip.Addr // advertised, in wire order; may be empty
	Peers     []Peer       // unicast peers; none = multicast
	Group     netip.Addr   // multicast destination; zero = the RFC's group

	AnyUnicastSource bool // hear unicast adverts from hosts that are not peers
	StrictAddresses  bool // refuse an advert whose address list differs, rather than notice it

	AuthType AuthType // v2 only: AuthNone or AuthPass
	Password Password // AuthPass: 8 bytes, zero padded
	HMAC     *HMAC    // authenticated adverts; nil = off. Excludes AuthPass.
	Checksum Checksum // v3 over IPv4, what to send: unknown = pseudo until a peer is heard to use another

	Announce           Announcing
	HigherSendsAdvert  bool // one last advert before yielding to a higher one
	LowerGetsNoAdvert  bool // do not answer a lower advert with an advert
	Grouped            bool // a sync-group rules: vote instead of deciding
	WaitsForSlowMember bool // keepalived's group rule: ignore PartnerResigned
}

// Peer is a unicast peer. Adverts from it must arrive with a TTL or hop limit
// within MinTTL…MaxTTL; both zero means any.
type Peer struct {
	Address        netip.Addr
	MinTTL, MaxTTL uint8
}

// Announcing says how often addresses are announced to the segment.
type Announcing struct {
	Repeat        int           // frames per address in a burst; 0 means 5
	Delay         time.Duration // second burst this long after becoming MASTER; 0 = none
	Refresh       time.Duration // then every so often while MASTER; 0 = never
	RefreshRepeat int           // frames per refresh; 0 means 1
	Elsewhere     time.Duration // so often while MASTER, one frame on every other interface; 0 = never
	LowerRepeat   int           // burst after a lower advert; 0 = none
	LowerDelay    time.Duration // second burst after a lower advert; 0 = none
}

// Password is a VRRPv2 password. It prints as ***.
type Password [8]byte

// MakePassword takes the first 8 bytes of s (RFC 2338 §5.3.6).
func MakePassword(s string) (p Password) {
	copy(p[:], s)
	return p
}

func (Password) String() string   { return "***" }
func (Password) GoString() string { return "***" }

// MarshalText keeps the password out of JSON and logs.
func (Password) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Unicast reports whether adverts go to configured peers.
func (c *Config) Unicast() bool { return len(c.Peers) > 0 }

func (c *Config) peerAddresses() []netip.Addr {
	all := make([]netip.Addr, len(c.Peers))
	for i, p := range c.Peers {
		all[i] = p.Address
	}
	return all
}

// Owner reports whether the router owns its addresses (priority 255).
func (c *Config) Owner() bool { return c.Priority == PriorityOwner }

// Limits of [Config.Validate].
const (
	MaxIntervalV2   = 255 * time.Second
	MaxIntervalV3   = 4095 * centisecond
	MaxPreemptDelay = 1000 * time.Second
	MaxStartDelay   = 600 * time.Second
	MaxDownAdverts  = 100

	centisecond = 10 * time.Millisecond
)

// Validate reports every fault of c, joined, or nil.
func (c *Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("vrrp: "+format, args...))
	}
	if c.ID.VRID == 0 {
		fault("virtual router id must be 1…255")
	}
	if c.ID.Family != IPv4 && c.ID.Family != IPv6 {
		fault("no address family")
	}
	if c.Version != V2 && c.Version != V3 {
		fault("version must be 2 or 3")
	}
	if c.Priority == 0 {
		fault("priority must be 1…255")
	}
	c.validateTimes(fault)
	c.validateAddresses(fault)
	c.validateAuth(fault)
	return errors.Join(faults...)
}

func (c *Config) validateTimes(fault func(string, ...any)) {
	unit, limit := time.Second, MaxIntervalV2
	if c.Version == V3 {
		unit, limit = centisecond, MaxIntervalV3
	}
	if c.Interval < unit || c.Interval > limit || c.Interval%unit != 0 {
		fault("VRRPv%d interval %v is not a multiple of %v in %v…%v", c.Version, c.Interval, unit, unit, limit)
	}
	if c.PreemptDelay < 0 || c.PreemptDelay > MaxPreemptDelay {
		fault("preempt delay %v is not in 0…%v", c.PreemptDelay, MaxPreemptDelay)
	}
	if c.StartDelay < 0 || c.StartDelay > MaxStartDelay {
		fault("start delay %v is not in 0…%v", c.StartDelay, MaxStartDelay)
	}
	if c.DownAdverts < 0 || c.DownAdverts > MaxDownAdverts {
		fault("down adverts %d is not in 0…%d", c.DownAdverts, MaxDownAdverts)
	}
	a := c.Announce
	if a.Repeat < 0 || a.RefreshRepeat < 0 || a.LowerRepeat < 0 || a.Delay < 0 || a.Refresh < 0 ||
		a.Elsewhere < 0 || a.LowerDelay < 0 {
		fault("announcements cannot be negative")
	}
}

func (c *Config) validateAddresses(fault func(string, ...any)) {
	family := func(what string, a netip.Addr) {
		if !a.IsValid() || FamilyOf(a) != c.ID.Family {
			fault("%s %v is not an %v address", what, a, c.ID.Family)
		}
		if a.Zone() != "" {
			fault("%s %v: the zone is the router's interface, leave it out", what, a)
		}
	}
	if len(c.Addresses) > 255 {
		fault("%d addresses do not fit: at most 255", len(c.Addresses))
	}
	for _, a := range c.Addresses {
		family("virtual address", a)
	}
	for _, p := range c.Peers {
		family("peer", p.Address)
		if p.MaxTTL != 0 && p.MinTTL > p.MaxTTL {
			fault("peer %v: min TTL %d above max TTL %d", p.Address, p.MinTTL, p.MaxTTL)
		}
	}
	if c.Source.IsValid() {
		family("source", c.Source)
	}
	if c.Group.IsValid() {
		family("group", c.Group)
		if !c.Group.IsMulticast() {
			fault("group %v is not a multicast address", c.Group)
		}
	}
}

func (c *Config) validateAuth(fault func(string, ...any)) {
	switch {
	case c.AuthType != AuthNone && c.AuthType != AuthPass:
		fault("authentication type %d is not supported", c.AuthType)
	case c.AuthType == AuthPass && (c.Version != V2 || c.ID.Family != IPv4):
		fault("PASS authentication exists in VRRPv2 over IPv4 only")
	case c.AuthType == AuthPass && c.HMAC != nil:
		fault("PASS authentication and HMAC exclude each other")
	}
	if c.HMAC != nil {
		if err := c.HMAC.Validate(); err != nil {
			fault("%w", err)
		}
	}
}

// Equal reports whether two configurations make the same router in every
// respect.
func (c *Config) Equal(o *Config) bool {
	return c.ID == o.ID && c.Version == o.Version && c.Priority == o.Priority && c.Interval == o.Interval &&
		c.NoPreempt == o.NoPreempt && c.PreemptDelay == o.PreemptDelay && c.StartDelay == o.StartDelay &&
		c.DownAdverts == o.DownAdverts && c.OwnerWaits == o.OwnerWaits &&
		c.Source == o.Source && slices.Equal(c.Addresses, o.Addresses) && slices.Equal(c.Peers, o.Peers) &&
		c.Group == o.Group && c.AnyUnicastSource == o.AnyUnicastSource && c.StrictAddresses == o.StrictAddresses &&
		c.AuthType == o.AuthType && c.Password == o.Password && c.HMAC.Equal(o.HMAC) &&
		c.Checksum == o.Checksum && c.Announce == o.Announce &&
		c.HigherSendsAdvert == o.HigherSendsAdvert && c.LowerGetsNoAdvert == o.LowerGetsNoAdvert &&
		c.Grouped == o.Grouped && c.WaitsForSlowMember == o.WaitsForSlowMember
}
