// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/govrrp/vrrpd/internal/config/syntax"
)

// Place is where an element was written, and where each of its keywords was.
type Place struct {
	// Pos is the place of the element's name, or of the line.
	Pos syntax.Pos `json:"-"`
	set []setAt
}

type setAt struct {
	key string
	pos syntax.Pos
}

// At returns the place of a keyword inside the element, or of the element if the keyword is not there.
func (p *Place) At(keyword string) syntax.Pos {
	for _, s := range p.set {
		if s.key == keyword {
			return s.pos
		}
	}
	return p.Pos
}

// Has reports whether the keyword was written in the element.
func (p *Place) Has(keyword string) bool {
	for _, s := range p.set {
		if s.key == keyword {
			return true
		}
	}
	return false
}

func (p *Place) mark(keyword string, pos syntax.Pos) { p.set = append(p.set, setAt{keyword, pos}) }

// Secret is a password or key. It prints, formats and marshals as ***.
type Secret struct{ v string }

// NewSecret keeps s secret.
func NewSecret(s string) Secret { return Secret{s} }

// Reveal returns the secret itself, for the codec that needs it.
func (s Secret) Reveal() string { return s.v }

// Format prints *** whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// String returns *** for a secret and "" for none.
func (s Secret) String() string {
	if s.v == "" {
		return ""
	}
	return "***"
}

// MarshalText returns what String returns.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// AuthType is the word of auth_type.
type AuthType uint8

// The authentication types of VRRP version 2.
const (
	AuthNone AuthType = iota
	AuthPass
	AuthAH
)

// String returns "", "PASS" or "AH".
func (a AuthType) String() string {
	switch a {
	case AuthPass:
		return "PASS"
	case AuthAH:
		return "AH"
	case AuthNone:
	}
	return ""
}

// Auth is version 2 authentication. Password has at most 8 bytes.
type Auth struct {
	Type     AuthType
	Password Secret
}

// HMACMode is how far auth_hmac is rolled out.
type HMACMode uint8

const (
	// HMACEnforce signs and requires signatures.
	HMACEnforce HMACMode = iota
	// HMACPermissive signs and accepts adverts without signature.
	HMACPermissive
	// HMACReceiveOnly checks signatures that are there and sends none.
	HMACReceiveOnly
)

// String returns the word of the mode keyword.
func (m HMACMode) String() string {
	return [...]string{"enforce", "permissive", "receive-only"}[min(m, HMACReceiveOnly)]
}

// HMAC is auth_hmac: signed adverts.
type HMAC struct {
	Place
	Keys      []HMACKey
	ActiveKey uint8
	// Monotonic accepts any growing sequence (anti_replay monotonic); otherwise sequences are clock times within Window.
	Monotonic bool
	// Window is 1…300 s.
	Window time.Duration
	Mode   HMACMode
}

// HMACKey is a key of 32…64 bytes: the key itself, or the file that holds it.
type HMACKey struct {
	ID   uint8
	Key  Secret
	File string
}

// Address is one line of an address block.
type Address struct {
	Place
	Prefix netip.Prefix
	// Dev is the interface; "" is the instance's own.
	Dev   string
	Label string
	// Broadcast is "", "+", "-" or an address.
	Broadcast string
	// Scope is a name or number; "" is global.
	Scope string
	// Peer is the other end of a point-to-point address.
	Peer netip.Prefix
	// PreferredLifetime applies if HasPreferredLifetime; negative is for ever.
	PreferredLifetime    time.Duration
	HasPreferredLifetime bool
	// NoTrack: losing the address is not answered.
	NoTrack bool
	// DAD is duplicate address detection, off for IPv6 VIPs unless -nodad is written.
	DAD     bool
	UseVMAC bool
	// Flags are home, mngtmpaddr, noprefixroute and autojoin as written.
	Flags      []string
	TrackGroup string
	// Bare says that no prefix length was written.
	Bare bool
}

// Route is one line of a route block. Words of iproute2 stay words: the host resolves table and protocol names.
type Route struct {
	Place
	Type   string // "" is unicast
	Family Family
	// Destination is the zero Prefix's replacement 0.0.0.0/0 or ::/0 for default.
	Destination                            netip.Prefix
	Via, Source                            netip.Addr
	Dev, Table, Protocol, Scope, Mode, VRF string
	Metric, MTU, AdvMSS                    int
	HopLimit                               int
	OnLink, NoTrack, LockMTU               bool
	NextHops                               []NextHop
	TrackGroup                             string
	// Options are the remaining words in their order, each with its value.
	Options []Option
}

// NextHop is one nexthop of a multipath route. Weight is 1…256.
type NextHop struct {
	Via    netip.Addr
	Dev    string
	Weight int
	OnLink bool
}

// Option is a word and its value.
type Option struct{ Name, Value string }

// Rule is one line of a rule block.
type Rule struct {
	Place
	Family Family
	// Action is table, goto, nop, blackhole, unreachable, prohibit or l3mdev; Target is the table or the preference to go to.
	Action, Target string
	Not            bool
	From, To       netip.Prefix
	Preference     int // 0: none written
	IIF, OIF       string
	FWMark         string
	TOS            string
	NoTrack        bool
	TrackGroup     string
	Options        []Option
}

// Track is one tracked thing of an instance or group.
type Track struct {
	Place
	Name string
	// Weight 0 means FAULT when the thing is bad; otherwise it is added to the priority.
	Weight int
	// Reverse turns the verdict round.
	Reverse bool
}

// Command is a program with its arguments, and who runs it. Empty User means Global's.
type Command struct {
	Argv        []string
	User, Group string
	Pos         syntax.Pos `json:"-"`
}

// Notify is what to tell about transitions. Nil commands are not called.
type Notify struct {
	Master, Backup, Fault, Stop *Command
	// MasterRxLowerPri is called when a MASTER hears a lower priority, Deleted when a reload removes the instance.
	MasterRxLowerPri, Deleted *Command
	// DeletedState makes a removal DELETED and not FAULT.
	DeletedState bool
	// Any is called for every state, with the kind, name, state and priority as arguments.
	Any *Command
	// SMTPAlert sends mail.
	SMTPAlert bool
	// Timeout limits each of the commands; 0 is the default of package notify/script.
	Timeout time.Duration
}

// Script is a vrrp_script.
type Script struct {
	Place
	Name    string
	Command Command
	// TestFile is set instead of Command for script "</path": the check is that the file opens.
	TestFile          string
	Interval, Timeout time.Duration
	Weight            int
	Reverse           bool
	Rise, Fall        int
	// InitFail starts the script as failed.
	InitFail bool
}

// TrackFile is a track_file.
type TrackFile struct {
	Place
	Name, Path string
	Weight     int
	Reverse    bool
	// Init writes InitValue to the file at start; with InitOverwrite also over an existing one.
	Init, InitOverwrite bool
	InitValue           int
}

// TrackProcess is a vrrp_track_process.
type TrackProcess struct {
	Place
	Name string
	// Command is the program and the parameters to match.
	Command []string
	// ParamMatch is "" for exact, "initial" or "partial".
	ParamMatch  string
	FullCommand bool
	Weight      int
	Reverse     bool
	// QuorumMax is the most that may run; -1 is no limit.
	Quorum, QuorumMax         int
	ForkDelay, TerminateDelay time.Duration
}

// LinkDelay debounces link changes of one interface.
type LinkDelay struct {
	Place
	Interface string
	Down, Up  time.Duration
}
