// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"time"
)

// Global is global_defs.
type Global struct {
	Place
	RouterID string
	// Version, the garp values and the like are the defaults that instances copied; they are here for display.
	Version            uint8
	Garp               Garp
	MinGarp            bool
	DownTimerAdverts   int
	LowerPrioNoAdvert  bool
	HigherPrioSend     bool
	CheckUnicastSource bool
	SkipCheckAdvAddr   bool
	Strict             bool
	ChecksumAsV2       bool
	OwnerIgnoreAdverts bool
	McastGroup4        netip.Addr
	McastGroup6        netip.Addr
	// StartupDelay holds all instances down after the start of the daemon; DelayAfterBoot until that long after boot.
	StartupDelay, DelayAfterBoot time.Duration
	DefaultInterface             string
	// DynamicInterfaces lets interfaces be missing: the instance is then FAULT.
	DynamicInterfaces     bool
	NotifyPriorityChanges bool
	VMACPrefix            string
	VMACAddrPrefix        string
	LogUnknownVRIDs       bool
	NoEmailFaults         bool

	ScriptUser, ScriptGroup string
	ScriptSecurity          bool
	// NotifyFIFO gets all lines, VRRPNotifyFIFO those of VRRP; each with the command that reads it.
	NotifyFIFO, VRRPNotifyFIFO           FIFO
	FIFOWriteOnReload                    bool
	StartupScript, ShutdownScript        *Command
	StartupTimeout, ShutdownTimeout      time.Duration
	Email                                Email
	SMTPAlert, SMTPAlertVRRP             bool
	smtpAlertSet, vrrpAlertSet           bool
	ProcessName, VRRPProcessName         string
	Nice, RTPriority                     int // RTPriority 0: none
	RTLimit                              time.Duration
	CPUAffinity                          []int
	NoSwap                               bool
	NFTablesTable                        string
	NFTablesPriority                     int
	NFTablesCounters                     bool
	ReloadCheckConfig                    bool
	ReloadTimeFile, ReloadFile           string
	ReloadRepeat                         bool
	Umask                                int // -1: not set
	RandomSeed                           uint64
	DataUseInstance                      bool
	StateDumpFile, StatsDump, JSONDump   string
	JSONVersion                          int
	DisableLocalIGMP                     bool
	NetlinkCommandRxBuf, NetlinkEventBuf int
	vmacPrefixSet                        bool
}

// FIFO is a pipe that gets a line for each transition.
type FIFO struct {
	Path, User, Group string
	Script            *Command
}

// Email is how alerts are sent.
type Email struct {
	To             []string
	From           string
	Server         string
	Port           int
	HeloName       string
	ConnectTimeout time.Duration
	// TLS is off, starttls or tls.
	TLS string
}

// CheckKind is what a native check does.
type CheckKind string

// The native checks.
const (
	CheckPing CheckKind = "ping"
	CheckTCP  CheckKind = "tcp"
	CheckHTTP CheckKind = "http"
)

// Check is a vrrp_check: a test that needs no script.
type Check struct {
	Place
	Name string
	Kind CheckKind
	// Target is an address or host name for ping, host:port for tcp and a URL for http.
	Target string
	// Status are the HTTP codes that count as good; empty is 200…399.
	Status            []int
	Source            netip.Addr
	Interface         string
	Interval, Timeout time.Duration
	Rise, Fall        int
	Weight            int
	Reverse           bool
	InitFail          bool
}

// BFD is a bfd_instance.
type BFD struct {
	Place
	Name             string
	Neighbor, Source netip.Addr
	MinRx, MinTx     time.Duration
	IdleTx           time.Duration
	Multiplier       int
	Passive          bool
	TTL, MaxHops     int
	Weight           int
	Reverse          bool
	Multihop         bool
}

// GarpGroup is interfaces that share one announcement budget.
type GarpGroup struct {
	Place
	Interval, NAInterval time.Duration
	Interfaces           []string
}

// TrackGroup names the instances that fall with a static item.
type TrackGroup struct {
	Place
	Name    string
	Members []string
}

