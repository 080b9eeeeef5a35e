// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// member is one instance of a file that is edited at random.
type member struct {
	vrid, priority, vips, interval int // interval in hundredths of a second
	name                           string
	garp, nopreempt, notify        bool
	tracked, excluded, route       bool
	unicast                        bool
	since                          int // the edit that began it, or made it another router
}

// fleet is such a file. The same seed makes the same edits.
type fleet struct {
	rng     *rand.Rand
	members []*member
	pairs   [][2]*member // sync-groups
	delay   int          // vrrp_garp_master_delay
	comment int
	edits   int
}

func newFleet(seed uint64, size int) *fleet {
	f := &fleet{rng: rand.New(rand.NewPCG(seed, seed))}
	for vrid := 1; vrid <= size; vrid++ {
		f.members = append(f.members, f.newMember(vrid))
	}
	return f
}

func (f *fleet) newMember(vrid int) *member {
	return &member{vrid: vrid, since: f.edits, priority: 50 + f.rng.IntN(200), vips: 1 + f.rng.IntN(3), interval: 100, name: fmt.Sprintf("VI_%d", vrid)}
}

// edits change one thing each. They return the members that are not the same
// virtual router afterwards: removed, added, or another version of the protocol.
var edits = []struct {
	name string
	make func(f *fleet, m *member) (anew []*member)
}{
	{"priority", func(f *fleet, m *member) []*member { m.priority = 50 + f.rng.IntN(200); return nil }},
	{"address added", func(_ *fleet, m *member) []*member { m.vips = min(m.vips+1, 20); return nil }},
	{"address removed", func(_ *fleet, m *member) []*member { m.vips = max(m.vips-1, 1); return nil }},
	{"advert_int", func(f *fleet, m *member) []*member { m.interval = 80 + 10*f.rng.IntN(3); return nil }},
	{"garp", func(_ *fleet, m *member) []*member { m.garp = !m.garp; return nil }},
	{"nopreempt", func(_ *fleet, m *member) []*member { m.nopreempt = !m.nopreempt; return nil }},
	{"notify", func(_ *fleet, m *member) []*member { m.notify = !m.notify; return nil }},
	{"track_script", func(_ *fleet, m *member) []*member { m.tracked = !m.tracked; return nil }},
	{"excluded", func(_ *fleet, m *member) []*member { m.excluded = !m.excluded; return nil }},
	{"route", func(_ *fleet, m *member) []*member { m.route = !m.route; return nil }},
	{"name", func(f *fleet, m *member) []*member {
		m.name = fmt.Sprintf("VI_%d_%d", m.vrid, f.rng.IntN(1000))
		return nil
	}},
	{"unicast", func(f *fleet, m *member) []*member { m.unicast, m.since = !m.unicast, f.edits; return []*member{m} }},
	{"order", func(f *fleet, _ *member) []*member {
		f.rng.Shuffle(len(f.members), func(i, j int) { f.members[i], f.members[j] = f.members[j], f.members[i] })
		return nil
	}},
	{"global_defs", func(f *fleet, _ *member) []*member { f.delay = f.rng.IntN(5); return nil }},
	{"comment", func(f *fleet, _ *member) []*member { f.comment++; return nil }},
	{"instance added", (*fleet).add},
	{"instance removed", (*fleet).remove},
	{"sync-group added", (*fleet).pair},
	{"sync-group removed", func(f *fleet, _ *member) []*member {
		if len(f.pairs) > 0 {
			f.pairs = slices.Delete(f.pairs, 0, 1)
		}
		return nil
	}},
}

func (f *fleet) add(*member) []*member {
	for vrid := 1; vrid <= 255; vrid++ {
		if !slices.ContainsFunc(f.members, func(m *member) bool { return m.vrid == vrid }) {
			m := f.newMember(vrid)
			f.members = append(f.members, m)
			return []*member{m}
		}
	}
	return nil
}

func (f *fleet) remove(m *member) []*member {
	if f.paired(m) || len(f.members) < 10 {
		return nil
	}
	f.members = slices.DeleteFunc(f.members, func(o *member) bool { return o == m })
	return []*member{m}
}

// pair groups two members that have been MASTER for a while.
func (f *fleet) pair(m *member) []*member {
	o := f.members[f.rng.IntN(len(f.members))]
	settled := f.edits-max(m.since, o.since) > 20
	if settled && o != m && !f.paired(o) && !f.paired(m) {
		f.pairs = append(f.pairs, [2]*member{m, o})
	}
	return nil
}

func (f *fleet) paired(m *member) bool {
	return slices.ContainsFunc(f.pairs, func(p [2]*member) bool { return p[0] == m || p[1] == m })
}

// edit makes one to three edits and returns what they are called and the VRIDs
// that begin or end with them.
func (f *fleet) edit() (names []string, anew []byte) {
	f.edits++
	for range 1 + f.rng.IntN(3) {
		e := edits[f.rng.IntN(len(edits))]
		m := f.members[f.rng.IntN(len(f.members))]
		names = append(names, fmt.Sprintf("%s (%d)", e.name, m.vrid))
		for _, a := range e.make(f, m) {
			anew = append(anew, byte(a.vrid))
			if p := slices.IndexFunc(f.pairs, func(p [2]*member) bool { return p[0] == a || p[1] == a }); p >= 0 {
				// A group follows the member that starts anew.
				anew = append(anew, byte(f.pairs[p][0].vrid), byte(f.pairs[p][1].vrid))
			}
		}
	}
	return names, anew
}

// address is the n-th VIP of a VRID.
func address(vrid, n int) string { return fmt.Sprintf("10.1.%d.%d", vrid, n) }

func (f *fleet) String() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# edition %d\nglobal_defs {\n vrrp_garp_master_delay %d\n script_user root\n}", f.comment, f.delay)
	p("vrrp_script ok {\n script /bin/true\n interval 1\n}")
	for _, g := range f.pairs {
		p("vrrp_sync_group G_%d_%d {\n group {\n %s\n %s\n }\n}", g[0].vrid, g[1].vrid, g[0].name, g[1].name)
	}
	for _, m := range f.members {
		p("vrrp_instance %s {\n interface eth0\n version 3\n virtual_router_id %d\n priority %d\n advert_int %.2f", m.name, m.vrid, m.priority, float64(m.interval)/100)
		p(" virtual_ipaddress {")
		for n := range m.vips {
			p("  %s/32", address(m.vrid, n+1))
		}
		p(" }")
		for _, o := range []struct {
			on   bool
			text string
		}{
			{m.garp, " garp_master_refresh 30"},
			{m.nopreempt, " nopreempt"},
			{m.notify, " notify /bin/true"},
			{m.tracked && !f.paired(m), " track_script {\n  ok weight 2\n }"},
			{m.excluded, " virtual_ipaddress_excluded {\n  " + address(m.vrid, 200) + "/32\n }"},
			{m.route, fmt.Sprintf(" virtual_routes {\n  198.18.%d.0/24 dev eth0\n }", m.vrid)},
			{m.unicast, " unicast_src_ip 192.0.2.1\n unicast_peer {\n  192.0.2.2\n }"},
		} {
			if o.on {
				p("%s", o.text)
			}
		}
		p("}")
	}
	return b.String()
}
