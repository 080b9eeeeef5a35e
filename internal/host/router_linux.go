// SPDX-License-Identifier: Apache-2.0

package host

import (
	"net"
	"net/netip"
	"time"

	"github.com/govrrp/vrrpd/vrrp"
)

// Router is what the host must know of one virtual router. The types of this
// file are those of package linux, which documents their fields.
type Router struct {
	ID        vrrp.ID
	Addresses []Address
	Routes    []Route
	Rules     []Rule
	SourceFor []netip.Prefix

	VMAC               *VMAC
	NoAccept           bool
	PromoteSecondaries bool
	KeepAddresses      bool
	Static             bool
}

// VMAC is a virtual MAC address.
type VMAC struct {
	Name             string
	MAC              net.HardwareAddr
	TransmitFromBase bool
}

// Address is one address a MASTER owns.
type Address struct {
	Prefix            netip.Prefix
	Device            string
	Label             string
	Broadcast         netip.Addr
	Scope             string
	Peer              netip.Addr
	PreferredLifetime time.Duration
	DAD               bool
	NoPrefixRoute     bool
	HomeAddress       bool
	NoTrack           bool
}

// Route is one route a MASTER has.
type Route struct {
	Type        string
	Destination netip.Prefix
	Via         netip.Addr
	Device      string
	Source      netip.Addr
	Table       string
	Protocol    string
	Scope       string
	Metric      int
	MTU         int
	AdvMSS      int
	HopLimit    int
	OnLink      bool
	NextHops    []NextHop
	NoTrack     bool
}

// NextHop is one way of a multipath route.
type NextHop struct {
	Via    netip.Addr
	Device string
	Weight int
	OnLink bool
}

// Rule is one policy rule a MASTER has.
type Rule struct {
	Family     vrrp.Family
	Action     string
	Target     string
	Not        bool
	From, To   netip.Prefix
	Preference int
	IIF, OIF   string
	Mark, Mask uint32
	TOS        uint8
	NoTrack    bool
}

// Ownership is the wanted state of a router on this host.
type Ownership bool

// The two wanted states.
const (
	Own     Ownership = true
	Release Ownership = false
)

// Virtual reports whether the address lives on the router's virtual MAC
// interface: those of its own family that are not meant for another interface.
func (r *Router) Virtual(a *Address) bool {
	return r.VMAC != nil && vrrp.FamilyOf(a.Prefix.Addr()) == r.ID.Family &&
		(a.Device == "" || a.Device == r.ID.Interface)
}

// Base returns the interface whose wire an address is reached by.
func (r *Router) Base(a *Address) string {
	if a.Device == "" {
		return r.ID.Interface
	}
	return a.Device
}

// device returns the interface an address is configured on.
func (r *Router) device(a *Address) string {
	if r.Virtual(a) {
		return r.VMAC.Name
	}
	return r.Base(a)
}
