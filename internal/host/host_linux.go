// SPDX-License-Identifier: Apache-2.0

package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/govrrp/vrrpd/vrrp"
)

// kernelPatience bounds one answer of the kernel.
const kernelPatience = 5 * time.Second

var errNotConfigured = errors.New("not configured")

// Options of a [Host].
type Options struct {
	Log *slog.Logger
	// OnLost is told that somebody else removed something an owned router has;
	// it has been put back already, if that was possible. It must not block
	// for long. It may be nil.
	OnLost func(id vrrp.ID, detail string)
	// SysctlDir is where the kernel parameters are; "" is /proc/sys.
	SysctlDir string
}

// Host is this machine. See [New].
type Host struct {
	opts         Options
	log          *slog.Logger
	reconfigured chan struct{} // tells Watch

	mu      sync.Mutex
	nl      *netlink.Handle // opened by the first Configure
	routers map[vrrp.ID]*Router
	owned   map[vrrp.ID]bool
	failed  map[vrrp.ID]bool    // the last Configure could not make it right
	left    map[vrrp.ID]*Router // no longer configured, but not released yet
	kept    map[addrKey]bool    // found at the start, and the owner's to keep
	routes  savedRoutes
	made    map[routeKey]bool // routes this run has put in place
	sysctls sysctls
	filter  filter
	arp     arpFilter
}

// New returns a host that has not touched anything.
func New(opts Options) *Host {
	if opts.SysctlDir == "" {
		opts.SysctlDir = "/proc/sys"
	}
	return &Host{
		opts: opts, log: opts.Log, reconfigured: make(chan struct{}, 1),
		routers: map[vrrp.ID]*Router{}, owned: map[vrrp.ID]bool{}, failed: map[vrrp.ID]bool{}, left: map[vrrp.ID]*Router{}, kept: map[addrKey]bool{},
		routes: savedRoutes{}, made: map[routeKey]bool{}, sysctls: sysctls{dir: opts.SysctlDir, saved: map[string]string{}},
	}
}

// Configure sets the routers, at the start and at each reload. A router that
// is new here owns nothing afterwards: what an earlier run left is removed. One
// that is no longer there is released; if that fails, Apply and Configure try
// again. One that is owned and has changed is made right, what it gains before
// what it loses. One that has not changed costs nothing.
//
// What stands in the way of one router does not stop the others; the joined
// error names them. An interface that does not exist is no error.
func (h *Host) Configure(ctx context.Context, routers []Router) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := cmp.Or(ctx.Err(), h.open()); err != nil {
		return err
	}
	wanted := make(map[vrrp.ID]*Router, len(routers))
	for i := range routers {
		r := routers[i]
		wanted[r.ID] = &r
	}
	var faults []error
	fault := func(id vrrp.ID, err error) {
		if err != nil {
			h.failed[id] = true
			faults = append(faults, fmt.Errorf("router %v: %w", id, err))
		}
	}
	h.nameVMACs(wanted)
	old, again, left := h.routers, h.failed, h.left
	h.routers, h.failed, h.left = wanted, map[vrrp.ID]bool{}, map[vrrp.ID]*Router{}
	maps.Copy(old, left)
	same := func(id vrrp.ID) bool { return !again[id] && reflect.DeepEqual(old[id], wanted[id]) }
	for _, id := range sorted(wanted) {
		r, was := wanted[id], old[id]
		if same(id) {
			continue
		}
		fault(id, h.prepareVMAC(r))
		switch {
		case r.Static && was == nil:
			fault(id, h.keep(r))
		case r.Static: // Apply adds what is new, as far as it can
		case was == nil || left[id] != nil:
			fault(id, h.clean(r))
		case h.owned[id]:
			fault(id, h.own(r))
		}
	}
	for _, id := range sorted(old) {
		if !same(id) {
			fault(id, h.shed(old[id], wanted[id]))
		}
	}
	if err := h.applyFilter(); err != nil {
		faults = append(faults, err)
	}
	h.applyARP()
	h.settleSysctls()
	select {
	case h.reconfigured <- struct{}{}:
	default:
	}
	return errors.Join(faults...)
}

// open gets the netlink socket.
func (h *Host) open() error {
	if h.nl != nil {
		return nil
	}
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	if err := nl.SetSocketTimeout(kernelPatience); err != nil {
		nl.Close()
		return fmt.Errorf("open netlink: %w", err)
	}
	h.nl = nl
	return nil
}

// shed takes away what a router had before a reload and no longer has.
func (h *Host) shed(was, is *Router) error {
	if is == nil {
		return h.discard(was)
	}
	gone := h.difference(was, is)
	err := h.release(&gone)
	if was.VMAC != nil && (is.VMAC == nil || is.VMAC.Name != was.VMAC.Name) {
		err = errors.Join(err, h.removeVMAC(was))
	}
	return err
}

// discard takes away everything of a router that is no longer configured, or
// keeps it in mind.
func (h *Host) discard(r *Router) error {
	delete(h.owned, r.ID)
	delete(h.left, r.ID)
	err := errors.Join(h.release(r), h.removeVMAC(r))
	if err != nil {
		h.left[r.ID] = r
	}
	return err
}