// ClaimMode is how far a claim may go.
type ClaimMode string

// The modes of a claim.
const (
	ClaimEnforce ClaimMode = "enforce"
	ClaimDryRun  ClaimMode = "dry_run"
	ClaimOff     ClaimMode = "off"
)

// CloudClaim is a cloud_claim: VIPs and routes of a cloud that follow the MASTER.
type CloudClaim struct {
	Place
	Name string
	// Provider is auto, oci, aws, azure, or none: nothing moves in a cloud.
	Provider string
	Mode     ClaimMode
	// VIPs are the addresses to move; nil means those of the instance or group that names the claim.
	VIPs      []netip.Addr
	PublicIPs []ClaimPublic
	Routes    []ClaimRoute
	// Tables, TableTags and Networks choose the route tables that are looked at: ids, key=value tags, and VPC, VNet or VCN ids.
	// One of each list must fit.
	Tables, TableTags, Networks []string
	// Capture learns the routes that point at the home node and takes those over; with Adopt, also those not learned yet.
	Capture, Adopt bool
	Home           ClaimHome
	// Peer is the other node's address, PeerNIC its cloud id.
	Peer    netip.Addr
	PeerNIC string
	// Interface is the local interface whose cloud NIC is meant; NIC is its cloud id.
	Interface, NIC string
	// AzureMode is "", nic, route, public_ip or probe; ProbePort is the port a load balancer asks.
	AzureMode string
	ProbePort int

	Region, Profile, CredentialsFile string
	Subscription, ResourceGroup      string
	Compartment                      string
	Endpoint, MetadataEndpoint       string
	// Timeout bounds one request, CheckInterval is how often ownership is observed. 0 is the provider's default.
	Timeout, CheckInterval time.Duration
	// Linger is how long a BACKUP keeps the addresses until their new owner has them.
	Linger time.Duration
	// OnYield is stay or fault.
	OnYield string
	Guard   *Guard
}

// ClaimHome says which node captured routes point at in normal operation: this one, the peer, or the one with the address.
// The zero ClaimHome: it is not said.
type ClaimHome struct {
	Self, Peer bool
	Addr       netip.Addr
}

// Scoped says whether the route tables to look at are chosen.
func (c *CloudClaim) Scoped() bool { return len(c.Tables)+len(c.TableTags)+len(c.Networks) > 0 }

// ClaimPublic is a public address and the private one it belongs to; an invalid Target is the VIP in the same place.
type ClaimPublic struct {
	Addr, Target netip.Addr
}

// ClaimRoute is a route that points at the MASTER. An empty Table means every table that is looked at and has the destination.
type ClaimRoute struct {
	Destination netip.Prefix
	Table       string
}

// Guard is what is asked before a claim after a silent peer.
type Guard struct {
	Place
	// Ping are addresses of the peer (private, public, overlay), API its management URLs.
	Ping []netip.Addr
	API  []string
	// Status is where the peer answers, Witness where a third party answers for it, Listen where this node does. Key signs
	// all of them; its ID is not used.
	Status  string
	Witness string
	Listen  netip.AddrPort
	Key     *HMACKey
	// Gateway is an address that tells whether this node is cut off itself.
	Gateway netip.Addr
	Budget  time.Duration
	// OnSuspect is claim or hold.
	OnSuspect string
	// Hold is how long a claim waits for a peer that says it is MASTER and healthy.
	Hold time.Duration
}

// IPsec is notify_ipsec: tunnels that follow the MASTER.
type IPsec struct {
	Place
	// Stack is auto, strongswan, libreswan or systemd; Unit belongs to systemd.
	Stack, Unit string
	// Connections are the names to handle; empty is all.
	Connections []string
	Socket      string
	Wait        time.Duration
	Timeout     time.Duration
}

// Conntrack is conntrack_sync: connection tracking state that follows the MASTER.
type Conntrack struct {
	Place
	// Command is the conntrackd program, ConfigFile its configuration; "" are the defaults.
	Command, ConfigFile string
	Timeout             time.Duration
}
