// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

var (
	errMonitorEnded   = errors.New("the kernel ended the subscription")
	errMonitorChanged = errors.New("another set of subscriptions is needed")
)

const (
	// monitorBuffer is the receive buffer of the netlink subscriptions, bytes:
	// enough for some thousand changes at once. Should it overflow all the
	// same, everything is read again.
	monitorBuffer = 4 << 20
	resyncDelay   = 100 * time.Millisecond
)

// Link is the whole observed state of one interface.
type Link struct {
	Name      string
	Index     int // 0 when it does not exist
	Up        bool
	Addresses []netip.Prefix // usable ones: not tentative, not duplicates
}

func (l Link) equal(m Link) bool {
	return l.Name == m.Name && l.Index == m.Index && l.Up == m.Up && slices.Equal(l.Addresses, m.Addresses)
}

// Watch yields the whole state of every interface once, then each change,
// until ctx is done. It also puts back what others remove of owned routers;
// see [Options].
func (h *Host) Watch(ctx context.Context, yield func(Link)) error {
	w := &watcher{host: h, yield: yield, known: map[string]Link{}}
	for {
		err := w.follow(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errMonitorChanged) {
			continue
		}
		h.log.Warn("link monitor starts again", "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(resyncDelay):
		}
	}
}

// List returns the state of every interface now, sorted by name.
func (h *Host) List() ([]Link, error) {
	w := watcher{host: h}
	if err := w.readAll(); err != nil {
		return nil, err
	}
	now := w.state()
	out := make([]Link, 0, len(now))
	for _, name := range slices.Sorted(maps.Keys(now)) {
		out = append(out, now[name])
	}
	return out, nil
}

// watcher holds what is known of the interfaces.
type watcher struct {
	host  *Host
	yield func(Link)
	links map[int]netlink.Link
	addrs map[int][]netip.Prefix
	known map[string]Link // as last yielded, by name
}

// follow subscribes, reads everything, and follows the changes until one is
// lost.
func (w *watcher) follow(ctx context.Context) error {
	sub, err := subscribe(w.host.watchesRoutes())
	if err != nil {
		return err
	}
	defer sub.end()
	if err := w.readAll(); err != nil {
		return err
	}
	w.tell()
	w.host.verify(somethingReturned)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-sub.lost:
			return err
		case <-w.host.reconfigured:
			if w.host.watchesRoutes() != sub.withRoutes {
				return errMonitorChanged
			}
		case u, ok := <-sub.links:
			if !ok {
				return errMonitorEnded
			}
			w.link(u)
		case u, ok := <-sub.addrs:
			if !ok {
				return errMonitorEnded
			}
			w.addr(u)
		case u, ok := <-sub.routes:
			if !ok {
				return errMonitorEnded
			}
			if u.Type == unix.RTM_DELROUTE {
				w.host.verify(somethingRemoved)
			}
		}
	}
}

// readAll replaces what is known by what the kernel says now.
func (w *watcher) readAll() error {
	links, err := netlink.LinkList()
	if err != nil {
		return fmt.Errorf("list interfaces: %w", err)
	}
	addrs, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	w.links, w.addrs = map[int]netlink.Link{}, map[int][]netip.Prefix{}
	for _, l := range links {
		w.links[l.Attrs().Index] = l
	}
	for _, a := range addrs {
		if p, ok := prefixOf(a.IPNet); ok && usable(a.Flags) {
			w.addrs[a.LinkIndex] = append(w.addrs[a.LinkIndex], p)
		}
	}
	return nil
}

// usable reports whether an address can be a source: duplicate address
// detection has ended well.
func usable(flags int) bool {
	if flags&unix.IFA_F_DADFAILED != 0 {
		return false
	}
	return flags&unix.IFA_F_TENTATIVE == 0 || flags&unix.IFA_F_OPTIMISTIC != 0
}

func (w *watcher) link(u netlink.LinkUpdate) {
	index := int(u.Index)
	if u.Header.Type == unix.RTM_DELLINK {
		if u.Family == unix.AF_BRIDGE {
			return // only left its bridge
		}
		delete(w.links, index)
		delete(w.addrs, index)
		w.tell()
		return
	}
	if u.Family == unix.AF_BRIDGE {
		return // says nothing of flags
	}
	wasUp := w.links[index] != nil && running(w.links[index])
	w.links[index] = u.Link
	w.tell()
	if !wasUp && running(u.Link) {
		w.host.verify(somethingReturned)
	}
}

func (w *watcher) addr(u netlink.AddrUpdate) {
	p, ok := prefixOf(&u.LinkAddress)
	if !ok {
		return
	}
	list := w.addrs[u.LinkIndex]
	at := slices.Index(list, p)
	switch present := u.NewAddr && usable(u.Flags); {
	case present && at < 0:
		list = append(list, p)
	case !present && at >= 0:
		list = slices.Delete(slices.Clone(list), at, at+1)
	}
	w.addrs[u.LinkIndex] = list // what was yielded is never written to
	w.tell()
	if !u.NewAddr {
		w.host.verify(somethingRemoved)
	}
}

// tell yields every interface that differs from what was yielded last, those
// that are gone first: a name may have moved to another interface.
func (w *watcher) tell() {
	now := w.state()
	var gone, changed []Link
	for name, last := range w.known {
		if _, ok := now[name]; !ok && last.Index != 0 {
			gone = append(gone, Link{Name: name})
		}
	}
	for name, l := range now {
		if !l.equal(w.known[name]) {
			changed = append(changed, l)
		}
	}
	for _, l := range append(gone, changed...) {
		w.known[l.Name] = l
		if l.Index == 0 {
			delete(w.known, l.Name)
		}
		w.yield(l)
	}
}

// state returns every interface by name.
func (w *watcher) state() map[string]Link {
	now := make(map[string]Link, len(w.links))
	for index, l := range w.links {
		now[l.Attrs().Name] = Link{
			Name: l.Attrs().Name, Index: index, Up: w.up(l), Addresses: w.addrs[index],
		}
	}
	return now
}

// up reports whether an interface is up and running, and if it is stacked on
// another one, that too.
func (w *watcher) up(l netlink.Link) bool {
	if !running(l) {
		return false
	}
	switch l.Type() {
	case "macvlan", "macvtap", "ipvlan", "vlan":
		base, ok := w.links[l.Attrs().ParentIndex]
		return !ok || running(base) // a base in another namespace is not ours to see
	}
	return true
}

func running(l netlink.Link) bool {
	const both = unix.IFF_UP | unix.IFF_RUNNING
	return l.Attrs().RawFlags&both == both
}
