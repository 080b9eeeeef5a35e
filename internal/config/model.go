// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net"
	"net/netip"
	"time"
)

// Config is a validated configuration. Slices are in file order.
type Config struct {
	Global         Global
	Instances      []*Instance
	SyncGroups     []*SyncGroup
	Scripts        []*Script
	TrackFiles     []*TrackFile
	TrackProcesses []*TrackProcess
	Checks         []*Check
	BFD            []*BFD
	GarpGroups     []*GarpGroup
	TrackGroups    []*TrackGroup
	Claims         []*CloudClaim

	StaticAddresses []Address
	StaticRoutes    []Route
	StaticRules     []Rule
	LinkDelays      []LinkDelay
	// PolledInterfaces are those of linkbeat_interfaces; PollAllInterfaces is linkbeat_use_polling.
	PolledInterfaces  []string
	PollAllInterfaces bool

	// NetNamespace is the network namespace the whole daemon runs in; "" is the one it was started in.
	NetNamespace string
	// InstanceName is the word of the top-level keyword instance: it names pid files and the syslog identity.
	InstanceName string
	UsePIDDir    bool
	// ChildWaitTime is how long a stop may take before it is forced.
	ChildWaitTime time.Duration

	// Files are the paths that were read, the main file first.
	Files []string
}

// Instance returns the instance with this name, or nil.
func (c *Config) Instance(name string) *Instance {
	for _, i := range c.Instances {
		if i.Name == name {
			return i
		}
	}
	return nil
}

// Family is an address family.
type Family uint8

// The families of a virtual router.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// String returns "ipv4" or "ipv6".
func (f Family) String() string {
	if f == IPv6 {
		return "ipv6"
	}
	return "ipv4"
}

// State is the word of the state keyword. It is a hint: elections decide.
type State uint8

const (
	// StateUnset is an instance without the keyword.
	StateUnset State = iota
	// StateBackup is state BACKUP.
	StateBackup
	// StateMaster is state MASTER.
	StateMaster
)

// String returns "MASTER" or "BACKUP"; without the keyword an instance starts as BACKUP.
func (s State) String() string {
	if s == StateMaster {
		return "MASTER"
	}
	return "BACKUP"
}

// Instance is one virtual router.
type Instance struct {
	Place
	Name      string
	Interface string
	VRID      uint8
	Family    Family
	// Version is the VRRP version, 2 or 3.
	Version uint8
	// Priority is 1…255; 255 is the address owner.
	Priority uint8
	// InitialState is what the file asks for, after the rules: MASTER only with priority 255.
	InitialState State
	// AdvertInterval is whole seconds in version 2 and a multiple of 10 ms up to 40.95 s in version 3.
	AdvertInterval time.Duration
	Preempt        bool
	PreemptDelay   time.Duration
	// StartDelay is how long the instance stays in INIT after start or link recovery, 0…600 s.
	StartDelay time.Duration
	// DownTimerAdverts is how many adverts may be missed, 1…100.
	DownTimerAdverts int

	// Addresses are advertised, all of one family; Excluded are owned by the MASTER too and not advertised.
	Addresses []Address
	Excluded  []Address
	Routes    []Route
	Rules     []Rule

	Auth Auth
	// HMAC is nil without auth_hmac.
	HMAC *HMAC

	// Unicast says that adverts go to UnicastPeers and not to a group.
	Unicast      bool
	UnicastPeers []Peer
	// Source is the configured source address of adverts (unicast_src_ip or mcast_src_ip); the zero Addr is the
	// interface's own.
	Source netip.Addr
	// UnicastTTL is the TTL or hop limit sent to peers, 1…255; 0 is the kernel's default.
	UnicastTTL int
	// CheckUnicastSource says that adverts from addresses that are not peers are refused.
	CheckUnicastSource bool
	// UnicastFaultNoPeer makes an instance that means unicast and has no peers FAULT.
	UnicastFaultNoPeer bool
	// McastGroup is the group adverts go to and come from.
	McastGroup netip.Addr
	// TrackSource makes the instance FAULT while Source is not on the interface.
	TrackSource bool

	// ChecksumAsV2 leaves the pseudo-header out of the version 3 checksum over IPv4, as RFC 9568 does.
	ChecksumAsV2 bool
	OldChecksum  OldChecksum

	// VMAC is nil without use_vmac, IPVLAN without use_ipvlan.
	VMAC   *VMAC
	IPVLAN *IPVLAN
	// VMACXmitBase sends adverts from the base interface.
	VMACXmitBase bool
	// VMACAddresses gives VIPs on other interfaces virtual MACs of their own (use_vmac_addr).
	VMACAddresses bool
	// VRF is the VRF of an instance without interface.
	VRF string

	// Accept lets a MASTER that is not the owner receive packets sent to the VIPs.
	Accept             bool
	Strict             bool
	SkipCheckAdvAddr   bool
	PromoteSecondaries bool
	OwnerIgnoreAdverts bool
	// TimerExpiredBackup steps down after a stall (timer_expired_backup), with this priority until it ends; 0 leaves it.
	TimerExpiredBackup   bool
	TimerExpiredPriority uint8

	Garp                  Garp
	LowerPrioNoAdvert     bool
	HigherPrioSendAdvert  bool
	NotifyPriorityChanges bool

	TrackInterfaces []Track
	TrackScripts    []Track
	TrackFiles      []Track
	TrackProcesses  []Track
	TrackBFD        []Track
	TrackChecks     []Track
	// TrackPrimary is false with dont_track_primary: the own interface may go down without FAULT.
	TrackPrimary bool

	Notify Notify
	// Claims name cloud_claim blocks.
	Claims []string
	// IPsec and Conntrack are nil without notify_ipsec and conntrack_sync.
	IPsec     *IPsec
	Conntrack *Conntrack
	// SourceAddress says which address the host's own traffic uses while MASTER.
	SourceAddress SourceAddress

	// SyncGroup is the group's name, or "".
	SyncGroup    string
	Debug        int
	KernelRxBuf  int
	preemptSet   bool
	acceptSet    bool
	strictSet    bool
	unicastMeant bool
	fatal        bool // it cannot run; reported
}