// Apply makes what a router owns present or absent. It is idempotent. A router
// that is no longer configured can be released, not owned.
func (h *Host) Apply(ctx context.Context, id vrrp.ID, want Ownership) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	var err error
	switch r := h.routers[id]; {
	case r == nil && want == Own:
		err = errNotConfigured
	case r == nil && h.left[id] != nil:
		err = h.discard(h.left[id])
	case r == nil:
	case want == Own:
		err = h.own(r)
	default:
		err = h.disown(r)
	}
	if err != nil {
		return fmt.Errorf("router %v: %w", id, err)
	}
	return nil
}

// disown makes everything of r absent. Taking an interface down makes the
// kernel wait for some milliseconds: routers that fail over together all lose
// their addresses first.
func (h *Host) disown(r *Router) error {
	owned := h.owned[r.ID]
	h.owned[r.ID] = false
	err := errors.Join(h.withdraw(r, owned), h.applyFilter())
	h.mu.Unlock()
	h.mu.Lock()
	if h.nl != nil && !h.owned[r.ID] { // neither closed nor promoted meanwhile
		err = errors.Join(err, h.lowerVMAC(r))
	}
	return err
}

// own makes everything of r present. The filter comes first, so that a router
// that must not accept traffic does not do so for a moment.
func (h *Host) own(r *Router) error {
	h.owned[r.ID] = true
	if err := h.applyFilter(); err != nil {
		return err
	}
	if err := h.raiseVMAC(r); err != nil {
		return err
	}
	h.promoteSecondaries(r)
	addrs, err := h.place(r)
	if err != nil {
		return err
	}
	err = h.addAddresses(addrs)
	if err != nil && !r.Static {
		return err
	}
	return errors.Join(err, h.addRoutes(r), h.addRules(r), h.preferSource(r))
}

// release makes everything of r absent and its virtual MAC silent.
func (h *Host) release(r *Router) error {
	return errors.Join(h.withdraw(r, false), h.lowerVMAC(r))
}

// withdraw removes what own adds, in the reverse order. owned says that r has
// owned it until now.
func (h *Host) withdraw(r *Router, owned bool) error {
	addrs, err := h.place(r)
	if err != nil {
		return err
	}
	err = errors.Join(h.removeRules(r), h.removeRoutes(r))
	if err == nil {
		// Routes that could not be put right may need the addresses.
		err = h.removeAddresses(addrs, owned)
	}
	return err
}

// clean removes what an earlier run left of a router. The owner of addresses
// that the administrator has configured keeps them, now and later.
func (h *Host) clean(r *Router) error {
	if r.KeepAddresses {
		if err := h.keep(r); err != nil {
			return err
		}
	}
	return h.release(r)
}

// keep marks the addresses that are there now as the administrator's.
func (h *Host) keep(r *Router) error {
	have, err := h.observe()
	if err != nil {
		return err
	}
	addrs, err := h.place(r)
	if err != nil {
		return err
	}
	for _, p := range addrs {
		if p.link != nil && have[p.key] {
			h.kept[p.key] = true
		}
	}
	return nil
}

// Close releases every router and takes away whatever this host has made:
// virtual interfaces, filter rules, kernel parameters.
func (h *Host) Close(ctx context.Context) error {
	err := h.Configure(ctx, nil)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.nl != nil {
		h.nl.Close()
		h.nl = nil
	}
	return err
}

// VMACName returns the name of a router's virtual MAC interface, chosen by
// Configure where the configuration has none; "" without one.
func (h *Host) VMACName(id vrrp.ID) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.routers[id]; r != nil && r.VMAC != nil {
		return r.VMAC.Name
	}
	return ""
}

// sorted returns the keys in a fixed order, for the sake of logs and tests.
func sorted(m map[vrrp.ID]*Router) []vrrp.ID {
	return slices.SortedFunc(maps.Keys(m), func(a, b vrrp.ID) int {
		return cmp.Or(strings.Compare(a.Interface, b.Interface), cmp.Compare(a.VRID, b.VRID), cmp.Compare(a.Family, b.Family))
	})
}

// difference returns a router that has only what was has and is has not.
func (h *Host) difference(was, is *Router) Router {
	gone := Router{ID: was.ID}
	keep := map[string]bool{}
	for i := range is.Addresses {
		a := &is.Addresses[i]
		keep[is.device(a)+" "+a.Prefix.String()+" "+a.Peer.String()] = true
	}
	for i := range was.Addresses {
		a := was.Addresses[i]
		a.Device = was.device(&a) // where it is, whatever has become of the virtual MAC
		if !keep[a.Device+" "+a.Prefix.String()+" "+a.Peer.String()] {
			gone.Addresses = append(gone.Addresses, a)
		}
	}
	for _, r := range was.Routes {
		// One that only changed has been replaced already.
		if !slices.ContainsFunc(is.Routes, r.replaces) {
			gone.Routes = append(gone.Routes, r)
		}
	}
	for _, r := range was.Rules {
		if !slices.Contains(is.Rules, r) {
			gone.Rules = append(gone.Rules, r)
		}
	}
	return gone
}
