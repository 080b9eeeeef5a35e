// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Kind says what sort of cloud object an [Item] is. The order is the order of
// work: addresses move first, then what hangs on addresses, then routes.
type Kind uint8

// The kinds of item.
const (
	VIP4     Kind = iota + 1 // a private IPv4 address, moved between network interfaces
	VIP6                     // an IPv6 address, moved between network interfaces
	PublicIP                 // a public address, associated with a private one
	Route                    // one entry of a route table, pointing at a next hop
)

var kindNames = map[Kind]string{VIP4: "vip4", VIP6: "vip6", PublicIP: "public", Route: "route"}

// String returns the word used in status, logs and item keys.
func (k Kind) String() string {
	if s, ok := kindNames[k]; ok {
		return s
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// MarshalText implements encoding.TextMarshaler with the word of [Kind.String].
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Item is one thing this node wants to own while it is MASTER. It is plain
// data, comparable, and says what a person would type: addresses and table
// names, no handles of network interfaces.
//
//	kind      required     optional
//	VIP4/6    Addr         NIC
//	PublicIP  Addr         Target, NIC
//	Route     Table and    Target, NIC, From, Create
//	          one of Dest, PrefixList
type Item struct {
	Kind Kind
	// Addr is the address itself, for VIP4, VIP6 and PublicIP.
	Addr netip.Addr
	// Target is the local private address that a PublicIP must sit on, or that
	// a Route must point at. The zero Addr means the provider's natural choice:
	// the primary address (or the interface itself) of the NIC.
	Target netip.Addr
	// Table is the vendor's name of the route table. It may be whatever the
	// vendor accepts unambiguously: an id, or a name with its scope.
	Table string
	// Dest is the destination of a Route.
	Dest netip.Prefix
	// PrefixList is the vendor's id of a managed prefix list, in place of Dest.
	PrefixList string
	// NIC picks the local network interface by kernel name, MAC or vendor id.
	// Empty: the NIC whose subnet contains Addr (or Target); for a Route or a
	// PublicIP without Target the NIC marked [NIC.Primary].
	NIC string
	// From restricts from whom a Route may be taken: the holder (as in
	// [Observed.Holder]) it must have now. The reconciler enforces it: an item
	// held by anybody else, or by nobody, is left alone and reported.
	// Empty: from anyone.
	From string
	// Create allows a missing Route to be created. Without it a Route that does
	// not exist is reported and left missing: somebody deleted it on purpose.
	Create bool
}

// VIP returns the item for a virtual address, of kind VIP4 or VIP6.
func VIP(a netip.Addr) Item {
	if a.Is4() || a.Is4In6() {
		return Item{Kind: VIP4, Addr: a.Unmap()}
	}
	return Item{Kind: VIP6, Addr: a}
}

// Key identifies the item in status, logs and maps. Two items with the same
// key are the same object in the cloud, whatever their options say.
func (it Item) Key() string {
	switch it.Kind {
	case Route:
		return "route/" + it.Table + "/" + it.Destination()
	default:
		return it.Kind.String() + "/" + it.Addr.String()
	}
}

// Destination returns the destination of a Route as text: the prefix in its
// canonical form, or the prefix list's id.
func (it Item) Destination() string {
	if it.PrefixList != "" {
		return it.PrefixList
	}
	return it.Dest.Masked().String()
}

// Validate reports everything that makes the item meaningless, joined.
func (it Item) Validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch it.Kind {
	case VIP4, VIP6:
		if !it.Addr.IsValid() || it.Addr.IsUnspecified() || it.Addr.Zone() != "" || it.Addr.Is4In6() {
			fail("%s: %q is not a usable address", it.Kind, it.Addr)
		} else if it.Addr.Is4() != (it.Kind == VIP4) {
			fail("%s: %s is of the other address family", it.Kind, it.Addr)
		}
		if it.Target.IsValid() {
			fail("%s %s: a virtual address has no target", it.Kind, it.Addr)
		}
	case PublicIP:
		if !it.Addr.IsValid() || it.Addr.IsUnspecified() || it.Addr.Zone() != "" {
			fail("public: %q is not a usable address", it.Addr)
		}
	case Route:
		if it.Table == "" {
			fail("route to %s: no route table", it.Destination())
		}
		if it.Dest.IsValid() == (it.PrefixList != "") {
			fail("route in table %q: give either a destination prefix or a prefix list", it.Table)
		}
	default:
		fail("item of unknown kind %d", it.Kind)
	}
	if it.Kind != Route && (it.Table != "" || it.Dest.IsValid() || it.PrefixList != "" || it.From != "" || it.Create) {
		fail("%s %s: route options on something that is not a route", it.Kind, it.Addr)
	}
	return errors.Join(errs...)
}

// Owner says who holds an item, as far as a read could tell.
type Owner uint8

// The four values of ownership. The zero value is Unknown on purpose: what
// nobody has read is not known.
const (
	Unknown Owner = iota // could not be read, or is changing right now
	Self                 // this node
	Other                // another holder, named in Observed.Holder
	None                 // nobody; either node may take it
)

var ownerNames = [...]string{Unknown: "unknown", Self: "self", Other: "other", None: "none"}

// String returns the word used in status and logs.
func (o Owner) String() string {
	if int(o) < len(ownerNames) {
		return ownerNames[o]
	}
	return fmt.Sprintf("owner(%d)", uint8(o))
}

// MarshalText implements encoding.TextMarshaler with the word of [Owner.String].
func (o Owner) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Observed is what one read said about one item.
type Observed struct {
	Item  Item
	Owner Owner
	// Holder is the vendor's handle of whoever holds the item: a network
	// interface for addresses, a next hop for routes. Empty for None and
	// Unknown. For Self it is this node's own handle. Holders are compared as
	// opaque strings, so a provider writes the same holder the same way always.
	Holder string
	// Version is the etag or fingerprint that came with the read, byte for
	// byte. Empty where the vendor has no compare-and-swap for the object; the
	// reconciler then relies on re-reading instead.
	Version string
	// Raw is for the provider alone: whatever Plan needs beyond the above.
	Raw any
	// Err says why Owner is Unknown; it is nil otherwise. A read of an object
	// with a write in progress is Unknown with class Busy and a Hint.
	Err error
}

// Node is this machine as the cloud knows it.
type Node struct {
	Provider string // "oci", "aws", "azure", "memory"
	ID       string // the instance
	Name     string // its display name, if any
	Region   string
	NICs     []NIC // sorted by ID
	// Consistency is how long a read may go on showing the state before a
	// write that was acknowledged. Within it, a read that contradicts such a
	// write is waited out instead of answered by a second write.
	// Zero: [Timing.VerifyWindow].
	Consistency time.Duration
}

// NIC is one of this machine's network interfaces.
type NIC struct {
	ID       string         // the vendor's handle, as it appears in Observed.Holder
	Name     string         // the kernel's name, if it could be matched by MAC
	MAC      string         // lower case, colons
	Subnet   string         // the vendor's handle of the subnet
	Prefixes []netip.Prefix // the subnet's address ranges, IPv4 and IPv6
	Addr     netip.Addr     // the primary private IPv4 address
	Primary  bool           // the NIC for items that name no address
}

// ErrNoNIC is wrapped by the errors of [Node.NICFor].
var ErrNoNIC = errors.New("no matching network interface")

// NICFor picks the network interface for an item: the one it names, else the
// one whose subnet contains the item's address (Target for PublicIP and Route),
// else, for an item without such an address, the primary one.
func (n Node) NICFor(it Item) (NIC, error) {
	if it.NIC != "" {
		for _, nic := range n.NICs {
			if it.NIC == nic.ID || it.NIC == nic.Name || strings.EqualFold(it.NIC, nic.MAC) {
				return nic, nil
			}
		}
		return NIC{}, fmt.Errorf("%s: %w: %q", it.Key(), ErrNoNIC, it.NIC)
	}
	addr := it.Addr
	if it.Kind == PublicIP || it.Kind == Route {
		addr = it.Target
	}
	for _, nic := range n.NICs {
		if !addr.IsValid() && nic.Primary {
			return nic, nil
		}
		for _, p := range nic.Prefixes {
			if addr.IsValid() && p.Contains(addr) {
				return nic, nil
			}
		}
	}
	if !addr.IsValid() {
		return NIC{}, fmt.Errorf("%s: %w: no primary interface", it.Key(), ErrNoNIC)
	}
	return NIC{}, fmt.Errorf("%s: %w: %s is in no local subnet", it.Key(), ErrNoNIC, addr)
}

// Owns reports whether holder is one of this node's network interfaces.
func (n Node) Owns(holder string) bool {
	for _, nic := range n.NICs {
		if nic.ID == holder {
			return holder != ""
		}
	}
	return false
}