// Owner reports whether the instance is the address owner.
func (i *Instance) Owner() bool { return i.Priority == 255 }

// OldChecksum is the word of old_unicast_checksum.
type OldChecksum uint8

const (
	// OldChecksumAuto switches to the form of keepalived 1.3.6 and older when a peer is heard to use it.
	OldChecksumAuto OldChecksum = iota
	// OldChecksumAlways sends it from the start.
	OldChecksumAlways
	// OldChecksumNever refuses it.
	OldChecksumNever
)

// Peer is a unicast peer. MinTTL and MaxTTL bound the TTL of its adverts, 0…255.
type Peer struct {
	Place
	Addr           netip.Addr
	MinTTL, MaxTTL int
}

// VMAC is a virtual MAC interface. An empty Name is chosen by the host (vrrp.VRID); a nil MAC is the RFC's.
type VMAC struct {
	Name    string
	MAC     net.HardwareAddr
	addVRID bool
}

// IPVLAN is an ipvlan interface. Mode is "", "bridge", "private" or "vepa".
type IPVLAN struct {
	Name string
	Addr netip.Prefix
	Mode string
}

// Garp says how addresses are announced: gratuitous ARP for IPv4, unsolicited Neighbour Advertisements for IPv6.
type Garp struct {
	// MasterDelay is when the second burst follows the first; 0 is no second burst. MasterRepeat is packets per burst.
	MasterDelay  time.Duration
	MasterRepeat int
	// Refresh is the period of announcements while MASTER; 0 is none.
	Refresh       time.Duration
	RefreshRepeat int
	// LowerPrioDelay and LowerPrioRepeat rule the bursts after an advert with lower priority.
	LowerPrioDelay  time.Duration
	LowerPrioRepeat int
	// Interval and NAInterval are the gaps between packets on one interface; 0 is none.
	Interval, NAInterval time.Duration
	// ExtraInterval is the period of announcements on the VIPs' other interfaces; ExtraAll includes those without
	// virtual MAC.
	ExtraInterval time.Duration
	ExtraAll      bool
}

// SourceAddress says which source address the host uses while it is MASTER.
type SourceAddress uint8

const (
	// SourceOwn leaves routes alone.
	SourceOwn SourceAddress = iota
	// SourceVIP makes the default route prefer the first VIP.
	SourceVIP
)

// SyncGroup is instances that change state together.
type SyncGroup struct {
	Place
	Name string
	// Members are names of existing instances.
	Members []string

	TrackInterfaces []Track
	TrackScripts    []Track
	TrackFiles      []Track
	TrackProcesses  []Track
	TrackBFD        []Track
	TrackChecks     []Track
	// MemberWeights lets members keep their weighted tracks.
	MemberWeights bool
	// SlowTakeover is keepalived's rule: the group becomes MASTER only when the slowest member has timed out.
	SlowTakeover bool

	Notify                Notify
	NotifyPriorityChanges bool
	Claims                []string
	IPsec                 *IPsec
	Conntrack             *Conntrack
	members               []word
	prioritySet           bool
}
